// What is asked of two sides of a metric, of single requests, and in SQL.
import { query, request } from './api';
import type { Distribution, Drivers, Exemplar, HeatMap, QueryAnswer } from './api-types';

/** Which values of each dimension are hit, in an alert; within `slice`, all traffic where it is empty. */
export const readDrivers = (id: string, slice: string, signal?: AbortSignal) =>
  request<Drivers>(`/alerts/${encodeURIComponent(id)}/drivers${query({ slice: slice || undefined })}`, { signal });

export const readHeatMap = (id: string, asked: { slice: string; rows?: string | undefined; columns?: string | undefined }, signal?: AbortSignal) =>
  request<HeatMap>(`/alerts/${encodeURIComponent(id)}/heatmap${query({ ...asked, slice: asked.slice || undefined })}`, { signal });

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
