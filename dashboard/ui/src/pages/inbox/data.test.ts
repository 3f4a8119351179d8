import { expect, test } from 'vitest';
import { exampleAlert } from '../../lib/example';
import { millis } from '../../lib/time';
import { daysOf, filterAddress, filterOf, metricsOf, rowOf, withNews, withOlder } from './data';

const NOW = millis('2026-05-02T16:30:00Z');
const at = (id: string, opened_at: string) => exampleAlert({ id, opened_at });
const older = at('a', '2026-05-01T10:00:00Z');
const newer = at('b', '2026-05-02T15:00:00Z');
const ids = (alerts: { id: string }[]) => alerts.map((alert) => alert.id).join('');

test('the filter goes into the address and back', () => {
  const filter = { status: 'firing' as const, metric: 'response_time' };
  expect(filterAddress(filter)).toBe('/?status=firing&metric=response_time');
  expect(filterOf(new URLSearchParams('status=firing&metric=response_time'))).toEqual(filter);
  expect(filterOf(new URLSearchParams('status=nonsense&metric='))).toEqual({ status: undefined, metric: undefined });
});

test('news take their place by time of opening', () => {
  expect(ids(withNews([newer, older], at('c', '2026-05-02T12:00:00Z'), {}))).toBe('bca');
  expect(ids(withNews([newer, older], at('c', '2026-05-02T16:00:00Z'), {}))).toBe('cba');
  expect(ids(withNews([], newer, {}))).toBe('b');
});

test('news older than the last row belong to a later page', () => {
  expect(ids(withNews([newer, older], at('c', '2026-04-01T12:00:00Z'), {}))).toBe('ba');
});

test('a known alert changes in place, and leaves when it no longer passes', () => {
  const resolved = { ...older, status: 'resolved' as const };
  expect(withNews([newer, older], resolved, {})[1]?.status).toBe('resolved');
  expect(ids(withNews([newer, older], resolved, { status: 'firing' }))).toBe('b');
  expect(ids(withNews([newer, older], exampleAlert({ metric: 'requests' }), { metric: 'response_time' }))).toBe('ba');
});

test('an older page never repeats a row', () => {
  expect(ids(withOlder([newer, older], [older, at('c', '2026-04-01T12:00:00Z')]))).toBe('bac');
});

test('rows are put under days of the chosen zone', () => {
  const days = daysOf([newer, older], NOW, 'UTC');
  expect(days.map((day) => day.heading)).toEqual(['Today, Saturday 2 May', 'Yesterday, Friday 1 May']);
});

test('a row says where it sits, and nothing where nothing is known', () => {
  const row = rowOf(newer, NOW, 'UTC');
  expect(row.cause?.replaceAll('\u202f', ' ')).toBe('wifi, eu-central-1 83 %');
  expect(row.since).toBe('14:20');
  const bare = rowOf(exampleAlert({ causes: [], suspects: [], owner: null, evidence: { ...newer.evidence, chart: null } }), NOW, 'UTC');
  expect([bare.cause, bare.suspect, bare.owner, bare.chart]).toEqual([undefined, undefined, undefined, undefined]);
});

test('metrics to filter by: the built-in ones, those seen and the chosen one', () => {
  expect(metricsOf([exampleAlert({ metric: 'zoom' })], 'asked')).toEqual([
    'asked', 'failure_rate', 'requests', 'response_time', 'ux_score', 'zoom',
  ]);
});
