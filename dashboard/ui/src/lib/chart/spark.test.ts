import { expect, test } from 'vitest';
import { exampleAlert } from '../example';
import { sparkOf } from './spark';

const chart = exampleAlert().evidence?.chart;
if (!chart) throw new Error('the example has a chart');

test('a gap lifts the pen, and what left the band is drawn again', () => {
  const spark = sparkOf(chart, 100, 20);
  expect(spark?.value.match(/M/g)).toHaveLength(2);
  expect(spark?.outside.match(/M/g)).toHaveLength(2);
  expect(spark?.band.endsWith('Z')).toBe(true);
});

test('nothing to draw is no line', () => {
  expect(sparkOf({ ...chart, value: [], low: [], high: [], expected: [] }, 100, 20)).toBeUndefined();
  const gaps = [null, null];
  expect(sparkOf({ ...chart, value: gaps, low: gaps, high: gaps, expected: gaps }, 100, 20)).toBeUndefined();
});

test('a flat line is drawn, not divided by nothing', () => {
  const flat = [5, 5, 5];
  expect(sparkOf({ ...chart, value: flat, low: flat, high: flat, expected: flat }, 100, 20)?.value).not.toContain('NaN');
});
