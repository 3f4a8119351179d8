// What the page of an alert says, each sentence and each bar, from the alert alone.
import type { Alert, Change, DetectorEvidence, Severity, Verdict } from '../../lib/api-types';
import { count, difference, percent, plain, plural, range, roughly, signed, THIN } from '../../lib/format';
import { overlaps, sliceLabel, slicePairs } from '../../lib/slice';
import { capitalised, metricName } from '../../lib/words';
import { millis } from '../../lib/time';

/** Fewer requests than these cannot be told apart by slice. */
const FEW_REQUESTS = 200;
/** A part below this of the whole is not worth a sentence of its own. */
const NEGLIGIBLE = 0.05;

/** `18,211 requests from 9,120 users` and `+235 ms (95 % sure: 201 to 268 ms)`. */
export function impact({ effect }: Alert): { who: string | undefined; size: string } {
  const requests = effect.requests ? plural(effect.requests, 'request') : undefined;
  const users = effect.users ? plural(effect.users, 'user') : undefined;
  const interval = effect.interval ? sizeInterval(effect.interval, effect.unit) : '';
  const who = requests && users ? `${requests} from ${users}` : (requests ?? users);
  return { who: who && `${who} since it began`, size: difference(effect.delta, effect.unit) + interval };
}

function sizeInterval([low, high]: [number, number], unit: string): string {
  const [near, far] = Math.abs(low) <= Math.abs(high) ? [low, high] : [high, low];
  const isOneWay = Math.sign(near) === Math.sign(far);
  const within = isOneWay ? range(Math.abs(near), Math.abs(far), unit) : `${difference(low, unit)} to ${difference(high, unit)}`;
  // Of shares the difference is in percentage points, which the text before says.
  return ` (95${THIN}% sure: ${unit === 'share' ? within.replace(`${THIN}%`, '') : within})`;
}

export type LikelyCause = { found: true; slice: [string, string][]; share: string; rest: string } | { found: false; reason: string };

export function likelyCause(alert: Alert): LikelyCause {
  const [first, ...others] = alert.causes ?? [];
  if (first === undefined) return { found: false, reason: noCauseReason(alert) };
  return {
    found: true,
    slice: slicePairs(first.slice),
    share: percent(first.share),
    rest: `of the ${excessName(alert)}${others.length === 0 ? '' : `; ${plural(others.length, 'more slice')} below`}`,
  };
}

function noCauseReason({ effect }: Alert): string {
  if (effect.requests != null && effect.requests < FEW_REQUESTS) {
    return `None named: ${plural(effect.requests, 'request')} are too few to tell slices apart.`;
  }
  return 'No single slice stands out: it moved along all dimensions together.';
}

/** What there is too much, or too little, of. */
export function excessName({ effect }: Alert): string {
  if (effect.unit === 'ms') return 'excess slow requests';
  if (effect.unit === 'requests') return effect.delta < 0 ? 'missing requests' : 'excess requests';
  return 'excess bad requests';
}

/** Whether requests themselves fared worse, or only others came; undefined where it was not split. */
export function mixSentence({ mix, effect }: Alert): string | undefined {
  if (!mix) return undefined;
  const whole = Math.abs(mix.within) + Math.abs(mix.mix_shift);
  if (whole === 0) return undefined;
  const shift = mix.mix_shift / whole;
  if (Math.abs(shift) < NEGLIGIBLE) return `The same kinds of requests ${faring(effect.delta, effect.unit)}; who asks has not changed.`;
  if (Math.abs(shift) > 1 - NEGLIGIBLE) return 'Only who asks has changed: each kind of request fares as before.';
  return `${difference(mix.within, effect.unit)} because the same kinds of requests fare differently, ${difference(mix.mix_shift, effect.unit)} because others ask.`;
}

const faring = (delta: number, unit: string): string =>
  unit === 'ms' ? (delta > 0 ? 'got slower' : 'got faster') : 'fare differently';

export interface SuspectLine {
  letter: string;
  change: string;
  title: string;
  at: number;
  fit: string;
  why: string;
}

/** Best fit first, lettered as on the chart. */
export const suspectLines = (alert: Alert): SuspectLine[] =>
  [...(alert.suspects ?? [])]
    .sort((a, b) => b.score - a.score)
    .map(({ change, title, time, score, why }, index) => ({
      letter: String.fromCharCode(65 + index),
      change,
      title: title ?? change,
      at: millis(time),
      fit: score >= 0.75 ? 'strong fit' : score >= 0.4 ? 'fair fit' : 'weak fit',
      why,
    }));

export interface Marker {
  at: number;
  letter: string;
  title: string;
  url: string | undefined;
  isSuspect: boolean;
}

