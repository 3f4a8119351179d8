import { expect, test } from 'vitest';
import { isMuchRefused, refusedShare } from './intake';

test('a few refused lines are no warning', () => {
  expect([isMuchRefused({ events: 800_000, rejected: 150 }), isMuchRefused({ events: 990, rejected: 10 }), isMuchRefused({ events: 0, rejected: 0 })]).toEqual([false, true, false]);
  expect([0, 1, 500].map((rejected) => refusedShare({ events: 99_500, rejected }))).toEqual(['none', 'less than 0.1 % of all', '0.5\u202f% of all']);
});
