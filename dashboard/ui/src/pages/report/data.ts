// The weekly report in words and shapes: what its parts say, for the page, the health page and print.
import type { ObjectiveState, Regression, Report, ReportQuery, ScorePart, Slice, Spread, UxScore } from '../../lib/api-types';
import { count, fixed, grouped, percent, plural, quantity, THIN } from '../../lib/format';
import { isTotal, sliceLabel } from '../../lib/slice';
import { duration } from '../../lib/time';
import { capitalised, measureName, metricName } from '../../lib/words';

/** A line through fewer weeks shows nothing. */
export const WEEKS_DRAWN_FROM = 3;

export const isDrawn = (values: (number | null | undefined)[]): boolean => values.filter((value) => value != null).length >= WEEKS_DRAWN_FROM;

const MINUTE_MS = 60_000;

/** `70.0`; a dash where there is none. */
export const points = (score: number | null | undefined): string => (score == null ? '–' : fixed(score, 1));

/** `−3.2`, `+0.4`, `0.0`; undefined where there is nothing to compare with. */
export function move(now: number | null | undefined, before: number | null | undefined): string | undefined {
  if (now == null || before == null) return undefined;
  const by = now - before;
  const text = fixed(Math.abs(by), 1);
  if (text === '0.0') return '±0.0';
  return `${by < 0 ? '\u2212' : '+'}${text}`;
}

/** How a score stands beside those before it: `−3.2 on last week, no last year`. */
export function trend(score: UxScore): string {
  const week = move(score.score, score.last_week);
  const year = move(score.score, score.last_year);
  const onWeek = week === undefined ? 'no week before' : `${week} on last week`;
  return `${onWeek}, ${year === undefined ? 'no last year' : `${year} on last year`}`;
}

export const platformName = (slice: Slice): string => capitalised(sliceLabel(slice));

/** The address of one platform's health; `/health` for all traffic. */
export const healthPath = (slice: Slice): string =>
  isTotal(slice) ? '/health' : `/health/${encodeURIComponent(Object.values(slice)[0] ?? '')}`;

/** The score that an address names: by the value of its one dimension; all traffic for none. */
export const scoreOf = (report: Report, id: string): UxScore | undefined =>
  report.scores.find(({ slice }) => (id === '' ? isTotal(slice) : Object.values(slice)[0] === id));

/** `Failure rate`, or the term where it is made of more than one metric. */
export const partName = (part: ScorePart): string =>
  part.metric && part.statistic ? capitalised(measureName(part.metric, part.statistic)) : part.term;

export const partValue = (part: ScorePart): string => (part.value == null ? '' : quantity(part.value, part.unit));

/** Widths of a bar of a full score: what is left, then what each part takes. They add up to 1. */
export function shares(score: UxScore): { left: number; parts: number[] } {
  const full = score.full ?? 100;
  const parts = score.parts.map((part) => Math.max(0, part.costs) / full);
  return { left: Math.max(0, (score.score ?? 0) / full), parts };
}

/** `7 min (5 to 12 min), of 8`. */
export function spread(of: Spread): string {
  if (of.median_minutes == null) return '–';
  const interval = of.interval_minutes as [number, number] | null | undefined;
  const told = (minutes: number) => duration(minutes * MINUTE_MS);
  const between = interval ? ` (95${THIN}%: ${told(interval[0])} to ${told(interval[1])})` : '';
  return `${told(of.median_minutes)}${between}`;
}

/** Of fewer the nine of ten are all of them. */
const TENTHS_FROM = 10;

/** `median of 12; nine of ten within 50 min`. */
export function spreadNote(of: Spread, what: string): string {
  if (of.alerts === 0) return `no ${what}`;
  if (of.alerts === 1) return `one ${what}`;
  const within = duration((of.p90_minutes ?? 0) * MINUTE_MS);
  return `median of ${count(of.alerts)}${of.alerts < TENTHS_FROM ? '' : `; nine of ten within ${within}`}`;
}

/** `1 labelled of 4 alerts; 95 % sure: 21 % to 100 %`. */
export function precisionNote({ labelled, of, interval }: Report['precision']): string {
  const [low, high] = interval ?? [];
  const sure = low === undefined || high === undefined ? '' : `; 95${THIN}% sure: ${percent(low)} to ${percent(high)}`;
  return `${count(labelled)} labelled of ${plural(of, 'alert')}${sure}`;
}

export const BUDGET_WORD = { kept: 'Kept', exceeded: 'Exceeded', unknown: 'Not known' } as const;

