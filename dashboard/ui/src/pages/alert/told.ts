// Error texts and similar alerts, as far as they were worked out.
import type { Alert } from '../../lib/api-types';
import { percent } from '../../lib/format';
import { sliceLabel, slicePhrase } from '../../lib/slice';
import { capitalised, metricName } from '../../lib/words';

export interface ErrorRow {
  signature: string;
  before: number;
  after: number;
  share: string | undefined;
  isNew: boolean;
  examples: string[];
}

export const errorRows = ({ errors = [] }: Alert): ErrorRow[] =>
  errors.map((error) => {
    const more = error as { share?: number; new?: boolean; examples?: string[] };
    return {
      signature: error.signature,
      before: error.before,
      after: error.after,
      share: more.share === undefined || more.share === 0 ? undefined : percent(more.share),
      isNew: more.new ?? false,
      examples: more.examples ?? [],
    };
  });

export interface SimilarRow {
  id: string;
  score: string;
  /** `failure rate in eu-central-1`; undefined where that alert is not told with it. */
  subject: string | undefined;
  openedAt: string | undefined;
  why: string[];
  ended: string;
}

const VERDICT_WORD: Record<string, string> = { true: 'judged real', false: 'judged not real', duplicate: 'judged a duplicate' };

export const similarRows = ({ similar = [] }: Alert): SimilarRow[] =>
  similar.map((one) => {
    const more = one as { why?: string[]; opened_at?: string; metric?: string; slice?: Record<string, string>; verdict?: string | null; label?: string | null; resolved_at?: string | null };
    const ended = [more.verdict ? VERDICT_WORD[more.verdict] : undefined, more.label ?? undefined, more.resolved_at ? 'back to normal' : undefined];
    return {
      id: one.alert_id,
      score: percent(one.score),
      subject: more.metric === undefined ? undefined : capitalised([metricName(more.metric), slicePhrase(more.slice ?? {}) || 'across all traffic'].join(' ')),
      openedAt: more.opened_at,
      why: (more.why ?? []).map((part) => part.replaceAll('_', ' ')),
      ended: ended.filter((part) => part !== undefined).join(', '),
    };
  });

export const foldedLabels = (alert: Alert): string[] => (alert.folded ?? []).map(sliceLabel);

/** Why no error text is told: they say what makes a share of bad requests, and nothing else. */
export function noErrorsReason({ effect, kind }: Alert): string {
  if (kind === 'no_data' || effect.unit.startsWith('requests')) return 'None are compared: this alert is on how many requests came, and those that did not come left no text.';
  if (effect.unit !== 'share') return 'None are compared: this alert is on sizes, and a request that takes long need not fail. Which stage takes the time is told above, where stages are sent.';
  return 'No error text came more often than usual: the requests behind it had none, or the usual ones in their usual shares.';
}
