// What the page of models asks of the server.
import { request } from './api';
import type { Models } from './api-types';

export const readModels = (signal?: AbortSignal) => request<Models>('/models', { signal });

/** The last part of the address. */
export type ModelOrder = 'train' | 'promote' | 'rollback';

export const orderModel = (metric: string, detector: string, order: ModelOrder, by: string) =>
  request<Models>(`/models/${encodeURIComponent(metric)}/${order}`, { body: { by, detector } });
