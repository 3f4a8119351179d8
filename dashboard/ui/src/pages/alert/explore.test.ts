import { expect, test } from 'vitest';
import { exampleAlert } from '../../lib/example';
import { boundsOf, explorePath } from './explore';

test('Explore is asked for the time of the alert, in the shortest span that holds it', () => {
  expect(explorePath(exampleAlert())).toBe('/explore?tab=compare&metric=response_time&stat=p95&span=6h&seg=cluster%3Aeu-central-1');
  const over = exampleAlert({ slice: {}, resolved_at: '2026-05-03T00:20:00Z' });
  expect(explorePath(over)).toBe('/explore?tab=compare&metric=response_time&stat=p95&span=1d&to=2026-05-03T00%3A20%3A00Z');
});

test('what the explanation left out is one sentence, or none', () => {
  const left_out = [{ what: 'a', count: 33, sentence: 'only the newest 6 hours are compared' }, { what: 'b', count: 4, sentence: '14000 slices are passed over' }];
  expect(boundsOf({ ...exampleAlert(), why: { left_out } } as unknown as ReturnType<typeof exampleAlert>)).toBe('Looking for the cause: only the newest 6 hours are compared; 14,000 slices are passed over.');
  expect(boundsOf(exampleAlert({ why: null } as object))).toBeUndefined();
});
