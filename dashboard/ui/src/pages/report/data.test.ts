import { expect, test } from 'vitest';
import type { ObjectiveState, Report, UxScore } from '../../lib/api-types';
import { budget, healthPath, linePath, lost, move, points, queryText, scoreOf, shares, spread, trend } from './data';

const score = (part: Partial<UxScore>): UxScore =>
  ({ slice: {}, score: 70, full: 100, parts: [{ costs: 20 }, { costs: 10 }], last_week: 73.2, last_year: null, ...part }) as UxScore;

test('a score is told beside those before it', () => {
  expect(trend(score({}))).toBe('\u22123.2 on last week, no last year');
  expect(trend(score({ last_week: null, last_year: 69.96 }))).toBe('no week before, ±0.0 on last year');
  expect([points(70), points(null), move(1, 2), move(null, 2)]).toEqual(['70.0', '–', '\u22121.0', undefined]);
});

test('the bar of a score is full', () => {
  const { left, parts } = shares(score({}));
  expect(left + parts[0]! + parts[1]!).toBeCloseTo(1, 12);
});

test('an address names a platform', () => {
  const report = { scores: [score({}), score({ slice: { platform: 'iOS' } })] } as unknown as Report;
  expect(scoreOf(report, 'iOS')?.slice).toEqual({ platform: 'iOS' });
  expect(scoreOf(report, '')?.slice).toEqual({});
  expect(scoreOf(report, 'x')).toBeUndefined();
  expect([healthPath({}), healthPath({ platform: 'a b' })]).toEqual(['/health', '/health/a%20b']);
});

test('a budget says how it stands', () => {
  const of = (left: number | null, runs_out: string | null = null) => budget({ budget_left: left, runs_out } as ObjectiveState);
  expect(of(-0.125)).toEqual({ text: 'overspent by 13\u202f%', tone: 'critical' });
  expect([of(0.9).tone, of(0.9, '2026-05-10T00:00:00Z').tone, of(0.1).tone, of(null).tone]).toEqual(['good', 'warning', 'warning', 'plain']);
});

test('lost time is told in the unit that says most', () => {
  expect([lost(30), lost(600), lost(9000), lost(864_000), lost(null)]).toEqual(['30\u202fs', '10\u202fmin', '2.5\u202fh', '10\u202fdays', '–']);
});

test('medians come with their interval', () => {
  expect(spread({ alerts: 8, median_minutes: 25, interval_minutes: [20, 40], p90_minutes: 50 })).toContain('25');
  expect(spread({ alerts: 0, median_minutes: null, interval_minutes: null, p90_minutes: null })).toBe('–');
});

test('a gap breaks the line', () => {
  expect(linePath([90, 80, null, 85], 90, 10)).toBe('M0.0 0.0L30.0 10.0M90.0 5.0');
  expect(linePath([null], 90, 10)).toBe('');
});

test('queries are shown as they are asked', () => {
  expect(queryText({ sql: 'select 1' })).toBe('select 1');
  expect(queryText({ address: '/api/v1/alerts' })).toBe('GET /api/v1/alerts');
});
