// What an alert asks of its incident.
import { request } from './api';
import type { IncidentDetail } from './api-types';

export const readIncident = (id: string, signal?: AbortSignal) => request<IncidentDetail>(`/incidents/${encodeURIComponent(id)}`, { signal });
