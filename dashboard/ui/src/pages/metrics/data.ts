// A definition as a form, as YAML and as SQL: three views of the same.
import type { Alert, Definition, Preview, Sensitivity } from '../../lib/api-types';
import { millis } from '../../lib/time';

export type Kind = Definition['kind'];

/** What the form asks for. Three fields are enough: name, kind and what is measured. */
export interface Draft {
  name: string;
  kind: Kind;
  /** The value, the numerator or the formula; nothing for a count. */
  expression: string;
  filter: string;
  dimensions: string;
  better: 'lower' | 'higher';
  owner: string;
}

export const KINDS: { kind: Kind; label: string; asks: string; example: string }[] = [
  { kind: 'ratio', label: 'A share of requests', asks: 'Requests that count (SQL)', example: "outcome = 'cancelled'" },
  { kind: 'latency', label: 'A duration', asks: 'Value in ms (SQL)', example: 'asr_ms + nlu_ms' },
  { kind: 'count', label: 'How many requests', asks: '', example: '' },
  { kind: 'gauge', label: 'A value, as its mean', asks: 'Value (SQL)', example: 'battery_percent' },
  { kind: 'composite', label: 'A score of other metrics', asks: 'Formula', example: '100 - 100*penalty(failure_rate, 0.01, 0.15)' },
];

export const EMPTY: Draft = { name: '', kind: 'ratio', expression: '', filter: '', dimensions: 'platform, os_version, locale, feature, cluster', better: 'lower', owner: '' };

export const expressionOf = (metric: Definition): string => metric.value ?? metric.numerator ?? metric.expression ?? '';

export const draftOf = (metric: Definition): Draft => ({
  name: metric.name,
  kind: metric.kind,
  expression: expressionOf(metric),
  filter: metric.where ?? '',
  dimensions: (metric.dimensions ?? []).join(', '),
  better: metric.better ?? 'lower',
  owner: metric.owner ?? '',
});

const KEY = { latency: 'value', gauge: 'value', ratio: 'numerator', composite: 'expression', count: undefined } as const;

/** Where hark adds nothing of its own: the keys of a definition that the form does not ask for stay as they were. */
export function definitionOf(draft: Draft, before?: Definition): Definition {
  const dimensions = draft.dimensions.split(/[\s,]+/).filter((name) => name !== '');
  const key = KEY[draft.kind];
  const kept = before?.kind === draft.kind ? before : undefined;
  const watch = (kept?.watch ?? [[], ...dimensions.slice(0, 4).map((name) => [name])]).filter((set) => set.every((name) => dimensions.includes(name)));
  const isComposite = draft.kind === 'composite';
  return {
    name: draft.name.trim(),
    kind: draft.kind,
    ...(key ? { [key]: draft.expression.trim() } : {}),
    ...(draft.filter.trim() === '' || isComposite ? {} : { where: draft.filter.trim() }),
    ...(kept?.unit ? { unit: kept.unit } : {}),
    ...(kept?.statistics ? { statistics: kept.statistics } : {}),
    ...(isComposite ? { watch: kept?.watch ?? [[], ['platform']] } : { dimensions, watch: watch.length === 0 ? [[]] : watch }),
    ...(kept?.stages?.length ? { stages: kept.stages } : {}),
    better: draft.better,
    ...(draft.owner.trim() === '' ? {} : { owner: draft.owner.trim() }),
    ...(kept?.objective ? { objective: kept.objective } : {}),
    ...(kept?.alert ? { alert: kept.alert } : {}),
  };
}

const NOT_WRITTEN = ['managed_by', 'version', 'changed_at', 'changed_by'];

/** The definition as a file would hold it. */
export function yamlOf(metric: Definition): string {
  const lines = Object.entries(metric)
    .filter(([key, value]) => !NOT_WRITTEN.includes(key) && value != null && !(Array.isArray(value) && value.length === 0))
    .map(([key, value]) => `${key}: ${yamlValue(value)}`);
  return `metrics:\n  - ${lines.join('\n    ')}\n`;
}

function yamlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const inner = Object.entries(value).map(([key, one]) => `${key}: ${yamlValue(one)}`);
    return `{${inner.join(', ')}}`;
  }
  if (typeof value !== 'string') return String(value);
  // Plain where YAML reads it back as the same text; in quotes where a sign in it means something there.
  const isPlain = /^[A-Za-z_][\w .%/-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

/** The definition as a question to history: what it is by the hour. */
export function sqlOf(metric: Definition): string {
  const where = metric.where ? `\nwhere ${metric.where}` : '';
  const by = `select date_trunc('hour', time) as hour`;
  const end = `${where}\ngroup by 1 order by 1`;
  switch (metric.kind) {
    case 'ratio':
      return `${by},\n  avg(case when ${metric.numerator} then 1.0 else 0.0 end) as rate,\n  count(*) as requests\nfrom events${end}`;
    case 'latency':
      return `${by},\n  approx_percentile_cont(${metric.value}, 0.95) as p95,\n  count(${metric.value}) as requests\nfrom events${end}`;
    case 'gauge':
      return `${by},\n  avg(${metric.value}) as mean,\n  count(${metric.value}) as requests\nfrom events${end}`;
    case 'count':
      return `${by},\n  count(*) as requests\nfrom events${end}`;
    case 'composite':
      return `-- worked out from the series of other metrics, step by step\n${metric.expression ?? ''}`;
  }
}

export const ORIGIN: Record<string, string> = { built_in: 'built in', file: 'in a file', store: 'saved here' };

export const originOf = (metric: Definition): string =>
  metric.version === undefined ? (ORIGIN[metric.managed_by ?? ''] ?? '') : `saved, version ${metric.version}`;

export interface Row {
  metric: Definition;
  perWeek: number | undefined;
  judged: number;
  real: number;
  labelled: number;
  alerts: number;
  smallest: string | undefined;
}

/** `Would have fired 3 times, 1.5 a week.` */
export function firedSentence({ alerts, per_week }: Pick<Preview['metrics'][number], 'alerts' | 'per_week'>): string {
  if (alerts.length === 0) return 'Would not have fired.';
  return `Would have fired ${alerts.length === 1 ? 'once' : `${alerts.length} times`}${per_week == null ? '' : `, ${per_week.toFixed(1)} a week`}.`;
}

/** Where a preview would have fired, numbered as in its table, the oldest first. */
export const firedMarks = (alerts: Alert[]): { id: string; at: number; letter: string; isSuspect: boolean }[] =>
  alerts.map(({ id, opened_at }, index) => ({ id, at: millis(opened_at), letter: String(index + 1), isSuspect: true }));

const WEEK_MS = 7 * 86_400_000;

/** What is told of each metric in the list: `alerts` are those since `from`, in weeks until `now`. */
export function rowsOf(metrics: Definition[], alerts: Alert[], sensitivities: Sensitivity[], from: number, now: number): Row[] {
  const weeks = Math.max(1, (now - from) / WEEK_MS);
  return metrics.map((metric) => {
    const own = alerts.filter((alert) => alert.metric === metric.name && alert.folded_into == null && millis(alert.opened_at) >= from);
    const verdicts = own.map((alert) => alert.feedback?.at(-1)?.verdict);
    const real = verdicts.filter((verdict) => verdict === 'true').length;
    const judged = real + verdicts.filter((verdict) => verdict === 'false').length;
    const widest = sensitivities.find((one) => one.metric === metric.name);
    return {
      metric,
      perWeek: metric.kind === 'composite' ? undefined : own.length / weeks,
      judged,
      real,
      labelled: verdicts.filter((verdict) => verdict !== undefined).length,
      alerts: own.length,
      smallest: widest?.smallest_caught_percent == null ? undefined : `${widest.smallest_caught_percent > 0 ? '+' : '\u2212'}${Math.abs(widest.smallest_caught_percent)}\u202f%`,
    };
  });
}
