import { expect, test } from 'vitest';
import type { ObjectiveState, Report, UxScore } from '../../lib/api-types';
import { alarmsNote, budget, falseAlarms, falseAlarmsNote, labelledOf, healthPath, isDrawn, linePath, lost, move, objectiveSentence, points, precisionNote, queryText, scoreOf, shares, spread, spreadNote, trend, windowName } from './data';

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

test('the alerts themselves are told without numbers that say nothing', () => {
  const of = (alerts: number) => spreadNote({ alerts, median_minutes: 25, interval_minutes: null, p90_minutes: 50 }, 'alert');
  expect([of(0), of(1), of(4), of(12)]).toEqual(['no alert', 'one alert', 'median of 4', 'median of 12; nine of ten within 50\u00a0min']);
  expect(precisionNote({ labelled: 1, of: 4, interval: [0.21, 1], share: 1, real: 1, not_real: 0, duplicate: 0 } as never)).toBe('1 labelled of 4 alerts; 95\u202f% sure: 21\u202f% to 100\u202f%');
  expect(alarmsNote('kept: 0 to 0 false alarms, where 1 a week is allowed')).toBe('no false alarm, where 1 a week is allowed');
  expect(alarmsNote('exceeded: 3 to 3 false alarms, where 1 a week is allowed')).toBe('3 false alarms, where 1 a week is allowed');
});

test('an objective is a sentence', () => {
  const one = { metric: 'response_time', statistic: 'p95', target: 1500, unit: 'ms', window: '28d', allowed_share: 0.05 } as ObjectiveState;
  expect(objectiveSentence(one)).toBe('At most 5\u202f% of requests may take longer than 1,500\u202fms, over 28 days');
  expect(objectiveSentence({ ...one, metric: 'failure_rate', statistic: 'rate' })).toContain('may count towards failure rate');
  expect([windowName('1w'), windowName('90m')]).toEqual(['1 week', '90m']);
});

test('two weeks are no line', () => {
  expect([isDrawn([null, 90, 91]), isDrawn([89, 90, 91])]).toEqual([false, true]);
});

test('false alarms are told of what was judged, with what such weeks bring', () => {
  const week = (labelled: number, of: number, false_alarms: number) =>
    ({ precision: { labelled, of }, alarms: { false_alarms, interval: [0.03, 5.57] } }) as unknown as Report;
  expect([falseAlarms(week(3, 12, 1)), labelledOf(week(3, 12, 1).precision), falseAlarmsNote(week(3, 12, 1))]).toEqual(['1', '3 of 12', '0.0 to 5.6 false alarms (95\u202f% sure)']);
  expect([falseAlarms(week(0, 12, 0)), falseAlarmsNote(week(0, 12, 0))]).toEqual(['Not known', undefined]);
  expect(falseAlarms(week(0, 0, 0))).toBe('0');
});
