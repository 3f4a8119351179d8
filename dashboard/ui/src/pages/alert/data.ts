// What the page of an alert says, each sentence and each bar, from the alert alone.
import type { Alert, Change, DetectorEvidence, Severity, Slice, Verdict } from '../../lib/api-types';
import { count, difference, percent, plain, plural, range, roughly, signed, THIN } from '../../lib/format';
import { isTotal, overlaps, sameSlice, sliceLabel, slicePairs, slicePhrase } from '../../lib/slice';
import { millis } from '../../lib/time';
import { capitalised, metricName } from '../../lib/words';

/** Fewer requests than these cannot be told apart by slice. */
const FEW_REQUESTS = 200;
/** A part below this of the whole is not worth a sentence of its own. */
const NEGLIGIBLE = 0.05;
/** Rarer than one in this many is rare enough. */
const TRILLION = 1e12;

/** `18,211 requests from about 9,100 users` and `+235 ms (95 % sure: 201 to 268 ms)`. */
export function impact({ effect, status }: Alert): { who: string; size: string } {
  const users = effect.users ? ` from about ${plural(effect.users, 'user')}` : '';
  const when = status === 'resolved' ? 'while it lasted' : 'since it began';
  const size = difference(effect.delta, effect.unit) + sizeInterval(effect.interval, effect.unit);
  if (effect.requests === 0) return { who: `No requests came ${when}`, size };
  const only = isOfCounts(effect.unit) && effect.delta < 0 ? 'Only ' : '';
  return { who: `${only}${plural(effect.requests, 'request')}${users} ${when}`, size };
}

const isOfCounts = (unit: string): boolean => unit.startsWith('requests');

/** The series that is drawn and measured. */
export const drawnSlice = (alert: Alert): Slice => alert.evidence.chart?.slice ?? alert.slice;

/** `for search, the narrowest series kept around it`; undefined where the alert's own slice is drawn. */
export function widerSeries(alert: Alert): string | undefined {
  const drawn = drawnSlice(alert);
  return sameSlice(drawn, alert.slice) ? undefined : `${slicePhrase(drawn) || 'for all traffic'}, the narrowest series kept around it`;
}

function sizeInterval([low, high]: number[], unit: string): string {
  if (low === undefined || high === undefined) return '';
  const [near, far] = Math.abs(low) <= Math.abs(high) ? [low, high] : [high, low];
  const isOneWay = Math.sign(near) === Math.sign(far);
  const within = isOneWay ? range(Math.abs(near), Math.abs(far), unit) : `${difference(low, unit)} to ${difference(high, unit)}`;
  // Of shares the difference is in percentage points, which the text before says.
  return ` (95${THIN}% sure: ${unit === 'share' ? within.replace(`${THIN}%`, '') : within})`;
}

export type LikelyCause = { found: true; slice: [string, string][]; share: string; rest: string } | { found: false; reason: string };

export function likelyCause(alert: Alert): LikelyCause {
  const [first, ...others] = alert.causes;
  if (first === undefined) return { found: false, reason: noCauseReason(alert) };
  if (isTotal(first.slice)) return { found: false, reason: 'It is everywhere: no single slice stands out.' };
  return {
    found: true,
    slice: slicePairs(first.slice),
    share: percent(first.share),
    rest: `of the ${excessName(alert)}${others.length === 0 ? '' : `; ${plural(others.length, 'more slice')} below`}`,
  };
}

function noCauseReason({ effect }: Alert): string {
  if (effect.requests < FEW_REQUESTS) {
    return `None named: ${plural(effect.requests, 'request')} are too few to tell slices apart.`;
  }
  return 'No single slice stands out: it moved along all dimensions together.';
}

