import { expect, test } from 'vitest';
import { clock, dayHeading, dayKey, duration, millis, moment, zoneName } from './time';

const NOW = millis('2026-05-02T12:30:00Z');
const BERLIN = 'Europe/Berlin';

test('the same instant in two zones', () => {
  expect(clock(NOW, 'UTC')).toBe('12:30');
  expect(clock(NOW, BERLIN)).toBe('14:30');
  expect(zoneName(NOW, 'UTC')).toBe('UTC');
  expect(zoneName(NOW, BERLIN)).toMatch(/CEST|GMT\+2/);
});

test('the day is said where it is another one, the year where it is another one', () => {
  expect(moment(millis('2026-05-02T08:05:00Z'), NOW, 'UTC')).toBe('08:05');
  expect(moment(millis('2026-05-01T08:05:00Z'), NOW, 'UTC')).toBe('1\u00a0May\u00a008:05');
  expect(moment(millis('2025-12-31T08:05:00Z'), NOW, 'UTC')).toBe('31\u00a0Dec\u00a02025\u00a008:05');
});

test('a day begins at midnight of the zone', () => {
  const late = millis('2026-05-01T22:30:00Z');
  expect(dayKey(late, 'UTC')).toBe('2026-05-01');
  expect(dayKey(late, BERLIN)).toBe('2026-05-02');
  expect(dayHeading(late, NOW, 'UTC')).toBe('Yesterday, Friday 1 May');
  expect(dayHeading(late, NOW, BERLIN)).toBe('Today, Saturday 2 May');
});

test('midnight is 00:00, never 24:00', () => {
  expect(clock(millis('2026-05-02T00:00:00Z'), 'UTC')).toBe('00:00');
});

test.each([
  [30_000, 'under a minute'],
  [35 * 60_000, '35 min'],
  [130 * 60_000, '2 h 10 min'],
  [120 * 60_000, '2 h'],
  [76 * 3_600_000, '3 d 4 h'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms).replaceAll('\u00a0', ' ')).toBe(text);
});
