import { expect, test } from 'vitest';
import type { Regression, UxScore } from '../../lib/api-types';
import { daysOf, toneOf, touching, weekday } from './data';

test('a score is coloured by what it lost within the week', () => {
  const tone = (now: number | null, before: number | null) => toneOf({ score: now, last_week: before } as UxScore);
  expect([tone(80, 80.9), tone(80, 81), tone(80, 85), tone(90, 80), tone(null, 80), tone(80, null)]).toEqual(['plain', 'warning', 'critical', 'plain', 'plain', 'plain']);
});

test('days without a score are left out, and named by their weekday', () => {
  const days = daysOf({ days: [{ day: '2026-05-04T00:00:00Z', score: 90 }, { day: '2026-05-05T00:00:00Z', score: null }] } as UxScore);
  expect(days.map(({ day }) => weekday(Date.parse(day)))).toEqual(['Mon']);
});

test('a platform has the regressions of its own and those of all traffic', () => {
  const rows = [{ alert: 'a', slice: { platform: 'iOS' } }, { alert: 'b', slice: {} }, { alert: 'c', slice: { platform: 'macOS' } }] as Partial<Regression>[] as Regression[];
  expect(touching(rows, 'iOS').map(({ alert }) => alert).join('')).toBe('ab');
  expect(touching(rows, '')).toHaveLength(3);
});
