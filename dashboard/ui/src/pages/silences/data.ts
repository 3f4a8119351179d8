// Silences, told for people.
import type { Silence, SilenceState } from '../../lib/api-types';
import { count } from '../../lib/format';
import { isTotal, sliceLabel } from '../../lib/slice';
import { capitalised, metricName } from '../../lib/words';

export const STATE_WORD: Record<SilenceState, string> = { in_force: 'In force', planned: 'To come', over: 'Over' };

/** `Response time in iOS 26.1`, `Every metric in eu`, `Requests, all traffic`. */
export function whatOf({ metric, slice }: Pick<Silence, 'metric' | 'slice'>): string {
  const what = metric ? capitalised(metricName(metric)) : 'Every metric';
  const where = slice ?? {};
  return isTotal(where) ? `${what}, all traffic` : `${what} in ${sliceLabel(where)}`;
}

/** What is in force first, then what is to come, then what is over; of each what ends last comes first, as the server has it. */
export function inOrder(silences: Silence[]): Silence[] {
  const rank: Record<SilenceState, number> = { in_force: 0, planned: 1, over: 2 };
  return silences.toSorted((one, other) => rank[one.state] - rank[other.state]);
}

/** `3 open alerts`; nothing of what is not in force. */
export function hides({ state, alerts }: Pick<Silence, 'state' | 'alerts'>): string {
  if (state !== 'in_force') return '';
  if (alerts.length === 0) return 'no open alert';
  return alerts.length === 1 ? '1 open alert' : `${count(alerts.length)} open alerts`;
}
