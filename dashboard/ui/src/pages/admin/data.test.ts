import { expect, test } from 'vitest';
import type { ProcessAnswer } from '../../lib/api-types';
import { said, subjectPath, vitals } from './data';

test('each entry leads to what it was done to', () => {
  expect(subjectPath({ what: 'acknowledge', subject: 'al_1' })).toBe('/alerts/al_1');
  expect(subjectPath({ what: 'define', subject: 'cancel_rate' })).toBe('/registry/cancel_rate');
  expect(subjectPath({ what: 'end silence', subject: 'si_1' })).toBe('/silences');
  expect(subjectPath({ what: 'roll back model', subject: 'response_time' })).toBe('/models');
  expect(subjectPath({ what: 'train model: isolation_forest', subject: 'response_time' })).toBe('/models');
  expect([said('define'), said('escalate')]).toEqual(['saved a definition', 'escalate']);
  expect(said('train model: isolation_forest')).toBe('had a model trained (isolation forest)');
});

const plain = (text: string) => text.replaceAll(/[\u202f\u00a0]/g, ' ');

const process: ProcessAnswer = {
  version: '0.1.0',
  started_at: '2026-05-04T08:00:00Z',
  memory_bytes: 300_000_000,
  data: [{ name: 'history', bytes: 4e9 }, { name: 'log', bytes: 1e9 }, { name: 'rest', bytes: 100 }],
  snapshot_at: null,
  in_flight_bytes: 0,
  in_flight_bytes_max: 128e6,
  store_problem: null,
};
const NOW = Date.parse('2026-05-04T10:00:00Z');
const told = (changes: Partial<ProcessAnswer>, watermark: string | null, demo: { minutes_per_second: number } | null = null) =>
  Object.fromEntries(vitals({ ...process, ...changes }, { watermark, demo }, NOW).map(({ label, value, note, tone }) => [label, plain(`${value} (${note}) ${tone}`)]));

test('what the process takes is told with what it is made of', () => {
  const all = told({}, '2026-05-04T09:59:00Z');
  expect(all['Up for']).toBe('2 h (version 0.1.0) plain');
  expect(all['Disk']).toBe('5.0 GB (history 4.0 GB, the log 1.0 GB) plain');
  expect(all['Behind by']).toBe('1 min (from the wall clock to what is counted for good) plain');
  expect(all['Database']).toBe('Answers (alerts and what people did are in it) good');
});

test('what wants a look is marked', () => {
  const all = told({ store_problem: 'the database is locked', in_flight_bytes: 120e6 }, '2026-05-04T09:00:00Z');
  expect(all['Database']).toBe('Look (the database is locked) critical');
  expect(all['Behind by']).toMatch(/^1 h .* warning$/);
  expect(all['Waiting to be stored']).toBe('120 MB (94 % of the 128 MB that may wait) warning');
  expect(told({}, '2026-03-01T00:00:00Z', { minutes_per_second: 5 })['Behind by']).toBe('– (a demo: 5 minutes pass in a second) plain');
});
