import { expect, test } from 'vitest';
import { bytes, difference, fixed, fromTo, grouped, percent, plural, quantity, range, shortCount, tick } from './format';
import { plain, roughly, scientific, signed } from './scores';

const spaced = (text: string) => text.replaceAll('\u202f', ' ');

test.each([
  [1047, 'ms', '1,047 ms'],
  [53.9, 'ms', '54 ms'],
  [4.25, 'ms', '4.3 ms'],
  [0.425, 'ms', '0.43 ms'],
  [12_340, 'ms', '12.3 s'],
  [0.0312, 'share', '3.1 %'],
  [0.0042, 'share', '0.42 %'],
  [0, 'share', '0 %'],
  [18_211, 'requests', '18,211'],
  [83.24, 'points', '83.2 points'],
  [0.5, '', '0.50'],
])('%d %s is written as %s', (value, unit, text) => {
  expect(spaced(quantity(value, unit))).toBe(text);
});

test('a move is written in one unit, with enough digits to differ', () => {
  expect(spaced(fromTo(812, 1047, 'ms'))).toBe('812 → 1,047 ms');
  expect(spaced(fromTo(0.012, 0.034, 'share'))).toBe('1.2 → 3.4 %');
  expect(spaced(fromTo(0.0312, 0.0314, 'share'))).toBe('3.12 → 3.14 %');
  expect(spaced(fromTo(9000, 14_000, 'ms'))).toBe('9.0 → 14.0 s');
  expect(spaced(fromTo(5, 5, 'ms'))).toBe('5.0 → 5.0 ms');
});

test('requests a minute have tenths, and nothing is nothing', () => {
  expect(spaced(fromTo(2.71, 1.57, 'requests/min'))).toBe('2.7 → 1.6 requests/min');
  expect(spaced(fromTo(63.31, 0, 'requests/min'))).toBe('63.3 → 0 requests/min');
});

test('a difference has its sign, and of shares is in percentage points', () => {
  expect(spaced(difference(122, 'ms'))).toBe('+122 ms');
  expect(spaced(difference(-0.021, 'share'))).toBe('−2.1 percentage points');
  expect(spaced(range(101, 143, 'ms'))).toBe('101 to 143 ms');
});

test('shares, counts and rough sizes', () => {
  expect(spaced(percent(0.29))).toBe('29 %');
  expect(spaced(percent(0.042))).toBe('4.2 %');
  expect(spaced(percent(-0.42))).toBe('−42 %');
  expect(plural(1, 'request')).toBe('1 request');
  expect(plural(6120, 'request')).toBe('6,120 requests');
  expect(roughly(214_000)).toBe('210,000');
  expect(roughly(3_420_000)).toBe('3.4 million');
  expect(spaced(scientific(2.1e5))).toBe('2.1 × 10⁵');
  expect(spaced(scientific(1e-12))).toBe('1.0 × 10⁻¹²');
  expect(scientific(42)).toBe('42.0');
  expect(roughly(1e30)).toBe('more than a trillion');
  expect([9_999, 12_300, 999_499, 999_500, 1_234_567, 5e9].map(shortCount)).toEqual(['9,999', '12.3k', '999k', '1m', '1.23m', '5bn']);
});

test('plain numbers keep about three digits and never say minus zero', () => {
  expect(plain(0.312)).toBe('0.31');
  expect(plain(-0.001)).toBe('0.00');
  expect(signed(0.31)).toBe('+0.31');
  expect(signed(-4.25)).toBe('−4.25');
});

test('ticks have the digits that their distance asks for', () => {
  expect(tick(1200, 'ms', 200)).toBe('1,200');
  expect(tick(0.025, 'share', 0.005)).toBe('2.5');
  expect(tick(0.04, 'share', 0.02)).toBe('4');
});

test('long numbers in a sentence of the server are grouped, years are not', () => {
  expect(grouped('598475 stored events since 2026, none of 25224 slices')).toBe('598,475 stored events since 2026, none of 25,224 slices');
  expect(spaced(grouped('4120 ms against 998 ms, build 24102, 23B74512, 0.12345, 2026-05-02T14:20'))).toBe('4,120 ms against 998 ms, build 24102, 23B74512, 0.12345, 2026-05-02T14:20');
  expect(spaced(grouped('-12 % in 2024-W02, (-3 points), asr-5'))).toBe('−12 % in 2024-W02, (−3 points), asr-5');
});

test('numbers are written as the browser would write them', () => {
  const values = [0, 0.425, 1.005, 2.5, 999.995, 1_000, 12_345.678, 1e-7, 123_456_789.5, 1e15, -0.004, Number.NaN];
  for (const value of values) {
    for (const decimals of [0, 1, 2, 3]) {
      const browser = new Intl.NumberFormat('en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
      expect(fixed(Math.abs(value), decimals)).toBe(browser.format(Math.abs(value)));
    }
  }
  expect(fixed(-1_234.5, 1)).toBe('\u22121,234.5');
  expect(fixed(-0.004, 2)).toBe('0.00');
});

test('bytes are told as disks are sold', () => {
  expect([0, 950, 12_300, 411_900_000, 999_600_000, 5_200_000_000].map((n) => spaced(bytes(n)))).toEqual(['0.0 kB', '1.0 kB', '12 kB', '412 MB', '1.0 GB', '5.2 GB']);
});
