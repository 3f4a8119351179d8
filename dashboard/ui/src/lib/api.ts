// The way to the server: one function a request, one error for whatever goes wrong.
import type {
  Alert, AlertList, AlertStatus, AuditLog, Change, DefinitionDetail, DefinitionInForce, Distribution, Drivers, Exemplar, Funnel, HeatMap,
  NewChange, Preview, Problem, QueryAnswer, Report, SavedDefinitions, SelfTest, Series, Slice, Status, Timeline, Verdict,
} from './api-types';
import { sliceText } from './slice';

const ROOT = '/api/v1';
/** A server that has not answered by then will hardly do so; the page says so instead of waiting. */
const TIMEOUT_MS = 15_000;
/** Days of events are folded for it. */
const PREVIEW_TIMEOUT_MS = 120_000;
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

export const giveFeedback = (id: string, verdict: Verdict, note?: string) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}/feedback`, { body: note ? { verdict, note } : { verdict } });

export const resolve = (id: string, by: string) => request<Alert>(`/alerts/${encodeURIComponent(id)}/resolve`, { body: { by } });

export const assign = (id: string, to: string, by: string) =>
  request<Alert>(`/alerts/${encodeURIComponent(id)}/assign`, { body: by === '' ? { to } : { to, by } });

export const readTimeline = (id: string, signal?: AbortSignal) =>
  request<Timeline>(`/alerts/${encodeURIComponent(id)}/timeline`, { signal });

/** Which values of each dimension are hit, in an alert; within `slice`, all traffic where it is empty. */
export const readDrivers = (id: string, slice: string, signal?: AbortSignal) =>
  request<Drivers>(`/alerts/${encodeURIComponent(id)}/drivers${query({ slice: slice || undefined })}`, { signal });

export const readHeatMap = (id: string, asked: { slice: string; rows?: string | undefined; columns?: string | undefined }, signal?: AbortSignal) =>
  request<HeatMap>(`/alerts/${encodeURIComponent(id)}/heatmap${query({ ...asked, slice: asked.slice || undefined })}`, { signal });

/** Within `slice`; that of the alert where it is undefined. */
export const readDistribution = (id: string, slice: string | undefined, signal?: AbortSignal) =>
  request<Distribution>(`/alerts/${encodeURIComponent(id)}/distribution${query({ slice })}`, { signal });

/** Two sides of a metric; the same hours of the days before where nothing is said of the other side. */
export interface Sides {
  metric: string;
  statistic?: string | undefined;
  slice?: string | undefined;
  from: string;
  to: string;
  against_slice?: string | undefined;
  against_from?: string | undefined;
  against_to?: string | undefined;
  matched?: string | undefined;
}

const compare = <T>(what: string, sides: object, signal?: AbortSignal) => request<T>(`/compare/${what}${query({ ...sides })}`, { signal });

export const compareDrivers = (sides: Sides, signal?: AbortSignal) => compare<Drivers>('drivers', sides, signal);

export const compareHeatMap = (sides: Sides & { rows?: string | undefined; columns?: string | undefined }, signal?: AbortSignal) =>
  compare<HeatMap>('heatmap', sides, signal);

export const compareDistribution = (sides: Sides, signal?: AbortSignal) => compare<Distribution>('distribution', sides, signal);

export interface ExemplarQuery {
  metric: string;
  slice: string;
  from: string;
  to: string;
  limit: number;
}

export const readExemplars = async ({ slice, limit, ...asked }: ExemplarQuery, signal?: AbortSignal) =>
  (await request<{ exemplars: Exemplar[] }>(`/exemplars${query({ ...asked, slice: slice || undefined, limit: String(limit) })}`, { signal })).exemplars;

/** Longer than others: a question in SQL may read weeks of history. */
const QUERY_TIMEOUT_MS = 60_000;

export const runQuery = (sql: string, limit: number, signal?: AbortSignal) =>
  request<QueryAnswer>('/query', { signal, body: { sql, limit }, timeout: QUERY_TIMEOUT_MS });

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

export const readFunnel = (signal?: AbortSignal) => request<Funnel>('/funnel', { signal });

export const readSelfTest = (signal?: AbortSignal) => request<SelfTest>('/selftest', { signal });

export const readReport = (week: string | undefined, signal?: AbortSignal) =>
  request<Report>(`/report${query({ week })}`, { signal });

export const reportPath = (week: string, format: 'json' | 'html') => `${ROOT}/report?week=${week}&format=${format}`;

export const postChange = (change: NewChange) => request<Change>('/changes', { body: change });

export const readAudit = (limit: number, signal?: AbortSignal) => request<AuditLog>(`/audit${query({ limit: String(limit) })}`, { signal });

export const listDefinitions = async (signal?: AbortSignal) =>
  (await request<{ metrics: DefinitionInForce[] }>('/definitions', { signal })).metrics;

export const readDefinition = (name: string, signal?: AbortSignal) =>
  request<DefinitionDetail>(`/definitions/${encodeURIComponent(name)}`, { signal });

export const previewDefinition = (definition: object, days: number) =>
  request<Preview>('/definitions/preview', { body: { definition, days }, timeout: PREVIEW_TIMEOUT_MS });

export const saveDefinition = (name: string, definition: object, by: string, isNew: boolean) =>
  isNew
    ? request<SavedDefinitions>('/definitions', { body: { definition, by } })
    : request<SavedDefinitions>(`/definitions/${encodeURIComponent(name)}`, { body: { definition, by }, method: 'PUT' });

export const removeDefinition = (name: string, by: string) =>
  request<undefined>(`/definitions/${encodeURIComponent(name)}${query({ by })}`, { method: 'DELETE' });

export const streamPath = `${ROOT}/stream`;

/** `?a=1&b=2` of what is given; empty for nothing. */
export function query(parts: Record<string, string | undefined>): string {
  const given = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** What to tell a person of an error, whatever it was. */
export function describeError(error: unknown): { title: string; detail: string } {
  if (error instanceof ApiError) return { title: error.title, detail: error.message };
  return { title: 'Something went wrong in this page', detail: `${String(error)}. Reload it to try again.` };
}

async function request<T>(path: string, options: { signal?: AbortSignal | undefined; body?: object; method?: string; timeout?: number }): Promise<T> {
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
