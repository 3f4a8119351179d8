// What is asked of silences, by their page and by an alert that somebody silences.
import { query, request } from './api';
import type { KeptSilence, Silence, Slice } from './api-types';

export interface NewSilence {
  metric?: string;
  slice: Slice;
  minutes: number;
  by: string;
  reason: string;
}

export const listSilences = async (signal?: AbortSignal) => (await request<{ silences: Silence[] }>('/silences', { signal })).silences;

export const postSilence = (silence: NewSilence) => request<KeptSilence>('/silences', { body: silence });

export const endSilence = (id: string, by: string) => request<KeptSilence>(`/silences/${encodeURIComponent(id)}${query({ by })}`, { method: 'DELETE' });

/** How long people silence for. */
export const LASTING: { minutes: number; label: string }[] = [
  { minutes: 60, label: '1 hour' },
  { minutes: 4 * 60, label: '4 hours' },
  { minutes: 24 * 60, label: '1 day' },
  { minutes: 7 * 24 * 60, label: '1 week' },
];

/** Said after what was kept, where the alerts do not know of it yet; begins with a space. */
export const followNote = ({ alerts_follow }: KeptSilence) => (alerts_follow ? '' : ' The alerts follow within a minute: the store does not answer.');
