// What an alert says, in sentences. The same facts always read the same, in the list and on the page.
import type { Alert, AlertStatus, Severity, Verdict } from './api-types';
import { fromTo, percent, quantity } from './format';
import { slicePhrase } from './slice';
import { duration, millis, moment, type Zone } from './time';

const ACRONYMS = new Set(['ux', 'asr', 'nlu', 'tts', 'os', 'api', 'cpu', 'ttfb']);
/** A rise from this factor on is easier to grasp as a multiple than as a percentage. */
const AS_MULTIPLE_FROM = 2;

export const SEVERITY_WORD: Record<Severity, string> = { critical: 'Critical', warning: 'Warning', info: 'Info' };

export const STATUS_WORD: Record<AlertStatus, string> = {
  firing: 'Firing',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
  silenced: 'Silenced',
};

export const VERDICTS: { verdict: Verdict; word: string; meaning: string }[] = [
  { verdict: 'true', word: 'Real', meaning: 'something did get worse' },
  { verdict: 'false', word: 'Not real', meaning: 'nothing that matters happened' },
  { verdict: 'duplicate', word: 'Duplicate', meaning: 'another alert says the same' },
];

/** The slices that it is claimed to lie in: where nothing is sure, or only others came, one may stand out and is no cause. */
export const claimedCauses = ({ causes, why }: Alert): Alert['causes'] =>
  why == null || why.verdict === 'slices' || why.verdict === 'everywhere' ? causes : [];

/** `response_time` -> `response time`, `ux_score` -> `UX score`. */
export const metricName = (metric: string): string =>
  metric
    .split(/[._\s]+/)
    .map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
    .join(' ');

/** `p95 response time`; the statistic is left out where the metric has but one. */
export function measureName(metric: string, statistic: string): string {
  const isOnlyOne = ['rate', 'count', 'score'].includes(statistic);
  return isOnlyOne ? metricName(metric) : `${statistic} ${metricName(metric)}`;
}

export interface Headline {
  /** `p95 response time in eu-central-1`. */
  subject: string;
  /** `rose 29 %`. */
  move: string;
  /** `812 → 1,047 ms`. */
  values: string;
}

export function headline(alert: Alert): Headline {
  const { before, after, unit } = alert.effect;
  const subject = [measureName(alert.metric, alert.statistic), slicePhrase(alert.slice) || 'across all traffic'].join(' ');
  return { subject: capitalised(subject), move: moveOf(alert), values: fromTo(before, after, unit) };
}

function moveOf({ kind, direction, effect }: Alert): string {
  if (kind === 'no_data') return 'stopped coming in';
  if (kind === 'stuck') return 'stands still';
  const verb = direction === 'up' ? 'rose' : 'fell';
  // A score has no natural zero, so a share of it says nothing; nor has anything a share of zero.
  if (effect.unit === 'points' || effect.before === 0) return `${verb} by ${quantity(Math.abs(effect.delta), effect.unit)}`;
  const factor = effect.after / effect.before;
  if (factor >= AS_MULTIPLE_FROM) return `rose to ${Number(factor.toPrecision(2))}× its usual level`;
  return `${verb} ${percent(Math.abs(effect.relative))}`;
}

/** `since 14:20; still bad`, `from 14:20 to 16:05; back to normal`. */
export function timing(alert: Alert, now: number, zone: Zone): string {
  const began = millis(alert.onset);
  const onset = moment(began, now, zone);
  if (alert.status === 'resolved') {
    const end = alert.resolved_at ? ` to ${moment(millis(alert.resolved_at), began, zone)}` : '';
    return `${end === '' ? 'since' : 'from'} ${onset}${end}; ${alert.folded_into ? 'then part of a wider alert' : 'back to normal'}`;
  }
  return `since ${onset}; ${alert.severity === 'info' ? 'still so' : 'still bad'}`;
}

/** The whole sentence, as in a title or a message. */
export function sentence(alert: Alert, now: number, zone: Zone): string {
  const { subject, move, values } = headline(alert);
  return `${subject} ${move} (${values}) ${timing(alert, now, zone)}`;
}

/** How long it lasted, or has lasted at `now`: `2 h 10 min`. */
export function lasting(alert: Alert, now: number): string {
  const end = alert.resolved_at ? millis(alert.resolved_at) : Math.max(now, millis(alert.opened_at));
  return duration(end - millis(alert.onset));
}

export const capitalised = (text: string): string =>
  // Names such as p95 or iOS are written as they are.
  /^[a-z]+([\s,]|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