/** `3 of 12`. */
export const labelledOf = ({ labelled, of }: Report['precision']): string => `${count(labelled)} of ${count(of)}`;

/** False ones among the judged: `2`; not known where nobody judged any. */
export const falseAlarms = ({ precision, alarms }: Pick<Report, 'precision' | 'alarms'>): string =>
  precision.labelled === 0 && precision.of > 0 ? 'Not known' : count(alarms.false_alarms);

/** `0.2 to 7.2 false alarms (95 %)`: what weeks bring in which as many are found; undefined where nobody judged any. */
export function falseAlarmsNote({ precision, alarms }: Pick<Report, 'precision' | 'alarms'>): string | undefined {
  const [low, high] = alarms.interval;
  if ((precision.labelled === 0 && precision.of > 0) || low === undefined || high === undefined) return undefined;
  return `${fixed(low, 1)} to ${fixed(high, 1)} false alarms (95${THIN}% sure)`;
}

/** `no false alarm, where 1 a week is allowed`: the state is said beside it. */
export const alarmsNote = (sentence: string): string =>
  grouped(sentence).replace(/^(kept|exceeded|not known): /, '').replace(/^0 to 0 false alarms/, 'no false alarm').replace(/^(\d+) to \1 /, '$1 ');

/** `at most 5 % of requests may take longer than 1,500 ms, over 28 days`. */
export function objectiveSentence({ allowed_share, metric, statistic, target, unit, window }: ObjectiveState): string {
  const miss = statistic === 'rate' ? `count towards ${metricName(metric)}` : `take longer than ${quantity(target, unit)}`;
  return `At most ${percent(allowed_share).replace('.0', '')} of requests may ${miss}, over ${windowName(window)}`;
}

const UNITS: Record<string, string> = { h: 'hour', d: 'day', w: 'week' };

/** `28d` -> `28 days`. */
export function windowName(window: string): string {
  const [, n = '', unit = ''] = window.match(/^(\d+)([hdw])$/) ?? [];
  return UNITS[unit] === undefined ? window : plural(Number(n), UNITS[unit]);
}

/** `40 h`: seconds of many people in the unit that says most. */
export function lost(seconds: number | null | undefined): string {
  if (seconds == null) return '–';
  if (seconds < 120) return `${count(Math.round(seconds))}${THIN}s`;
  if (seconds < 7200) return `${count(Math.round(seconds / 60))}${THIN}min`;
  if (seconds < 172_800) return `${fixed(seconds / 3600, seconds < 36_000 ? 1 : 0)}${THIN}h`;
  return `${count(Math.round(seconds / 86_400))}${THIN}days`;
}

/** Left of the budget, and whether that is well. */
export function budget(one: ObjectiveState): { text: string; tone: 'good' | 'warning' | 'critical' | 'plain' } {
  const left = one.budget_left;
  if (left == null) return { text: 'no requests yet', tone: 'plain' };
  if (left < 0) return { text: `overspent by ${percent(-left)}`, tone: 'critical' };
  const text = `${percent(left)} left`;
  return { text, tone: one.runs_out != null || left < 0.25 ? 'warning' : 'good' };
}

export const pace = (burn: number | null | undefined): string => (burn == null ? '–' : `${fixed(burn, burn < 10 ? 1 : 0)}×`);

/** One line of text for a query: an address, or SQL. */
export const queryText = (query: ReportQuery): string => ('sql' in query ? query.sql : `GET ${query.address}`);

/** Where a click on the query leads: SQL to the SQL tab. */
export const queryHref = (query: ReportQuery): string =>
  'sql' in query ? `/explore?tab=sql&sql=${encodeURIComponent(query.sql)}` : query.address;

/** The worst first already; what is told of one beside its sentence. */
export const whose = (one: Regression): string => one.owner ?? 'nobody';

/** Points of a line through values from the oldest to the newest, in a box; a gap breaks it. */
export function linePath(values: (number | null | undefined)[], width: number, height: number): string {
  const known = values.filter((value): value is number => value != null);
  if (known.length === 0) return '';
  const high = Math.max(...known);
  // A line that hardly moves should look like it.
  const low = Math.min(...known, high - 5);
  const step = width / Math.max(1, values.length - 1);
  let path = '';
  let isDown = false;
  values.forEach((value, at) => {
    if (value == null) {
      isDown = false;
      return;
    }
    const y = ((high - value) / (high - low)) * height;
    path += `${isDown ? 'L' : 'M'}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
  });
  return path;
}
