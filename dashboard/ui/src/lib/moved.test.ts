import { expect, test } from 'vitest';
import type { Dropped, Slice } from './api-types';
import { candidateMeasure, candidatePath, movedBy, movesOf } from './moved';

test('a move has its sign, and nothing is made up where none is known', () => {
  expect([movedBy(0.124), movedBy(-0.5), movedBy(0.0001), movedBy(null), movedBy(undefined)]).toEqual(['+12\u202f%', '\u221250\u202f%', '±0\u202f%', '', '']);
});

test('a series is named as far as it is known', () => {
  expect([candidateMeasure('response_time', 'p95'), candidateMeasure('failure_rate', 'rate'), candidateMeasure('response_time', null)]).toEqual([
    'p95 response time',
    'Failure rate',
    'Response time',
  ]);
});

test('Explore compares the hours before it ended', () => {
  const path = candidatePath({ metric: 'failure_rate', statistic: 'rate', slice: { cluster: 'eu' }, at: '2026-03-12T17:45:00Z' });
  expect(Object.fromEntries(new URL(path, 'http://hark').searchParams)).toEqual({
    tab: 'compare', metric: 'failure_rate', stat: 'rate', span: '6h', to: '2026-03-12T17:45:00Z', seg: 'cluster:eu',
  });
});

test('candidates of one metric soon after each other are one move, told by the widest of them', () => {
  const one = (hour: number, metric: string, slice: Slice) => ({ at: new Date(hour * 3_600_000).toISOString(), metric, slice, stage: 'rate', why: '' }) as Dropped;
  const found = movesOf([one(30, 'a', {}), one(4, 'a', { platform: 'iOS' }), one(3, 'b', {}), one(2, 'a', {}), one(1, 'a', { cluster: 'eu', platform: 'iOS' }), one(2.5, 'a', { platform: 'iOS' })]);
  expect(found.map(({ lead, others }) => [lead.metric, lead.slice, others])).toEqual([
    ['a', {}, []],
    ['b', {}, []],
    ['a', {}, [{ cluster: 'eu', platform: 'iOS' }, { platform: 'iOS' }]],
  ]);
});
