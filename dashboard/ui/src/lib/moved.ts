// How a candidate had moved, and where to look at it.
import type { Dropped, Slice } from './api-types';
import { percent, THIN } from './format';
import { withParameters } from './router';
import { sliceText } from './slice';
import { millis } from './time';
import { capitalised, measureName, metricName } from './words';

/** `P95 response time`; without the statistic where the evidence went before one was looked at. */
export const candidateMeasure = (metric: string, statistic: string | null | undefined): string =>
  capitalised(statistic == null ? metricName(metric) : measureName(metric, statistic));

/** `+12 %`; empty where it is not known. */
export function movedBy(relative: number | null | undefined): string {
  if (relative == null) return '';
  const size = percent(Math.abs(relative));
  return /^0(\.0)?\u202f%$/.test(size) ? `±0${THIN}%` : `${relative < 0 ? '\u2212' : '+'}${size}`;
}

/** Its day held against the same hours of the days before, which says who came. */
export const candidatePath = ({ metric, statistic, slice, at }: Pick<Dropped, 'metric' | 'statistic' | 'at'> & { slice: Slice }): string =>
  withParameters('/explore', { tab: 'compare', metric, stat: statistic ?? undefined, span: '6h', to: at, seg: sliceText(slice) || undefined });

export interface Move {
  /** The widest of its series; of several the first. */
  lead: Dropped;
  /** The other slices that it was seen in. */
  others: Slice[];
}

/** Candidates of one metric that follow each other within it are one move, seen in many slices. */
const TOGETHER_MS = 3 * 3_600_000;

/** The newest first. */
export function movesOf(dropped: Dropped[]): Move[] {
  const groups: Dropped[][] = [];
  for (const one of [...dropped].sort((a, b) => millis(a.at) - millis(b.at))) {
    const near = (other: Dropped | undefined) => other !== undefined && other.metric === one.metric && millis(one.at) - millis(other.at) <= TOGETHER_MS;
    const group = groups.findLast((known) => near(known.at(-1)));
    if (group) group.push(one);
    else groups.push([one]);
  }
  return groups.reverse().map((group) => {
    const width = ({ slice }: Dropped) => Object.keys(slice).length;
    const lead = group.reduce((best, one) => (width(one) < width(best) ? one : best));
    const slices = new Map(group.map(({ slice }) => [sliceText(slice), slice]));
    slices.delete(sliceText(lead.slice));
    return { lead, others: [...slices.values()] };
  });
}
