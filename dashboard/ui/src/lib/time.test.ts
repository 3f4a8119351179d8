import { expect, test } from 'vitest';
import { clock, dayHeading, dayKey, duration, millis, moment, ownName, zoneName } from './time';

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

test('a day that is already tomorrow in its zone', () => {
  const at = millis('2026-09-03T22:30:00Z');
  expect([dayKey(at, 'Asia/Tokyo'), dayHeading(at, NOW, 'Asia/Tokyo'), moment(at, NOW, 'Asia/Tokyo'), zoneName(at, 'Asia/Tokyo')])
    .toEqual(['2026-09-04', 'Friday 4 Sept', '4\u00a0Sept\u00a007:30', 'GMT+9']);
});

/** A date as a browser of some zone and language gives it. */
const dateOf = (text: string, minutesFromGreenwich: number): Date =>
  Object.assign(new Date(NOW), { toString: () => text, getTimezoneOffset: () => -minutesFromGreenwich });

test.each([
  ['Sat May 02 2026 14:30:00 GMT+0200 (Central European Summer Time)', 120, 'CEST'],
  ['Wed Jan 14 2026 13:30:00 GMT+0100 (Central European Standard Time)', 60, 'CET'],
  ['Wed Jan 14 2026 07:30:00 GMT-0500 (Eastern Standard Time)', -300, 'GMT-5'],
  ['Sat May 02 2026 12:30:00 GMT+0000 (Coordinated Universal Time)', 0, 'UTC'],
  ['Sat May 02 2026 14:30:00 GMT+0200 (Mitteleuropäische Sommerzeit)', 120, 'GMT+2'],
  ['Sat May 02 2026 18:00:00 GMT+0530 (GMT+05:30)', 330, 'GMT+5:30'],
  ['Sat May 02 2026 09:30:00 GMT-0300', -180, 'GMT-3'],
])('%s is called by a short name', (text, minutes, name) => {
  expect(ownName(dateOf(text, minutes))).toBe(name);
});

test('the viewer\'s own zone reads as if it were named', () => {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const time of ['2026-01-01T00:00:00Z', '2026-03-29T01:00:00Z', '2026-09-03T22:30:00Z', '2025-12-31T23:59:00Z']) {
    const at = millis(time);
    expect([dayKey(at, undefined), dayHeading(at, NOW, undefined), moment(at, NOW, undefined)])
      .toEqual([dayKey(at, own), dayHeading(at, NOW, own), moment(at, NOW, own)]);
  }
});
