import { expect, test } from 'vitest';
import { exampleAlert } from '../example';
import { millis } from '../time';
import { chartOf, decimated, describePoint, isFine, pointAt, smoothed, spansOf, tablePoints } from './points';

const frozen = exampleAlert().evidence.chart;
if (!frozen) throw new Error('the example has a chart');
const onset = millis('2026-05-02T14:20:00Z');
const chart = chartOf(frozen, onset)!;

test('only what left the band after the onset is marked, joined to the point before', () => {
  expect(chart.outside).toEqual([null, null, null, 820, 1010, 1050, null, 1080]);
});

test('a chart of gaps alone is no chart', () => {
  expect(chartOf({ ...frozen, value: [null, null] }, onset)).toBeUndefined();
});

test('the smooth line is the mean of the hour around, and keeps gaps', () => {
  const value = Array.from({ length: 40 }, (_, index) => (index === 30 ? null : index % 13 === 7 ? 13 : 0));
  const smooth = smoothed(chartOf({ ...frozen, value }, onset)!);
  expect([smooth[20], smooth[30]]).toEqual([1, null]);
});

test('a mark lies in the step that holds it', () => {
  expect(pointAt(chart, millis('2026-05-02T14:24:59Z'))).toBe(4);
  expect(pointAt(chart, 0)).toBe(0);
  expect(pointAt(chart, millis('2027-01-01T00:00:00Z'))).toBe(7);
});

test('a point reads as a sentence, a gap as no data', () => {
  const words = (index: number) => describePoint(chart, index, 'ms', 'UTC').replaceAll('\u202f', ' ');
  expect(words(5)).toBe('14:25: 1,050 ms, expected 812 ms (772 to 852 ms), above the expected band');
  expect(words(6)).toBe('14:30: no data, expected 812 ms (772 to 852 ms)');
});

test('the table keeps the worst point of every stretch', () => {
  const n = 480;
  const long = { ...frozen, value: Array<number>(n).fill(800), expected: Array<number>(n).fill(800), low: Array<number>(n).fill(700), high: Array<number>(n).fill(900) };
  long.value[123] = 2000;
  const of = chartOf(long, onset)!;
  const points = tablePoints(of, { from: of.times[0]!, to: of.times.at(-1)! });
  expect(points.length).toBeLessThanOrEqual(48);
  expect(points).toContain(123);
  expect(tablePoints(of, { from: of.times[120]!, to: of.times[125]! })).toEqual([120, 121, 122, 123, 124, 125]);
});

test('views are shorter than the whole and hold the onset', () => {
  const n = 2 * 288;
  const long = { ...frozen, value: Array<number>(n).fill(800) };
  const spans = spansOf(chartOf(long, onset)!, onset);
  expect(spans.map(({ name }) => name)).toEqual(['6 hours', '1 day', 'All']);
  for (const { from, to } of spans) expect(from <= onset && onset <= to).toBe(true);
});

test('a long series is drawn in few points, and no peak is lost', () => {
  const value = Array.from({ length: 10_000 }, (_, index) => (index === 7_003 ? 99 : index === 20 ? null : 1));
  const flat = value.map(() => 1);
  const long = { ...frozen, value, expected: flat, low: flat, high: flat };
  const drawn = decimated(long, 1_000);
  expect(drawn.value).toHaveLength(1_000);
  expect(drawn.step_seconds).toBe(frozen.step_seconds * 10);
  expect(drawn.value.indexOf(99)).toBe(700);
  expect(decimated(frozen)).toBe(frozen);
});

test('steps of an hour have no mean of the hour beside them', () => {
  const ofSteps = (step_seconds: number) => isFine(chartOf({ ...frozen, step_seconds }, onset)!);
  expect([300, 1_800, 10_800].map(ofSteps)).toEqual([true, true, false]);
});
