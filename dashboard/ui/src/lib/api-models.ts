// What the page of models asks of the server.
import { request } from './api';
import type { Models } from './api-types';

export const readModels = (signal?: AbortSignal) => request<Models>('/models', { signal });

export const rollBack = (metric: string, by: string) => request<Models>(`/models/${encodeURIComponent(metric)}/rollback`, { body: { by } });
