// The way to the server: one function a request, one error for whatever goes wrong. What only some pages ask for is beside it,
// in a file of its own, so that the others need not load it.
import type {
  Alert, AlertList, AlertStatus, Change, Distribution, Problem, Series, Slice, Status, Timeline, Verdict,
} from './api-types';
import { sliceText } from './slice';

export const ROOT = '/api/v1';
/** A server that has not answered by then will hardly do so; the page says so instead of waiting. */
const TIMEOUT_MS = 15_000;
/** Rows of one page of the list; the server may give fewer. */
export const PAGE_ROWS = 50;

export class ApiError extends Error {
  override name = 'ApiError';
  /** 0 where no answer came at all. */
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

export interface AlertQuery {
  status?: AlertStatus | undefined;
  metric?: string | undefined;
  owner?: string | undefined;
  assignee?: string | undefined;
  /** Words that are looked for in what is told of the alerts. */
  q?: string | undefined;
  /** Opened from then on. */
  from?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface SeriesQuery {
  metric: string;
  statistic: string;
  slice: Slice;
  from: string;
  to: string;
  step_seconds: number;
}

export const listAlerts = ({ limit = PAGE_ROWS, ...asked }: AlertQuery, signal?: AbortSignal) =>
  request<AlertList>(`/alerts${query({ ...asked, limit: String(limit) })}`, { signal });

export const readAlert = (id: string, signal?: AbortSignal) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}`, { signal });

export const alertJsonPath = (id: string) => `${ROOT}/alerts/${encodeURIComponent(id)}`;

export const acknowledge = (id: string, by: string) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}/acknowledge`, { body: { by } });

export const giveFeedback = (id: string, verdict: Verdict, by: string, note?: string) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}/feedback`, { body: { verdict, note: note || undefined, by: by || undefined } });

export const resolve = (id: string, by: string) => request<Alert>(`/alerts/${encodeURIComponent(id)}/resolve`, { body: { by } });

export const assign = (id: string, to: string, by: string) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}/assign`, { body: by === '' ? { to } : { to, by } });

export const readTimeline = (id: string, signal?: AbortSignal) =>
  request<Timeline>(`/alerts/${encodeURIComponent(id)}/timeline`, { signal });

/** Within `slice`; that of the alert where it is undefined. */
export const readDistribution = (id: string, slice: string | undefined, signal?: AbortSignal) =>
  request<Distribution>(`/alerts/${encodeURIComponent(id)}/distribution${query({ slice })}`, { signal });

export const readSeries = (of: SeriesQuery, signal?: AbortSignal) =>
  request<Series>(
    `/series${query({
      metric: of.metric,
      statistic: of.statistic,
      slice: sliceText(of.slice) || undefined,
      from: of.from,
      to: of.to,
      step: String(of.step_seconds),
    })}`,
    { signal },
  );

export const listChanges = async (from: string, to: string, signal?: AbortSignal) =>
  (await request<{ changes: Change[] }>(`/changes${query({ from, to })}`, { signal })).changes;

export const readStatus = (signal?: AbortSignal) => request<Status>('/status', { signal });

export const streamPath = `${ROOT}/stream`;

/** `?a=1&b=2` of what is given; empty for nothing. */
export function query(parts: Record<string, string | undefined>): string {
  const given = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** What to tell a person of an error, whatever it was. */
export function describeError(error: unknown): { title: string; detail: string } {
  if (error instanceof ApiError) {
    const { status, title, message: detail } = error;
    // hark asks nobody who they are; what stands before it may.
    if (status === 401) return { title: 'Sign in first', detail: `hark does not know who you are. ${detail} Reload this page to sign in.` };
    if (status === 403) return { title: 'You may not do this', detail: `Your role does not let you. ${detail} Ask an administrator of hark for a wider one.` };
    return { title, detail };
  }
  return { title: 'Something went wrong in this page', detail: `${String(error)}. Reload it to try again.` };
}

export async function request<T>(path: string, options: { signal?: AbortSignal | undefined; body?: object; method?: string; timeout?: number }): Promise<T> {
  const signals = [AbortSignal.timeout(options.timeout ?? TIMEOUT_MS), ...(options.signal ? [options.signal] : [])];
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      signal: AbortSignal.any(signals),
      headers: { accept: 'application/json', ...(options.body ? { 'content-type': 'application/json' } : {}) },
      method: options.method ?? (options.body ? 'POST' : 'GET'),
      ...(options.body ? { body: JSON.stringify(options.body) } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'hark did not answer', 'Check that it is running and that this machine can reach it, then try again.');
  }
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  return new ApiError(
    response.status,
    problem.title ?? `hark answered with ${response.status}`,
    problem.detail ?? 'It gave no reason; its log has one.',
  );
}
