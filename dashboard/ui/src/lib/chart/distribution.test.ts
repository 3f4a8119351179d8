import { expect, test } from 'vitest';
import { binsOf, drawingOf } from './distribution';

test('the distribution is drawn where requests are', () => {
  const distribution = { edges: [1, 2, 4, 8, 16], before: [0, 0.6, 0.4, 0], during: [0.0001, 0.2, 0.8, 0] };
  expect(binsOf(distribution)).toEqual([
    { from: 2, to: 4, before: 0.6, during: 0.2 },
    { from: 4, to: 8, before: 0.4, during: 0.8 },
  ]);
  expect(binsOf({ ...distribution, before: [], during: [] })).toEqual([]);
});

test('the highest bin reaches the top, and the ground is at the bottom', () => {
  const bins = [
    { from: 100, to: 200, before: 0.5, during: 0.25 },
    { from: 200, to: 400, before: 0, during: 0.5 },
  ];
  const { before, during, ticks } = drawingOf(bins, 'ms', 200, 80);
  expect(before).toBe('M0 80L0.0 0.0H100.0L100.0 80.0H200.0L200 80Z');
  expect(during).toBe('M0 80L0.0 40.0H100.0L100.0 0.0H200.0L200 80Z');
  expect(ticks).toEqual([
    { x: 0, text: '100\u202fms' },
    { x: 100, text: '200\u202fms' },
  ]);
});
