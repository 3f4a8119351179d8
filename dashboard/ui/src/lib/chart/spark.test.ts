import { expect, test } from 'vitest';
import { exampleAlert } from '../example';
import { millis } from '../time';
import { sparkOf } from './spark';

const chart = exampleAlert().evidence.chart;
if (!chart) throw new Error('the example has a chart');

const onset = millis('2026-05-02T14:20:00Z');
const draw = (of: typeof chart) => sparkOf(of, onset, Infinity, 100, 20);

test('a gap lifts the pen, and what the alert lasted for is drawn again', () => {
  const spark = draw(chart);
  expect(spark?.value.match(/M/g)).toHaveLength(2);
  expect(spark?.bad.match(/M/g)).toHaveLength(2);
  expect(spark?.band.endsWith('Z')).toBe(true);
});

test('nothing to draw is no line', () => {
  expect(draw({ ...chart, value: [], low: [], high: [], expected: [] })).toBeUndefined();
  const gaps = [null, null];
  expect(draw({ ...chart, value: gaps, low: gaps, high: gaps, expected: gaps })).toBeUndefined();
});

test('a flat line is drawn, not divided by nothing', () => {
  const flat = [5, 5, 5];
  expect(draw({ ...chart, value: flat, low: flat, high: flat, expected: flat })?.value).not.toContain('NaN');
});

test('a wide band does not flatten the line', () => {
  const wide = { ...chart, low: chart.low.map(() => -1e6), high: chart.high.map(() => 1e6) };
  expect(draw(wide)?.value).toBe(draw(chart)?.value);
});

test('a long chart is thinned to what a word has room for', () => {
  const long = Array<number>(960).fill(5);
  const spark = draw({ ...chart, value: long, expected: long, low: long, high: long });
  expect(spark?.value.match(/[ML]/g)).toHaveLength(48);
});
