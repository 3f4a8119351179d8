// The API's shapes, by hand until `npm run types` makes openapi.d.ts from the server's own description;
// then each line here becomes `export type Alert = components['schemas']['Alert']`.
// Whatever a server may leave out is optional here, so that an older alert still opens.

/** Dimension -> value; empty is all traffic. */
export type Slice = Record<string, string>;
export type AlertStatus = 'firing' | 'acknowledged' | 'resolved' | 'silenced';
export type Severity = 'info' | 'warning' | 'critical';
export type Direction = 'up' | 'down';
export type Verdict = 'true' | 'false' | 'duplicate';
/** One entry a step; null is a gap. */
export type Column = (number | null)[];

export interface Alert {
  id: string;
  metric: string;
  statistic: string;
  direction: Direction;
  status: AlertStatus;
  severity: Severity;
  slice: Slice;
  incident_id?: string;
  owner?: string | null;
  opened_at: string;
  onset: string;
  onset_interval?: [string, string] | null;
  resolved_at?: string | null;
  effect: Effect;
  evidence?: Evidence | null;
  causes?: Cause[] | null;
  mix?: Mix | null;
  suspects?: Suspect[] | null;
  folded?: Slice[] | null;
  feedback?: Feedback[] | null;
}

export interface Effect {
  before: number;
  after: number;
  delta: number;
  relative: number;
  interval?: [number, number] | null;
  unit: string;
  requests?: number | null;
  users?: number | null;
}

export interface Evidence {
  e_value?: number | null;
  false_alarm_budget?: string | null;
  detectors?: DetectorEvidence[] | null;
  chart?: FrozenChart | null;
}

export interface DetectorEvidence {
  name: string;
  score: number;
  p_value?: number | null;
  attributions?: Attribution[] | null;
  base: number;
}

export interface Attribution {
  feature: string;
  value: number;
  contribution: number;
}

export interface FrozenChart {
  start: string;
  step_seconds: number;
  value: Column;
  expected: Column;
  low: Column;
  high: Column;
}

export interface Series extends FrozenChart {
  metric: string;
  statistic: string;
  slice: Slice;
  unit: string;
  count?: Column | null;
}

export interface Cause {
  slice: Slice;
  share: number;
  delta: number;
  requests: number;
}

export interface Mix {
  within: number;
  mix_shift: number;
}

export interface Suspect {
  change: string;
  title?: string | null;
  time: string;
  score: number;
  why: string;
}

export interface Feedback {
  verdict: Verdict;
  label?: string | null;
  note?: string | null;
}

export interface Change {
  id: string;
  time: string;
  kind: string;
  title: string;
  slice?: Slice | null;
  url?: string | null;
}

export interface Status {
  watermark: string | null;
  events: number;
  duplicates: number;
  late: number;
  rejected: number;
  series?: number;
  firing?: number;
  demo?: { minutes_per_second: number } | null;
  version?: string;
}

export interface AlertList {
  alerts: Alert[];
  next: string | null;
}

/** application/problem+json */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
}