/** What there is too much, or too little, of. */
export function excessName({ effect }: Alert): string {
  if (effect.unit === 'ms') return 'excess slow requests';
  if (isOfCounts(effect.unit)) return effect.delta < 0 ? 'missing requests' : 'excess requests';
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

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Best fit first, lettered as on the chart. */
export const suspectLines = (alert: Alert): SuspectLine[] =>
  [...alert.suspects]
    .sort((a, b) => b.score - a.score)
    .map(({ change, title, time, score, why }, index) => ({
      letter: LETTERS[index] ?? '+',
      change,
      title,
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
  const named = new Set(alert.suspects.map(({ change }) => change));
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

/** How much of the move lies where, largest first. All of it in all traffic is no bar. */
export const causeBars = (alert: Alert): Bar[] =>
  alert.causes.filter(({ slice }) => !isTotal(slice)).map(({ slice, share, delta, requests }) => ({
    label: slicePairs(slice),
    share: Math.max(0, Math.min(1, share)),
    shareText: percent(share),
    detail:
      delta < 0
        ? `${count(-delta)} fewer than usual`
        : `${count(delta)} more ${isOfCounts(alert.effect.unit) ? '' : alert.effect.unit === 'ms' ? 'slow ' : 'bad '}than usual, of ${plural(requests, 'request')}`,
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
  const sorted = [...detector.attributions].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const shown: Part[] = sorted.length > FEATURES_MAX + 1 ? sorted.slice(0, FEATURES_MAX) : sorted;
  const others = sorted.slice(shown.length);
  const steps: Step[] = [];
  // A score that begins at nothing needs no bar for it.
  if (detector.base !== 0) steps.push({ label: 'Ordinary traffic', value: undefined, from: 0, to: detector.base, text: plain(detector.base), kind: 'base' });
  let level = detector.base;
  const add = (label: string, value: string | undefined, contribution: number) => {
    steps.push({ label, value, from: level, to: level + contribution, text: signed(contribution), kind: contribution < 0 ? 'down' : 'up' });
    level += contribution;
  };
  for (const { feature, value, contribution } of shown) add(featureName(feature), featureValue(feature, value), contribution);
  if (others.length > 0) {
    add(`${others.length} others`, undefined, others.reduce((sum, part) => sum + part.contribution, 0));
  }
  const unexplained = detector.score - level;
  if (Math.abs(unexplained) > 0.005 * Math.max(Math.abs(detector.score), 1)) add('Not attributed', undefined, unexplained);
  steps.push({ label: 'This alert', value: undefined, from: 0, to: detector.score, text: plain(detector.score), kind: 'score' });
  return steps;
}

interface Part {
  feature: string;
  value: number;
  contribution: number;
}

/** Features of this ending are worth as many times the requests that were expected there. */
const BEYOND = '_beyond_expectation';

export const isBeyond = (feature: string): boolean => feature.endsWith(BEYOND);

/** `p95: requests beyond the expectation`. */
export function featureName(feature: string): string {
  if (!isBeyond(feature)) return capitalised(metricName(feature));
  const statistic = feature.slice(0, -BEYOND.length);
  if (statistic === 'count') return 'Requests against the expectation';
  return `${capitalised(metricName(statistic))}: requests beyond the expectation`;
}

const featureValue = (feature: string, value: number): string => (isBeyond(feature) ? `${plain(value, 2)}×` : plain(value));

/** `one in 100,000 ordinary moments scores as high`. */
export const rarity = (p: number): string => (p * TRILLION > 1 ? `1 in ${roughly(1 / p)}` : 'fewer than 1 in a trillion');

/** How sure we are, in a sentence; the number of the trade is in it for those who know it. */
export function sureness(alert: Alert): string | undefined {
  const e = alert.evidence.e_value;
  if (e <= 1) return undefined;
  const often = e < TRILLION ? `at most once in ${roughly(e)} times` : 'less than once in a trillion times';
  return `Had nothing changed, evidence as strong as this would come up ${often}.`;
}

export const budgetSentence = (alert: Alert): string | undefined =>
  alert.evidence.false_alarm_budget ? `False alarms allowed for this metric: at most ${alert.evidence.false_alarm_budget}.` : undefined;

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
