// How the named slices add up to the move, each with how sure that is.
import type { Alert } from '../../lib/api-types';
import { difference, fromTo, percent, quantity } from '../../lib/format';
import { isTotal, sliceLabel } from '../../lib/slice';
import { claimedCauses } from '../../lib/words';
import { rarity } from './working';

type Cause = Alert['causes'][number];

export interface PartRow {
  name: string;
  /** The statistic in it, before and during. */
  moved: string;
  /** What it puts into the whole move. */
  part: string;
  share: string;
  interval: string;
  chance: string;
  without: string;
}

/** Each named slice, those that moved the other way, and what lies in none of them; nothing where no slice is named. */
export function partRows(alert: Alert): PartRow[] {
  const causes = claimedCauses(alert).filter(({ slice }) => !isTotal(slice));
  const why = alert.why;
  if (causes.length === 0 || !why?.compared) return [];
  const { unit } = alert.effect;
  const of = (cause: Cause): PartRow => ({
    name: sliceLabel(cause.slice),
    moved: cause.before == null || cause.after == null ? '' : fromTo(cause.before, cause.after, unit),
    part: cause.part ? difference(cause.part.within + cause.part.mix_shift, unit) : '',
    share: percent(cause.share),
    interval: cause.share_interval ? between(cause.share_interval) : '',
    chance: cause.chance == null ? '' : rarity(cause.chance),
    without: cause.without ? `${quantity(cause.without.value, unit)}, ${cause.without.would_fire ? 'an alert still' : 'no alert'}` : '',
  });
  const rows = [...causes, ...why.offsets].map(of);
  const rest = why.rest && { name: 'All else', moved: '', part: difference(why.rest.within + why.rest.mix_shift, unit), share: '', interval: '', chance: '', without: '' };
  return rest ? [...rows, rest] : rows;
}

/** What the parts add up to: the move of the requests that were compared, which may differ from the chart's expectation. */
export function togetherSentence({ why, effect }: Alert): string {
  const { before, after, days_before } = why?.compared ?? { before: effect.before, after: effect.after, days_before: 0 };
  const days = days_before === 1 ? 'the same hours of the day before' : `the same hours of ${days_before} days before`;
  return `Together ${difference(after - before, effect.unit)}: ${fromTo(before, after, effect.unit)}, against ${days}.`;
}

/** `4 % of the move (0 % to 21 %) is a change of who came.` */
export function mixShareSentence({ why }: Alert): string | undefined {
  const mix = why?.mix_share;
  return mix ? `${percent(mix.share)} of the move (${between(mix.interval)}) is a change of who came.` : undefined;
}

/** Of the first slice, those beside it: what did not move convinces. */
export const besideLines = (alert: Alert): string[] =>
  (claimedCauses(alert)[0]?.beside ?? []).map(({ slice, before, after }) => `${sliceLabel(slice)}: ${fromTo(before, after, alert.effect.unit)}`);

const between = ([low = 0, high = 0]: number[]): string => `${percent(low)} to ${percent(high)}`;
