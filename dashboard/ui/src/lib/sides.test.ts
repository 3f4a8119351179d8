import { expect, test } from 'vitest';
import type { Drivers, DriverValue, HeatMap } from './api-types';
import { cellsOf, cellTable, dimensionsOf, directionOf, driverTable, isTelling, pairOf, wholeName } from './sides';

const compared: Drivers['compared'] = {
  metric: 'response_time',
  statistic: 'p95',
  unit: 'ms',
  bad: 'slow requests',
  bad_above: 812,
  before: { slice: {}, from: '2026-05-01T14:00:00Z', to: '2026-05-01T15:00:00Z', spans: 1, requests: 1000, bad: 50 },
  during: { slice: {}, from: '2026-05-02T14:00:00Z', to: '2026-05-02T15:00:00Z', spans: 1, requests: 900, bad: 300 },
  before_to_during: 1,
  reason: null,
};
const value = (name: string, contribution: number, more: Partial<DriverValue> = {}): DriverValue => ({
  value: name,
  requests_before: 500,
  requests: 450,
  share_before: 0.05,
  share_during: 0.31,
  excess: 200,
  contribution,
  ...more,
});

test('a dimension is told by its values, worst first, and by how far it differs from the traffic', () => {
  const drivers: Drivers = {
    compared,
    excess: 250,
    dimensions: [
      { dimension: 'cluster', explained: 0.52, values: [value('eu', 0.97), value('', 0.03)], others: value('3 others', 0) },
      { dimension: 'locale', explained: 0.04, values: [value('de_DE', 0.5), value('en_US', 0.5)], others: null },
    ],
  };
  const [cluster, locale] = dimensionsOf(drivers);
  expect(cluster && isTelling(cluster)).toBe(true);
  expect(locale && isTelling(locale)).toBe(false);
  expect(cluster?.values.map(({ label, note, tone, value: to }) => [label, note, tone, to])).toEqual([
    ['eu', '97\u202f%', 'bad', 'eu'],
    ['(none)', '3.0\u202f%', 'plain', undefined],
    ['3 others', '0\u202f%', 'plain', undefined],
  ]);
  expect(cluster?.values[0]?.duringText).toBe('31\u202f%');
});

test('cells are hot by their part of the excess, and empty where nobody came', () => {
  const map: HeatMap = {
    compared,
    rows: 'cluster',
    columns: 'locale',
    row_values: ['eu'],
    column_values: ['de_DE', 'en_US'],
    cells: [[value('', 0.8), null]],
    left_out: 0,
    dimensions: ['cluster', 'locale'],
  };
  const [[hot, none] = []] = cellsOf(map);
  expect(hot).toMatchObject({ heat: 1, text: '80\u202f%' });
  expect(none).toEqual({ heat: null, text: '', title: 'eu, en_US: no requests' });
  expect(cellTable(map)).toEqual([{ key: 'eu\u0000de_DE', names: ['eu', 'de_DE'], part: 0.8, before: 0.05, during: 0.31, requests: 450 }]);
  expect(directionOf(map)).toBe(1);
  expect(directionOf({ ...map, cells: [[null, value('', -0.2, { excess: 40 })]] })).toBe(-1);
  expect(directionOf({ ...map, cells: [[null]] })).toBe(0);
});

test('where there are fewer bad requests, the parts that carry it are good, and what got worse is bad', () => {
  expect(pairOf(value('eu', 0.6, { excess: -90 }), false).tone).toBe('good');
  expect(pairOf(value('us', -0.3, { excess: 45 }), false).tone).toBe('bad');
  expect(pairOf(value('us', 0.6, { excess: -90 }), true).tone).toBe('bad');
  expect([wholeName(compared, -90), wholeName(compared, 90), wholeName({ ...compared, bad: null }, -90)]).toEqual(['improvement', 'excess', 'excess']);
});

test('the table behind the bars has every value of every dimension', () => {
  const drivers: Drivers = { compared, excess: 250, dimensions: [{ dimension: 'os_version', explained: 0.52, values: [value('', 1)], others: value('3 others', 0) }] };
  expect(driverTable(drivers).map(({ names, part }) => [...names, part])).toEqual([['OS version', '(none)', 1], ['OS version', '3 others', 0]]);
});
