import { expect, test } from 'vitest';
import { changePath, shownFrom } from './data';

const NOW = Date.parse('2026-05-04T00:00:00Z');
const DAY = 86_400_000;

test('a link names the change and when it was', () => expect(changePath('ch 1', 5)).toBe('/changes?change=ch%201&at=5'));

test('the page reaches back to the change that a link names', () => {
  expect([null, 'nonsense', String(NOW - DAY)].map((at) => shownFrom(NOW, at))).toEqual(Array(3).fill(NOW - 35 * DAY));
  expect(shownFrom(NOW, String(NOW - 90 * DAY))).toBe(NOW - 91 * DAY);
});
