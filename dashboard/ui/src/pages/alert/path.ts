// The way of the alert's candidates through the funnel: what opened it, what joined it, and what of the same metric was dropped meanwhile.
import type { FunnelQuery } from '../../lib/api-self';
import type { Alert, Dropped, Slice } from '../../lib/api-types';
import { count, grouped, plural } from '../../lib/format';
import { candidateMeasure, movedBy } from '../../lib/moved';
import { sliceLabel } from '../../lib/slice';
import { millis, rfc3339 } from '../../lib/time';
import { metricName } from '../../lib/words';

/** Candidates so long before the onset were of the same time. */
const BEFORE_MS = 3 * 3_600_000;

export interface Candidate {
  at: number;
  series: string;
  moved: string;
  became: string;
  /** Part of this alert, or not. */
  isOfIt: boolean;
  /** Another alert that it is part of. */
  alert: string | undefined;
}

export const droppedQuery = ({ metric, onset_interval, resolved_at }: Alert): FunnelQuery => ({
  metric,
  from: rfc3339(millis(onset_interval[0] ?? '') - BEFORE_MS),
  // What came in the last step belongs to it.
  to: resolved_at ? rfc3339(millis(resolved_at) + 1) : undefined,
});

/** In the order of time. What joined is told by the alert itself, so that of the funnel's list the others are left. */
export function candidatesOf(alert: Alert, dropped: Dropped[]): Candidate[] {
  const joined = (alert.joined ?? []).map((one, index) => ({
    ...described(alert.metric, one),
    became: index === 0 ? 'opened this alert' : 'joined this alert',
    isOfIt: true,
    alert: undefined,
  }));
  const hasOwn = joined.length > 0;
  const others = dropped
    .filter((one) => !hasOwn || one.alert !== alert.id)
    .map((one) => ({
      ...described(one.metric, one),
      became: one.alert === alert.id ? 'joined this alert' : one.alert ? 'part of another alert' : grouped(one.why),
      isOfIt: one.alert === alert.id,
      alert: one.alert && one.alert !== alert.id ? one.alert : undefined,
    }));
  return [...joined, ...others].sort((a, b) => a.at - b.at);
}

const described = (metric: string, { at, statistic, slice, relative }: { at: string; statistic?: string | null; slice: Slice; relative?: number | null }) => ({
  at: millis(at),
  series: `${candidateMeasure(metric, statistic)}, ${sliceLabel(slice)}`,
  moved: movedBy(relative),
});

/** `12 series came through and are this alert; 5 other candidates of failure rate were dropped meanwhile.` */
export function candidatesSentence(alert: Alert, candidates: Candidate[]): string {
  const own = candidates.filter(({ isOfIt }) => isOfIt).length;
  const others = candidates.length - own;
  const rest = `${others === 0 ? 'no other candidate' : plural(others, 'other candidate')} of ${metricName(alert.metric)} ${others < 2 ? 'was' : 'were'} dropped around that time`;
  if (own === 0) return `Which series made this alert was not kept; ${rest}.`;
  return `${plural(own, 'candidate')} came through every stage and ${own === 1 ? 'is' : 'are'} this alert; ${rest}.`;
}

/** What the list cannot have any more; undefined where it is whole. */
export function forgottenSentence(alert: Alert, forgottenUntil: string | null | undefined): string | undefined {
  if (forgottenUntil == null || millis(forgottenUntil) < millis(droppedQuery(alert).from ?? '')) return undefined;
  return `Of each stage the newest ${count(200)} dropped candidates are remembered; some of that time are not among them any more.`;
}
