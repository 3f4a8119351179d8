// A definition as a form, as YAML and as SQL: three views of the same.
import type { Alert, Definition, Preview, Sensitivity } from '../../lib/api-types';
import { count, fixed } from '../../lib/format';
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
  /** Shares of the usual, as people write them: `3 %`; what the kind usually has where empty. */
  alertFrom: string;
  pageFrom: string;
  /** What a latency or a share should keep to, and over how long; no objective where empty. */
  target: string;
  window: string;
}

export const KINDS: { kind: Kind; label: string; asks: string; example: string }[] = [
  { kind: 'ratio', label: 'A share of requests', asks: 'Requests that count (SQL)', example: "outcome = 'cancelled'" },
  { kind: 'latency', label: 'A duration', asks: 'Value in ms (SQL)', example: 'asr_ms + nlu_ms' },
  { kind: 'count', label: 'How many requests', asks: '', example: '' },
  { kind: 'gauge', label: 'A value, as its mean', asks: 'Value (SQL)', example: 'battery_percent' },
  { kind: 'composite', label: 'A score of other metrics', asks: 'Formula', example: '100 - 100*penalty(failure_rate, 0.01, 0.15)' },
];

export const EMPTY: Draft = { name: '', kind: 'ratio', expression: '', filter: '', dimensions: 'platform, os_version, locale, feature, cluster', better: 'lower', owner: '', alertFrom: '', pageFrom: '', target: '', window: '28d' };

export const expressionOf = (metric: Definition): string => metric.value ?? metric.numerator ?? metric.expression ?? '';

export const draftOf = (metric: Definition): Draft => ({
  name: metric.name,
  kind: metric.kind,
  expression: expressionOf(metric),
  filter: metric.where ?? '',
  dimensions: (metric.dimensions ?? []).join(', '),
  better: metric.better ?? 'lower',
  owner: metric.owner ?? '',
  alertFrom: shareText(metric.alert?.min_effect),
  pageFrom: shareText(metric.alert?.page_at),
  target: metric.objective == null ? '' : metric.kind === 'ratio' ? shareText(metric.objective.target) : String(metric.objective.target),
  window: metric.objective?.window ?? '28d',
});

/** `0.03` -> `3 %`. */
const shareText = (share: number | string | undefined): string => (typeof share === 'number' ? `${Number((share * 100).toPrecision(6))} %` : (share ?? ''));

/** `3 %`, `3%`, `0.03` -> 0.03; what is none of these goes to the server, which says what it wants. */
function shareOf(text: string): number | string {
  const [, n, sign] = text.trim().match(/^(\d+(?:\.\d+)?)\s*(%?)$/) ?? [];
  if (n === undefined) return text.trim();
  return Number((sign === '%' ? Number(n) / 100 : Number(n)).toPrecision(6));
}

/** What an objective is about: of latencies a quantile, of shares the share; nothing else has one. */
export const objectiveOn = (kind: Kind, before?: Definition): string | undefined =>
  kind === 'ratio' ? 'rate' : kind === 'latency' ? (before?.kind === 'latency' ? before.objective?.statistic : undefined) ?? 'p95' : undefined;

/** `95 of 100 requests faster than (ms)`. */
export const objectiveAsks = (statistic: string): string =>
  statistic === 'rate' ? 'Objective: at most this share' : `Objective: ${statistic.replace(/^p/, '')} of 100 requests within (ms)`;

function objectiveOf(draft: Draft, before?: Definition): Definition['objective'] | undefined {
  const statistic = objectiveOn(draft.kind, before);
  if (statistic === undefined || draft.target.trim() === '') return undefined;
  const target = draft.kind === 'ratio' ? shareOf(draft.target) : Number(draft.target);
  return { statistic, target: Number(target), window: draft.window.trim() || '28d' };
}

function alertOf(draft: Draft): Definition['alert'] | undefined {
  const wanted = {
    ...(draft.alertFrom.trim() === '' ? {} : { min_effect: shareOf(draft.alertFrom) }),
    ...(draft.pageFrom.trim() === '' ? {} : { page_at: shareOf(draft.pageFrom) }),
  };
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

const KEY = { latency: 'value', gauge: 'value', ratio: 'numerator', composite: 'expression', count: undefined } as const;

/** Where hark adds nothing of its own: the keys of a definition that the form does not ask for stay as they were. */
export function definitionOf(draft: Draft, before?: Definition): Definition {
  const dimensions = draft.dimensions.split(/[\s,]+/).filter((name) => name !== '');
  const key = KEY[draft.kind];
  const kept = before?.kind === draft.kind ? before : undefined;
  const watch = (kept?.watch ?? [[], ...dimensions.slice(0, 4).map((name) => [name])]).filter((set) => set.every((name) => dimensions.includes(name)));
  const isComposite = draft.kind === 'composite';
  const objective = objectiveOf(draft, before);
  const alert = alertOf(draft);
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
    ...(objective ? { objective } : {}),
    ...(alert ? { alert } : {}),
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
  metric.version === undefined ? (ORIGIN[metric.managed_by ?? ''] ?? '') : `saved (version ${metric.version})`;

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
  return `Would have fired ${alerts.length === 1 ? 'once' : `${count(alerts.length)} times`}${per_week == null ? '' : `, ${fixed(per_week, 1)} a week`}.`;
}

/** Where a preview would have fired, numbered as in its table, the oldest first. */
export const firedMarks = (alerts: Alert[]): { id: string; at: number; letter: string; isSuspect: boolean }[] =>
  alerts.map(({ id, opened_at }, index) => ({ id, at: millis(opened_at), letter: String(index + 1), isSuspect: true }));

/** Four weeks, or since the oldest alert that was read where there were more than one asks for. */
export function readFrom({ alerts, next }: { alerts: Alert[]; next?: string | null | undefined }, from: number): number {
  const oldest = alerts.at(-1);
  return next == null || oldest === undefined ? from : Math.max(from, millis(oldest.opened_at));
}

/** `p50`; nothing where the metric has but one value. */
export const statisticName = (statistic: string): string => (['rate', 'count', 'score', 'mean'].includes(statistic) ? '' : statistic);

const WEEK_MS = 7 * 86_400_000;

/** What is told of each metric in the list: `alerts` are those since `from`, in weeks until `now`. */
export function rowsOf(metrics: Definition[], alerts: Alert[], sensitivities: Sensitivity[], from: number, now: number): Row[] {
  const weeks = Math.max(1 / 7, (now - from) / WEEK_MS);
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
