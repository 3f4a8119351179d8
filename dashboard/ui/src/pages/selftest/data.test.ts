import { expect, test } from 'vitest';
import type { Sensitivity } from '../../lib/api-types';
import { byMetric, caught, droppedShare, outcome, outOf, range } from './data';

const row = (metric: string, cluster?: string): Sensitivity => ({
  metric,
  slice: cluster === undefined ? {} : { cluster },
  sentence: 'would catch +5 % within 35 min',
  smallest_caught_percent: 5,
  within_minutes: 35,
  smallest_drift_caught_percent: null,
  drift_within_minutes: null,
  trials: 4,
});

test('rows are grouped by metric and keep their order', () => {
  const groups = byMetric([row('a'), row('a', 'x'), row('b')]);
  expect(groups.map((group) => [group.metric, group.rows.length])).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
  expect(groups[0]?.rows[1]?.slice).toEqual({ cluster: 'x' });
});

test('trials are told as good or as bad ones', () => {
  expect(outOf({ tried: 12, good: 9 }, true)).toBe('9 of the last 12');
  expect(outOf({ tried: 12, good: 9 }, false)).toBe('3 of the last 12');
  expect(outOf({ tried: 0, good: 0 }, true)).toBe('none tried yet');
});

test('an interval has one decimal', () => expect(range([0.04, 2.86])).toBe('0.0 to 2.9'));

test('what a stage dropped has its share', () => {
  expect(droppedShare({ came: 2400, dropped: 1600 })).toBe('1,600 (67\u202f%)');
  expect(droppedShare({ came: 0, dropped: 0 })).toBe('0');
});

test('the end of the funnel is a sentence', () => {
  expect(outcome({ opened: 1, reopened: 0, merged: 0, open: 0 })).toBe('1 alert was opened.');
  expect(outcome({ opened: 7, reopened: 2, merged: 1, open: 1 })).toBe(
    '7 alerts were opened, 2 fired again, 1 turned out to be part of another, 1 candidate is undecided.',
  );
});

test('what is caught stands under a heading that says so', () => {
  expect(caught('would catch -30 % within 4 h, a drift of -50 % within 3 h')).toBe('\u221230\u202f% within 4\u202fh; a drift of \u221250\u202f% within 3\u202fh');
  expect(caught('nothing that was tried was caught within 6 h')).toBe('Nothing that was tried was caught within 6\u202fh');
});
