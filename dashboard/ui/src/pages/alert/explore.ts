// Beyond what an alert tells by itself: the way to Explore, and what its explanation has not looked at.
import type { Alert } from '../../lib/api-types';
import { grouped } from '../../lib/format';
import { withParameters } from '../../lib/router';
import { sliceText } from '../../lib/slice';
import { millis } from '../../lib/time';
import { SPANS } from '../explore/question';
import { whyOf } from './why';

/** `Looking for the cause: only the newest 6 hours since the onset are compared.`; undefined where nothing was left out. */
export function boundsOf(alert: Alert): string | undefined {
  const sentences = whyOf(alert)?.left_out?.map(({ sentence }) => grouped(sentence)) ?? [];
  return sentences.length === 0 ? undefined : `Looking for the cause: ${sentences.join('; ')}.`;
}

/** Its metric, its slice and the time it lasted, held against the days before. Explore asks for one of few spans, each up to a time: the shortest that holds all of the alert. */
export function explorePath({ metric, statistic, slice, onset, opened_at, resolved_at }: Alert): string {
  const lasted = millis(resolved_at ?? opened_at) - millis(onset);
  const span = SPANS.find(({ length }) => length >= lasted) ?? SPANS.at(-1);
  return withParameters('/explore', {
    tab: 'compare', metric, stat: statistic, span: span?.name, to: resolved_at ?? undefined, seg: sliceText(slice) || undefined,
  });
}
