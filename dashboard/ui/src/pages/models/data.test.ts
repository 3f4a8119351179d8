import { expect, test } from 'vitest';
import type { ModelStanding, ModelVersion } from '../../lib/api-types';
import { asksAndGives, byModel, figures, ordersOf, sentence } from './data';

const version = (metric: string, number: number, standing: ModelStanding, day: number): ModelVersion => ({
  metric,
  detector: 'isolation_forest',
  number,
  standing,
  since: `2026-05-0${day}T00:00:00Z`,
  reason: 'the first',
  trained_at: '2026-05-01T00:00:00Z',
  data: ['2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z'],
  rows: 3072,
  parameters: {},
  measured: null,
  beside: null,
  checksum: 'xxh3_0',
  bytes: 1,
});

test('versions are grouped by metric, and the one before the active one can be gone back to', () => {
  const groups = byModel([version('a', 3, 'shadow', 5), version('a', 2, 'active', 4), version('a', 1, 'replaced', 4), version('b', 1, 'active', 2)]);
  expect(groups.map(({ metric, versions, back }) => [metric, versions.length, back?.number])).toEqual([
    ['a', 3, 1],
    ['b', 1, undefined],
  ]);
  const beside = byModel([version('a', 1, 'active', 4), { ...version('a', 1, 'shadow', 4), detector: 'autoencoder' }]);
  expect(beside.map(({ detector, versions, trial }) => [detector, versions.length, trial?.number])).toEqual([
    ['isolation_forest', 1, undefined],
    ['autoencoder', 1, 1],
  ]);
});

test('what was gone back from is not offered, nor what was replaced before it', () => {
  const [group] = byModel([version('a', 3, 'rolled_back', 6), version('a', 2, 'active', 6), version('a', 1, 'replaced', 4)]);
  expect(group?.back).toBeUndefined();
});

test('what is on trial can be promoted, and else the next can be trained', () => {
  const labels = (...versions: ModelVersion[]) => byModel(versions).flatMap((group) => ordersOf(group).map(({ label, leads }) => [label, leads.includes('one series in four')]));
  expect(labels(version('a', 3, 'shadow', 5), version('a', 2, 'active', 4), version('a', 1, 'replaced', 4))).toEqual([['Promote version 3', true], ['Go back to version 1', false]]);
  expect(labels(version('a', 3, 'staged', 5), version('a', 2, 'active', 4))).toEqual([['Promote version 3', false]]);
  expect(labels(version('a', 1, 'shadow', 5))).toEqual([['Promote version 1', false]]);
  expect(labels(version('a', 1, 'active', 5))).toEqual([['Train now', false]]);
});

test('figures are a sentence of shares', () => {
  expect(figures({ measured: { rows: 1012, false_alarms: 9, caught: 749 } })).toBe('74 % caught; 9 of 1,012 quiet hours strange');
  expect(figures({ measured: null })).toBe('not measured yet');
  expect(sentence('a newer version is active')).toBe('A newer version is active.');
});

test('what an imported model is asked and gives is said in a phrase', () => {
  expect(asksAndGives({ time: 24, columns: 1, gives: 'reconstruction' })).toBe('24 rows of 1 column, made up again');
  expect(asksAndGives({ time: 1, columns: 6, gives: 'score' })).toBe('a score of 1 row of 6 columns');
});
