import { afterEach, expect, test, vi } from 'vitest';
import { listAlerts, readAlert, readStatus } from '../lib/api';
import { readFunnel, readSelfTest } from '../lib/api-self';
import { listDefinitions } from '../lib/api-registry';
import early from './early.json';
import { PAGES } from './list';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('every page names what it needs first, under its own address', () => {
  expect(early.map(({ path }) => path)).toEqual(expect.arrayContaining(PAGES.map(({ path }) => path)));
  expect(early.length).toBe(PAGES.length);
  for (const { path, load } of PAGES) expect(String(load)).toContain(`/${early.find((one) => one.path === path)?.page}/Page.svelte`);
});

test('what is asked for early is what the pages ask for, to the letter: else the browser asks twice', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (address: string) => {
    asked.push(address);
    return Promise.resolve(Response.json({ definitions: [] }));
  });
  await Promise.all([readStatus(), listAlerts({}), readAlert('{id}'), listDefinitions(), readSelfTest(), readFunnel()]);
  const named = new Set(early.flatMap(({ asks = [], asksAlways = [] }) => [...asks, ...asksAlways]));
  expect([...named].sort()).toEqual(asked.map(decodeURIComponent).sort());
});
