// Why it moved, as far as it was worked out: the verdict, stages, error texts, similar alerts. What is not there is
// said, never made up.
import type { Alert } from '../../lib/api-types';
import { count, difference, grouped, percent, quantity, THIN } from '../../lib/format';
import { isTotal, slicePairs } from '../../lib/slice';
import { capitalised, metricName } from '../../lib/words';

/** `asr_ms` -> `ASR`, `network_ms` -> `Network`; what the stages leave is the rest. */
export function stageName(stage: string): string {
  if (stage === 'gap') return 'Between the stages';
  return capitalised(metricName(stage.replace(/_(ms|s|seconds)$/, '')));
}

export interface StageRow {
  name: string;
  before: number | undefined;
  during: number | undefined;
  beforeText: string;
  duringText: string;
  delta: string;
  share: string;
  isNamed: boolean;
  /** Others got faster meanwhile, so that more than all of it is here. */
  isAll: boolean;
  tone: 'bad' | 'good' | 'plain';
}

/** From here on a stage carries a part worth colour. */
const CARRIES_FROM = 0.1;
const WHOLE_FROM_MS = 100;

/** Beside hundreds of milliseconds, tenths of one say nothing. */
function partOf(delta: number, { delta: whole, unit }: Alert['effect']): string {
  const rounded = Math.round(Math.abs(delta));
  if (unit !== 'ms' || Math.abs(whole) < WHOLE_FROM_MS || rounded >= WHOLE_FROM_MS) return difference(delta, unit);
  return `${rounded === 0 ? '±' : delta < 0 ? '\u2212' : '+'}${rounded}\u202fms`;
}

export function stageRows({ stages = [], effect }: Alert): StageRow[] {
  return stages.map((stage) => {
    const { before, during } = stage as { before?: number | null; during?: number | null };
    const text = (value: number | null | undefined) => (value == null ? '' : quantity(value, effect.unit));
    return {
      name: stageName(stage.stage),
      before: before ?? undefined,
      during: during ?? undefined,
      beforeText: text(before),
      duringText: text(during),
      delta: partOf(stage.delta, effect),
      share: percent(stage.share),
      isAll: stage.share >= 1,
      isNamed: (stage as { named?: boolean }).named === true,
      tone: stage.share >= CARRIES_FROM ? 'bad' : stage.share <= -CARRIES_FROM ? 'good' : 'plain',
    };
  });
}

/** `ASR carries 83 % of it`; or that no single stage does. */
export function stageSentence(alert: Alert): string | undefined {
  if (!alert.stages?.length) return undefined;
  const named = stageRows(alert).find(({ isNamed }) => isNamed);
  return named ? `${named.name} carries ${named.isAll ? 'all' : named.share} of it: ${named.delta}.` : 'No single stage stands out: several got slower together.';
}

/** The explanation's own words; of alerts from before there were any, none. */
export interface Why {
  verdict: string;
  reason: string;
  confidence: number;
  something_else?: number | null;
  ruled_out?: { change: string; title: string; time: string; score: number; why: string; against?: string[] }[];
  left_out?: { what: string; count: number; sentence: string }[];
  leads?: { slice: Record<string, string>; probability: number; before?: number | null; after?: number | null }[];
  deletion?: { would_fire?: boolean } | null;
}

export const whyOf = (alert: Alert): Why | undefined => (alert as { why?: Why | null }).why ?? undefined;

/** The reason why no slice is named, as a sentence. */
export const reasonOf = ({ reason }: Why): string => `${capitalised(grouped(reason))}.`;

/** `Without these requests' change 91 % of the move would be gone, and there would be no alert.` */
export function confidenceSentence(alert: Alert): string | undefined {
  const why = whyOf(alert);
  if (why === undefined || why.confidence <= 0) return undefined;
  const rest = why.deletion?.would_fire === false ? ', and there would be no alert' : why.deletion?.would_fire === true ? '; there would be an alert still' : '';
  return `Had these requests fared as usual, ${percent(why.confidence)} of the move would be gone${rest}.`;
}

export interface LeadLine {
  /** Empty for all traffic. */
  slice: [string, string][];
  probability: string;
  /** `1,020 → 1,240 ms` there. */
  moved: string | undefined;
}

/** What is less likely is in the API alone. */
const LIKELY_FROM = 0.05;

/** What the evidence does not rule out, the likeliest first. */
export const leadLines = (alert: Alert): LeadLine[] =>
  (whyOf(alert)?.leads ?? [])
    .filter(({ probability }) => probability >= LIKELY_FROM)
    .map(({ slice, probability, before, after }) => ({
      slice: isTotal(slice) ? [] : slicePairs(slice),
      probability: `${Math.round(100 * probability)}${THIN}%`,
      moved: before == null || after == null ? undefined : `${quantity(before, alert.effect.unit)} → ${quantity(after, alert.effect.unit)}`,
    }));

/** How many requests were lost, beyond what is usual, in the metric's own words; undefined where time is what was lost. */
export function lostRequests({ effect, direction }: Alert): string | undefined {
  if (effect.unit !== 'share' || direction !== 'up') return undefined;
  const lost = Math.round(effect.delta * effect.requests);
  return lost < 1 ? undefined : `about ${count(lost)} of them bad beyond what is usual`;
}
