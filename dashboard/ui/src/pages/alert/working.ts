// Why a detector fired: its score as bars that add up, and how sure it is, in words.
import type { Alert, DetectorEvidence } from '../../lib/api-types';
import { plain, roughly, signed } from '../../lib/scores';
import { capitalised, metricName } from '../../lib/words';

/** Rarer than one in this many is rare enough. */
const TRILLION = 1e12;

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
  const byWeight = [...detector.attributions].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  // What came hour by hour stays in its order, and stands before all else.
  const sorted = [...detector.attributions.filter(({ feature }) => RUN.test(feature)), ...byWeight.filter(({ feature }) => !RUN.test(feature))];
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

/** `p95_minutes_30_to_60` since the onset: worth the same. */
const RUN = /^(.+)_minutes_(\d+)_to_(\d+)$/;

/** Of the hour that a network looks at: its newest quarter, and what was before that. */
const OF_HOUR = /^(.+)_(newest|before)$/;

/** What evidence loses for all the moves, and times, that it was looked for. */
const PRICE = 'price_of_any_move';

export const isBeyond = (feature: string): boolean => feature.endsWith(BEYOND) || RUN.test(feature);

/** `30 to 60 min`, `1 to 2 h`. */
function span(from: number, to: number): string {
  const inHours = from % 60 === 0 && to % 60 === 0;
  return inHours ? `${from / 60} to ${to / 60} h` : `${from} to ${to} min`;
}

/** `p95: requests beyond the expectation`. */
export function featureName(feature: string): string {
  const run = RUN.exec(feature);
  if (run) return `${capitalised(metricName(run[1] ?? ''))}: ${span(Number(run[2]), Number(run[3]))} after the onset`;
  const part = OF_HOUR.exec(feature);
  if (part) return `${capitalised(metricName(part[1] ?? ''))}: ${part[2] === 'newest' ? 'the last 15 min' : 'the 45 min before'}`;
  if (feature === PRICE) return 'Less, for not knowing which move, and since when';
  if (!isBeyond(feature)) return capitalised(metricName(feature));
  const statistic = feature.slice(0, -BEYOND.length);
  if (statistic === 'count') return 'Requests against the expectation';
  return `${capitalised(metricName(statistic))}: requests beyond the expectation`;
}

function featureValue(feature: string, value: number): string | undefined {
  if (feature === PRICE) return undefined;
  return isBeyond(feature) ? `${plain(value, 2)}×` : plain(value);
}

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
  alert.evidence.false_alarm_budget ? `False alarms allowed over all metrics together: at most ${alert.evidence.false_alarm_budget}.` : undefined;
