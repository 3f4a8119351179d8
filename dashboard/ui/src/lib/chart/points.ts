// The numbers behind the chart: from frozen or live columns to what is drawn, said and tabled.
import type { Column, FrozenChart } from '../api-types';
import { quantity, range } from '../format';
import { millis, moment, type Zone } from '../time';

const HALF_HOUR_MS = 1_800_000;

export interface Chart {
  /** Milliseconds, one a point. */
  times: number[];
  step: number;
  value: Column;
  expected: Column;
  low: Column;
  high: Column;
  /** The value where it is outside the band from the onset on, with the point before so that the line joins. */
  outside: Column;
}

export function chartOf(columns: FrozenChart, onset: number): Chart | undefined {
  const step = columns.step_seconds * 1000;
  const start = millis(columns.start);
  if (!columns.value.some((n) => n !== null) || Number.isNaN(start)) return undefined;
  const times = columns.value.map((_, index) => start + index * step);
  const isOut = columns.value.map((n, index) => {
    const at = times[index] ?? 0;
    return n !== null && at + step > onset && (n > (columns.high[index] ?? Infinity) || n < (columns.low[index] ?? -Infinity));
  });
  const outside = columns.value.map((n, index) => (isOut[index] || isOut[index + 1] ? n : null));
  const { value, expected, low, high } = columns;
  return { times, step, value, expected, low, high, outside };
}

/** A screen has no more columns of pixels. */
const DRAWN_MAX = 2_700;

/**
 * The same columns in no more points than can be told apart: of each stretch the point farthest from what was expected,
 * so that no peak is lost. Stretches are equally long, so that a point still stands for a time.
 */
export function decimated<T extends FrozenChart>(columns: T, most = DRAWN_MAX): T {
  const stretch = Math.ceil(columns.value.length / most);
  if (stretch <= 1) return columns;
  const { value, expected } = columns;
  const chosen: number[] = [];
  for (let start = 0; start < value.length; start += stretch) {
    const end = Math.min(start + stretch, value.length);
    let best = start;
    let farthest = -1;
    for (let index = start; index < end; index++) {
      const own = value[index];
      const distance = own == null ? -1 : Math.abs(own - (expected[index] ?? own));
      if (distance > farthest) [best, farthest] = [index, distance];
    }
    chosen.push(best);
  }
  const of = (column: Column): Column => chosen.map((index) => column[index] ?? null);
  return { ...columns, step_seconds: columns.step_seconds * stretch, value: of(value), expected: of(expected), low: of(columns.low), high: of(columns.high) };
}

/** So many points on either side lie within half an hour. */
const reachOf = (chart: Chart) => Math.round(HALF_HOUR_MS / chart.step);

/** Whether an hour has several points, so that its mean is another line than theirs. */
export const isFine = (chart: Chart) => reachOf(chart) >= 1;

/** Without the noise of single steps: the mean of the hour around each. A median would lose a tail that comes and goes. */
export function smoothed(chart: Chart): Column {
  const reach = reachOf(chart);
  return chart.value.map((own, index) => {
    if (own === null) return null;
    const there = chart.value.slice(Math.max(0, index - reach), index + reach + 1).filter((n): n is number => n !== null);
    return there.reduce((sum, n) => sum + n, 0) / there.length;
  });
}

/** The point that holds this instant: a mark belongs to the step it lies in, not to the nearest line. */
export function pointAt(chart: Chart, at: number): number {
  const index = Math.floor((at - (chart.times[0] ?? 0)) / chart.step);
  return Math.max(0, Math.min(chart.times.length - 1, index));
}

/** `2 May 14:35: 1,047 ms, expected 812 ms (770 to 850 ms), above it`. */
export function describePoint(chart: Chart, index: number, unit: string, zone: Zone): string {
  const last = chart.times.at(-1) ?? 0;
  const reading = readPoint(chart, index, unit);
  const expected = reading.expected === undefined ? '' : `, expected ${reading.expected}`;
  const band = reading.band === undefined ? '' : ` (${reading.band})`;
  const side = reading.side === undefined ? '' : `, ${reading.side} the expected band`;
  return `${moment(chart.times[index] ?? 0, last, zone)}: ${reading.value}${expected}${band}${side}`;
}

export interface Reading {
  value: string;
  expected: string | undefined;
  band: string | undefined;
  side: 'above' | 'below' | undefined;
}

export function readPoint(chart: Chart, index: number, unit: string): Reading {
  const [value, expected, low, high] = [chart.value, chart.expected, chart.low, chart.high].map((column) => column[index] ?? null);
  return {
    value: value == null ? 'no data' : quantity(value, unit),
    expected: expected == null ? undefined : quantity(expected, unit),
    band: low == null || high == null ? undefined : range(low, high, unit),
    side: value == null ? undefined : high != null && value > high ? 'above' : low != null && value < low ? 'below' : undefined,
  };
}

/** Rows of the table beside the chart: more would only be scrolled past. */
const ROWS_MAX = 48;

/** Points for the table: of each stretch the one farthest from what was expected, so that none that matters is lost. */
export function tablePoints(chart: Chart, { from, to }: Pick<Span, 'from' | 'to'>): number[] {
  const [first, end] = [pointAt(chart, from), pointAt(chart, to) + 1];
  const stretch = Math.ceil((end - first) / ROWS_MAX);
  const points: number[] = [];
  for (let start = first; start < end; start += stretch) {
    let best = start;
    let farthest = -1;
    for (let index = start; index < Math.min(start + stretch, end); index++) {
      const [value, expected] = [chart.value[index], chart.expected[index]];
      const distance = value == null ? -1 : Math.abs(value - (expected ?? value));
      if (distance > farthest) [best, farthest] = [index, distance];
    }
    points.push(best);
  }
  return points;
}

export interface Span {
  name: string;
  from: number;
  to: number;
}

const HOUR_MS = 3_600_000;
const SPANS: [string, number][] = [['6 hours', 6 * HOUR_MS], ['1 day', 24 * HOUR_MS], ['3 days', 72 * HOUR_MS]];
/** The onset stands at this part of a shortened view: more of what was before than after, to compare with. */
const ONSET_AT = 0.6;

/** Views around the onset that are shorter than the whole, and the whole. */
export function spansOf(chart: Chart, onset: number): Span[] {
  const first = chart.times[0] ?? 0;
  const last = chart.times.at(-1) ?? first;
  const shorter = SPANS.filter(([, length]) => length < 0.8 * (last - first)).map(([name, length]) => {
    const from = Math.max(first, Math.min(onset - ONSET_AT * length, last - length));
    return { name, from, to: from + length };
  });
  return [...shorter, { name: 'All', from: first, to: last }];
}
