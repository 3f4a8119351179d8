// What became of alerts, and what was done to one.
import type { Alert, Timeline } from '../../lib/api-types';
import { percent } from '../../lib/format';
import { verdictOf } from './data';

const OUTCOME: Record<string, string> = { true: 'real', false: 'not real', duplicate: 'duplicate' };

export function outcomeOf(alert: Alert): string {
  const verdict = verdictOf(alert);
  if (verdict) return OUTCOME[verdict] ?? verdict;
  if (alert.folded_into) return 'part of another';
  return alert.status === 'resolved' ? 'not judged' : 'still open';
}

/** `4 of 12 were judged; 3 of these were real (75 %).` */
export function precisionSentence(alerts: Alert[]): string {
  const judged = alerts.map(verdictOf).filter((verdict) => verdict === 'true' || verdict === 'false');
  const real = judged.filter((verdict) => verdict === 'true').length;
  if (alerts.length === 0) return 'None before.';
  if (judged.length === 0) return `None of the last ${alerts.length} was judged yet; a verdict above helps to tell how far alerts can be trusted.`;
  return `${judged.length} of the last ${alerts.length} were judged; ${real} of these ${real === 1 ? 'was' : 'were'} real (${percent(real / judged.length)}).`;
}

const DONE: Record<string, string> = {
  acknowledge: 'acknowledged it',
  resolve: 'resolved it',
  assign: 'gave it to somebody',
  feedback: 'judged it',
  silence: 'silenced it',
  'end silence': 'ended a silence over it',
};

export function actSentence({ what, who, by_person }: Timeline['entries'][number]): string {
  if (!by_person) return what === 'opened' ? 'hark raised the alert' : what === 'ended' ? 'hark found everything back to normal' : what;
  return `${who ?? 'Somebody'} ${DONE[what] ?? `did: ${what}`}`;
}