/** Suspects by their letters, then the other changes that can have touched this traffic, by number. */
export function markersOf(alert: Alert, changes: Change[]): Marker[] {
  const suspects = suspectLines(alert).map(({ change, letter, title, at }) => {
    const known = changes.find(({ id }) => id === change);
    return { at, letter, title, url: known?.url ?? undefined, isSuspect: true };
  });
  const named = new Set((alert.suspects ?? []).map(({ change }) => change));
  const others = changes
    .filter(({ id, slice }) => !named.has(id) && overlaps(slice ?? {}, alert.slice))
    .sort((a, b) => millis(a.time) - millis(b.time))
    .map(({ time, kind, title, url }, index) => ({
      at: millis(time),
      letter: String(index + 1),
      title: `${kind} ${title}`,
      url: url ?? undefined,
      isSuspect: false,
    }));
  return [...suspects, ...others].sort((a, b) => a.at - b.at);
}

export interface Bar {
  label: [string, string][];
  share: number;
  shareText: string;
  detail: string;
}

/** How much of the move lies where, largest first. */
export const causeBars = (alert: Alert): Bar[] =>
  (alert.causes ?? []).map(({ slice, share, delta, requests }) => ({
    label: slicePairs(slice),
    share: Math.max(0, Math.min(1, share)),
    shareText: percent(share),
    detail:
      delta < 0
        ? `${count(-delta)} fewer than usual`
        : `${count(delta)} more ${alert.effect.unit === 'ms' ? 'slow' : 'bad'} than usual, of ${plural(requests, 'request')}`,
  }));

export interface Step {
  label: string;
  value: string | undefined;
  /** Where the bar begins and ends on the scale of the score. */
  from: number;
  to: number;
  text: string;
  kind: 'base' | 'up' | 'down' | 'score';
}

/** Features drawn one by one; the least telling ones are drawn together. */
const FEATURES_MAX = 7;

/** From the usual score of an ordinary moment, feature by feature, to the score: the bars add up. */
export function stepsOf(detector: DetectorEvidence): Step[] {
  const sorted = [...(detector.attributions ?? [])].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const shown: Part[] = sorted.length > FEATURES_MAX + 1 ? sorted.slice(0, FEATURES_MAX) : sorted;
  const others = sorted.slice(shown.length);
  const steps: Step[] = [{ label: 'An ordinary moment', value: undefined, from: 0, to: detector.base, text: plain(detector.base), kind: 'base' }];
  let level = detector.base;
  const add = (label: string, value: string | undefined, contribution: number) => {
    steps.push({ label, value, from: level, to: level + contribution, text: signed(contribution), kind: contribution < 0 ? 'down' : 'up' });
    level += contribution;
  };
  for (const { feature, value, contribution } of shown) add(featureName(feature), plain(value), contribution);
  if (others.length > 0) {
    add(`${others.length} others`, undefined, others.reduce((sum, part) => sum + part.contribution, 0));
  }
  const unexplained = detector.score - level;
  if (Math.abs(unexplained) > 0.005 * Math.max(Math.abs(detector.score), 1)) add('Not attributed', undefined, unexplained);
  steps.push({ label: 'This moment', value: undefined, from: 0, to: detector.score, text: plain(detector.score), kind: 'score' });
  return steps;
}

interface Part {
  feature: string;
  value: number;
  contribution: number;
}

export const featureName = (feature: string): string => capitalised(metricName(feature));

/** `one in 100,000 ordinary moments scores as high`. */
export const rarity = (p: number): string => (p > 0 ? `1 in ${roughly(1 / p)}` : `fewer than 1 in ${roughly(1e9)}`);

/** How sure we are, in a sentence; the number of the trade is in it for those who know it. */
export function sureness(alert: Alert): string | undefined {
  const e = alert.evidence?.e_value;
  if (e == null || e <= 1) return undefined;
  return `Had nothing changed, evidence as strong as this would come up at most once in ${roughly(e)} times.`;
}

export const budgetSentence = (alert: Alert): string | undefined =>
  alert.evidence?.false_alarm_budget ? `False alarms allowed for this metric: at most ${alert.evidence.false_alarm_budget}.` : undefined;

export const VERDICTS: { verdict: Verdict; word: string; meaning: string }[] = [
  { verdict: 'true', word: 'Real', meaning: 'something did get worse' },
  { verdict: 'false', word: 'Not real', meaning: 'nothing that matters happened' },
  { verdict: 'duplicate', word: 'Duplicate', meaning: 'another alert says the same' },
];

export const verdictOf = (alert: Alert): Verdict | undefined => alert.feedback?.at(-1)?.verdict;

export const foldedLabels = (alert: Alert): string[] => (alert.folded ?? []).map(sliceLabel);

export const SEVERITY_MEANING: Record<Severity, string> = {
  critical: 'users notice; somebody should look now',
  warning: 'worth a look today',
  info: 'for your information',
};
