import { expect, test } from 'vitest';
import { exampleAlert } from '../../lib/example';
import { budgetSentence, featureName, rarity, stepsOf, sureness } from './working';

test('the bars of a detector add up from base to score', () => {
  const [detector] = exampleAlert().evidence.detectors;
  const steps = stepsOf(detector!);
  expect(steps.map(({ label }) => label)).toEqual(['Ordinary traffic', 'p95 residual', 'Slope', 'Hour', 'This alert']);
  expect(steps.at(-2)?.to).toBeCloseTo(0.81);
  for (let index = 2; index < steps.length - 1; index++) expect(steps[index]?.from).toBe(steps[index - 1]?.to);
});

test('many features are drawn together, and what is not attributed is said', () => {
  const attributions = Array.from({ length: 12 }, (_, index) => ({ feature: `f${index}`, value: 1, contribution: 0.01 * (index + 1) }));
  const steps = stepsOf({ name: 'd', score: 2, p_value: 0.01, base: 0, attributions });
  expect(steps.map(({ label }) => label)).toEqual(expect.arrayContaining(['5 others', 'Not attributed']));
  expect(steps.at(-2)?.to).toBeCloseTo(2);
  expect(stepsOf({ name: 'd', score: 2, p_value: 0.01, base: 2, attributions: [] })).toHaveLength(2);
});

test('evidence by time since the onset stays in its order', () => {
  const attributions = [
    { feature: 'p95_minutes_0_to_30', value: 1.4, contribution: 2 },
    { feature: 'p95_minutes_30_to_60', value: 2.6, contribution: 9 },
    { feature: 'price_of_any_move', value: 2, contribution: -3 },
    { feature: 'p50_beyond_expectation', value: 1.1, contribution: 0.5 },
  ];
  const steps = stepsOf({ name: 'seasonal_change', score: 8.5, p_value: 0.0002, base: 0, attributions });
  expect(steps.map(({ label }) => label)).toEqual([
    'p95: 0 to 30 min after the onset',
    'p95: 30 to 60 min after the onset',
    'Less, for not knowing which move, and since when',
    'p50: requests beyond the expectation',
    'This alert',
  ]);
  expect(steps.map(({ value }) => value)).toEqual(['1.4×', '2.6×', undefined, '1.1×', undefined]);
  expect(steps.at(-2)?.to).toBeCloseTo(8.5);
  expect(featureName('count_minutes_60_to_120')).toBe('Count: 1 to 2 h after the onset');
});

test('how sure, in plain words', () => {
  expect(sureness(exampleAlert())).toContain('once in 210,000 times');
  expect(sureness(exampleAlert({ evidence: { ...exampleAlert().evidence, e_value: 0.5 } }))).toBeUndefined();
  expect(budgetSentence(exampleAlert())).toContain('at most 1 per week');
  expect(rarity(1e-5)).toBe('1 in 100,000');
  expect(rarity(0)).toBe('fewer than 1 in a trillion');
  expect(sureness(exampleAlert({ evidence: { ...exampleAlert().evidence, e_value: 1e212 } }))).toContain('less than once in a trillion times');
  expect(featureName('asr_ms')).toBe('ASR ms');
  expect(['p95_newest', 'p50_before'].map(featureName)).toEqual(['p95: the last 15 min', 'p50: the 45 min before']);
});

test('what came beyond the expectation is told as times of it', () => {
  const attributions = [{ feature: 'p95_beyond_expectation', value: 2.31, contribution: 9 }];
  const [step] = stepsOf({ name: 'd', score: 9, p_value: 0.01, base: 0, attributions });
  expect(step).toMatchObject({ label: 'p95: requests beyond the expectation', value: '2.3×' });
  expect(featureName('count_beyond_expectation')).toBe('Requests against the expectation');
});
