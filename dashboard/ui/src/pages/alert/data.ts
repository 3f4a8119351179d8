// What the page of an alert says, each sentence and each bar, from the alert alone.
import type { Alert, Change, Severity, Slice, Verdict } from '../../lib/api-types';
import { difference, grouped, percent, plural, quantity, range, THIN } from '../../lib/format';
import { isTotal, overlaps, sameSlice, slicePairs, slicePhrase } from '../../lib/slice';
import { duration, millis } from '../../lib/time';
import { claimedCauses } from '../../lib/words';

/** Fewer requests than these cannot be told apart by slice. */
const FEW_REQUESTS = 200;
/** A part below this of the whole is not worth a sentence of its own. */
const NEGLIGIBLE = 0.05;

/** `18,211 requests from about 9,100 users` and `+235 ms (95 % sure: 201 to 268 ms)`. */
export function impact({ effect, status }: Alert): { who: string; size: string } {
  const users = effect.users ? ` from about ${plural(effect.users, 'user')}` : '';
  const when = status === 'resolved' ? 'while it lasted' : 'since it began';
  const size = difference(effect.delta, effect.unit) + sizeInterval(effect.interval, effect.unit);
  if (effect.requests === 0) return { who: `No requests came ${when}`, size };
  const only = isOfCounts(effect.unit) && effect.delta < 0 ? 'Only ' : '';
  return { who: `${only}${plural(effect.requests, 'request')}${users} ${when}`, size };
}

/** `; about 9,100 users are affected`; empty where nobody is named. */
export function affected({ effect, status }: Alert): string {
  if (!effect.users) return '';
  return `; about ${plural(effect.users, 'user')} ${status === 'resolved' ? (effect.users === 1 ? 'was' : 'were') : effect.users === 1 ? 'is' : 'are'} affected`;
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

interface CauseSlice {
  slice: [string, string][];
  share: string;
}

export type LikelyCause = ({ found: true; rest: string; others: CauseSlice[] } & CauseSlice) | { found: false; reason: string };

export function likelyCause(alert: Alert): LikelyCause {
  const [first, ...others] = claimedCauses(alert);
  if (first === undefined) return { found: false, reason: noCauseReason(alert) };
  if (isTotal(first.slice)) return { found: false, reason: 'It is everywhere: no single slice stands out.' };
  return {
    found: true,
    slice: slicePairs(first.slice),
    share: percent(first.share),
    rest: `of the ${excessName(alert)}`,
    others: others.map(({ slice, share }) => ({ slice: slicePairs(slice), share: percent(share) })),
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
  /** What speaks against it, a sentence each. */
  against: string[];
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Best fit first, lettered as on the chart. */
export const suspectLines = (alert: Alert): SuspectLine[] =>
  [...alert.suspects]
    .sort((a, b) => b.score - a.score)
    .map(({ change, title, time, score, why, ...more }, index) => ({
      letter: LETTERS[index] ?? '+',
      change,
      title,
      at: millis(time),
      fit: score >= 0.75 ? 'strong fit' : score >= 0.4 ? 'fair fit' : 'weak fit',
      why: grouped(why),
      against: ((more as { against?: string[] }).against ?? []).map(grouped),
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

export const verdictOf = (alert: Alert): Verdict | undefined => alert.feedback?.at(-1)?.verdict;

export const SEVERITY_MEANING: Record<Severity, string> = {
  critical: 'users notice; somebody should look now',
  warning: 'worth a look today',
  info: 'for your information',
};

/** `71 min of waiting added, 0.5 s for each user`; undefined where nothing was lost. */
export function waiting(seconds: number | null | undefined, users: number | null | undefined): string | undefined {
  if (seconds == null || seconds < 1) return undefined;
  const whole = seconds < 60 ? `${Math.round(seconds)}${THIN}s` : duration(seconds * 1000);
  return `${whole} of waiting added${users ? `, ${quantity((seconds / users) * 1000, 'ms')} for each user` : ''}`;
}
