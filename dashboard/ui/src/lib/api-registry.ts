// What is asked of the report, the registry, and those who keep hark.
import { query, request, ROOT } from './api';
import type { AuditLog, Change, DefinitionDetail, DefinitionInForce, NewChange, Preview, Report, SavedDefinitions } from './api-types';

/** Days of events are folded for it. */
const PREVIEW_TIMEOUT_MS = 120_000;
/** Thirteen weeks of history are read for it. */
const REPORT_TIMEOUT_MS = 60_000;

export const readReport = (week: string | undefined, signal?: AbortSignal) =>
  request<Report>(`/report${query({ week })}`, { signal, timeout: REPORT_TIMEOUT_MS });

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
