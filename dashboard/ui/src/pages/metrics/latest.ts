// The newest value of a metric's headline, over all traffic.
import { readSeries } from '../../lib/api';
import type { Definition } from '../../lib/api-types';
import { dataTime } from '../../lib/live.svelte';
import { rfc3339 } from '../../lib/time';

const HOUR_MS = 3_600_000;

/** Undefined where there is none: no traffic within the hour, or no series of all traffic. */
export async function latestOf(metric: Definition, signal: AbortSignal): Promise<{ value: number; unit: string; statistic: string } | undefined> {
  const now = dataTime();
  const statistic = metric.statistics?.[0] ?? 'score';
  const series = await readSeries(
    { metric: metric.name, statistic, slice: {}, from: rfc3339(now - HOUR_MS), to: rfc3339(now), step_seconds: 300 },
    signal,
  ).catch(() => undefined);
  const value = series?.value.findLast((one) => one !== null);
  return series === undefined || value == null ? undefined : { value, unit: series.unit, statistic };
}
