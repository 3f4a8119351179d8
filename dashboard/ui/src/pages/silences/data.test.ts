import { expect, test } from 'vitest';
import { followNote } from '../../lib/api-silences';
import type { KeptSilence, Silence, SilenceState } from '../../lib/api-types';
import { hides, inOrder, whatOf } from './data';

test('what is silenced is told in words', () => {
  expect(whatOf({ metric: 'response_time', slice: { platform: 'iOS' } })).toBe('Response time in iOS');
  expect(whatOf({ metric: null, slice: { cluster: 'eu' } })).toContain('Every metric in');
  expect(whatOf({ metric: 'requests', slice: {} })).toBe('Requests, all traffic');
});

test('what is in force comes first, and what is over last', () => {
  const silence = (id: string, state: SilenceState) => ({ id, state }) as Silence;
  const listed = [silence('a', 'over'), silence('b', 'planned'), silence('c', 'in_force'), silence('d', 'in_force'), silence('e', 'over')];
  expect(inOrder(listed).map(({ id }) => id)).toEqual(['c', 'd', 'b', 'a', 'e']);
});

test('only what is in force hides something', () => {
  expect(hides({ state: 'in_force', alerts: [] })).toBe('no open alert');
  expect(hides({ state: 'in_force', alerts: ['al_1'] })).toBe('1 open alert');
  expect(hides({ state: 'in_force', alerts: ['al_1', 'al_2'] })).toBe('2 open alerts');
  expect(hides({ state: 'over', alerts: [] })).toBe('');
});

test('alerts that do not follow at once are not passed over', () => {
  const kept = (alerts_follow: boolean) => ({ alerts_follow }) as KeptSilence;
  expect(followNote(kept(true))).toBe('');
  expect(followNote(kept(false))).toBe(' The alerts follow within a minute: the store does not answer.');
});
