// What hark says of itself: what became of candidates, and whether detection works.
import { request } from './api';
import type { Funnel, SelfTest } from './api-types';

export const readFunnel = (signal?: AbortSignal) => request<Funnel>('/funnel', { signal });

export const readSelfTest = (signal?: AbortSignal) => request<SelfTest>('/selftest', { signal });
