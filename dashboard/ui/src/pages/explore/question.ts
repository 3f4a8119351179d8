// What is explored: all of it is in the address.
import type { DefinitionInForce, Slice } from '../../lib/api-types';
import { sliceOf } from '../../lib/slice';
import { rfc3339 } from '../../lib/time';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const SPANS = [
  { name: '6h', label: '6 hours', length: 6 * HOUR_MS },
  { name: '1d', label: '1 day', length: DAY_MS },
  { name: '3d', label: '3 days', length: 3 * DAY_MS },
  { name: '7d', label: '7 days', length: 7 * DAY_MS },
  { name: '28d', label: '28 days', length: 28 * DAY_MS },
] as const;
export type Span = (typeof SPANS)[number];
const USUAL: Span = SPANS[2];

/** Points drawn at most: a screen has no more columns of pixels. */
const POINTS_MAX = 2_700;
const STEP_S = 300;

export interface Question {
  metric: DefinitionInForce;
  statistic: string;
  slice: Slice;
  span: Span;
  from: number;
  to: number;
}

/** Undefined where there is no metric to ask about. */
export function questionOf(parameters: URLSearchParams, metrics: DefinitionInForce[], now: number): Question | undefined {
  const metric = metrics.find(({ name }) => name === parameters.get('metric')) ?? metrics[0];
  if (metric === undefined) return undefined;
  const statistic = metric.statistics.find((one) => one === parameters.get('stat')) ?? metric.statistics[0] ?? '';
  const span = SPANS.find(({ name }) => name === parameters.get('span')) ?? USUAL;
  const given = Date.parse(parameters.get('to') ?? '');
  // To the whole step: what is asked stays the same for as long as the answer does.
  const to = Math.floor((Number.isNaN(given) ? now : given) / (STEP_S * 1000)) * STEP_S * 1000;
  return { metric, statistic, slice: sliceOf(parameters.get('slice')), span, from: to - span.length, to };
}

/** A step that leaves as many points as there are pixels, in whole five minutes. */
export const stepOf = (length: number): number => Math.max(1, Math.ceil(length / 1000 / STEP_S / POINTS_MAX)) * STEP_S;

/** Sets of dimensions that series are kept for, all traffic first. */
export const setsOf = (metric: DefinitionInForce): string[][] => [[], ...metric.watch.filter((set) => set.length > 0)];

export const isSameSet = (slice: Slice, set: string[]): boolean => Object.keys(slice).sort().join() === [...set].sort().join();

export const AGAINST = [
  { name: 'usual', label: 'the same hours of the days before' },
  { name: 'day', label: 'the day before', back: DAY_MS },
  { name: 'week', label: 'the week before', back: 7 * DAY_MS },
] as const;

/** What the address says of two values; builds where it names no dimension. */
export function comparedBy({ metric }: Pick<Question, 'metric'>, parameters: URLSearchParams) {
  const by = parameters.get('by') ?? (metric.dimensions.includes('build') ? 'build' : (metric.dimensions[0] ?? ''));
  return { isValues: parameters.get('mode') === 'values', by, a: parameters.get('a') ?? '', b: parameters.get('b') ?? '' };
}

/** The finest counts are kept so long; what is compared lies within. */
export const KEPT_MS = 8 * DAY_MS;

/** What the server is asked to compare: another time, or another value in the same time. */
export function sidesOf(question: Question, parameters: URLSearchParams, seg: string) {
  const { metric, statistic, from, to } = question;
  const asked = { metric: metric.name, statistic, from: rfc3339(from), to: rfc3339(to) };
  const slice = sliceOf(seg);
  const [dimension, a, b] = [parameters.get('by'), parameters.get('a'), parameters.get('b')];
  const text = (of: Slice) => Object.entries(of).map(([name, value]) => `${name}:${value}`).join(',');
  const matchedBut = (held?: string) => [...metric.dimensions.filter((name) => ['device', 'locale'].includes(name) && name !== held), 'hour'].join();
  if (parameters.get('mode') === 'values') {
    if (!dimension || !a || !b) return undefined;
    return { ...asked, slice: text({ ...slice, [dimension]: b }), against_slice: text({ ...slice, [dimension]: a }), matched: matchedBut(dimension) };
  }
  const against = AGAINST.find(({ name }) => name === parameters.get('against')) ?? AGAINST[0];
  const sides = { ...asked, slice: text(slice) || undefined, matched: matchedBut() };
  return 'back' in against ? { ...sides, against_from: rfc3339(from - against.back), against_to: rfc3339(to - against.back) } : sides;
}

export const EXAMPLES = [
  { name: 'Newest requests', sql: 'select time, platform, feature, locale, outcome, total_ms\nfrom events\norder by time desc\nlimit 50' },
  {
    name: 'Slowest features today',
    sql: "select feature, count(*) as requests, approx_percentile_cont(total_ms, 0.95) as p95_ms\nfrom events\nwhere outcome = 'ok' and day = (select max(day) from events)\ngroup by feature\norder by p95_ms desc",
  },
  { name: 'Failures by error text', sql: "select error, count(*) as requests\nfrom events\nwhere outcome in ('error', 'timeout') and day = (select max(day) from events)\ngroup by error\norder by requests desc\nlimit 30" },
  { name: 'What a table holds', sql: 'select * from cells_hour limit 5' },
];
