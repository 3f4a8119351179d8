// What hark says of itself: what became of candidates, whether detection works, how the process is.
import { query, request } from './api';
import type { Funnel, ProcessAnswer, SelfTest } from './api-types';

/** Which dropped candidates; all of them where nothing is said. */
export interface FunnelQuery {
  metric?: string | undefined;
  /** Names of stages, separated by commas. */
  stage?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Stages at which a candidate ends because of who came: the same kinds of requests fared as usual, or as far as chance goes. */
export const WHO_CAME = 'rate,like';

export const readFunnel = (asked: FunnelQuery = {}, signal?: AbortSignal) => request<Funnel>(`/funnel${query({ ...asked })}`, { signal });

export const readSelfTest = (signal?: AbortSignal) => request<SelfTest>('/selftest', { signal });

export const readProcess = (signal?: AbortSignal) => request<ProcessAnswer>('/process', { signal });
