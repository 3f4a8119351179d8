import { expect, test } from 'vitest';
import type { Change } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { budgetSentence, causeBars, featureName, impact, likelyCause, markersOf, mixSentence, rarity, stepsOf, suspectLines, sureness, verdictOf, widerSeries } from './data';

const plainText = (text: string | undefined) => text?.replaceAll(/[\u202f\u00a0]/g, ' ');

test('the impact says who and how much', () => {
  const { who, size } = impact(exampleAlert());
  expect(plainText(who)).toBe('18,211 requests from about 9,100 users since it began');
  expect(plainText(size)).toBe('+235 ms (95 % sure: 201 to 268 ms)');
});

test('the impact is told of falls, and without users', () => {
  const effect = { before: 1210, after: 702, delta: -508, relative: -0.42, interval: [-560, -450], unit: 'requests', requests: 9000, users: null };
  const { who, size } = impact(exampleAlert({ direction: 'down', effect }));
  expect(who).toBe('Only 9,000 requests since it began');
  expect(plainText(size)).toBe('−508 (95 % sure: 450 to 560)');
});

test('a likely cause has its slice, its share and what there is too much of', () => {
  const cause = likelyCause(exampleAlert());
  expect(cause).toMatchObject({ found: true, slice: [['network', 'wifi'], ['cluster', 'eu-central-1']] });
  expect(cause.found && plainText(cause.rest)).toBe('of the excess slow requests');
});

test('a move in all traffic is everywhere', () => {
  const alert = exampleAlert({ slice: {}, causes: [{ slice: {}, share: 1, delta: 410, requests: 6120 }] });
  expect(likelyCause(alert)).toEqual({ found: false, reason: 'It is everywhere: no single slice stands out.' });
  expect(causeBars(alert)).toEqual([]);
});

test('a wider series than the alert is about is named', () => {
  expect(widerSeries(exampleAlert())).toBeUndefined();
  expect(widerSeries(exampleAlert({ slice: { feature: 'search', cluster: 'eu-central-1' } }))).toBe('in eu-central-1, the narrowest series kept around it');
});

test('no cause has a reason', () => {
  expect(likelyCause(exampleAlert({ causes: [] }))).toMatchObject({ found: false, reason: expect.stringContaining('all dimensions') });
  const few = exampleAlert({ causes: [], effect: { ...exampleAlert().effect, requests: 40 } });
  expect(likelyCause(few)).toMatchObject({ reason: expect.stringContaining('too few') });
});

test('mix and rate are told apart in words', () => {
  expect(mixSentence(exampleAlert())).toContain('got slower; who asks has not changed');
  expect(mixSentence(exampleAlert({ mix: { within: 2, mix_shift: 118 } }))).toContain('Only who asks has changed');
  expect(plainText(mixSentence(exampleAlert({ mix: { within: 80, mix_shift: 40 } })))).toContain('+80 ms because the same kinds');
  expect(mixSentence(exampleAlert({ mix: null }))).toBeUndefined();
});

test('suspects come best first and keep their letters on the chart', () => {
  const suspects = [
    { change: 'ch_1', title: 'weak', time: '2026-05-02T14:00:00Z', score: 0.2, why: '' },
    { change: 'ch_2', title: 'strong', time: '2026-05-02T14:10:00Z', score: 0.9, why: '' },
  ];
  const alert = exampleAlert({ suspects });
  expect(suspectLines(alert).map(({ letter, title, fit }) => `${letter} ${title} ${fit}`)).toEqual(['A strong strong fit', 'B weak weak fit']);
  const changes: Change[] = [
    { id: 'ch_2', time: '2026-05-02T14:10:00Z', kind: 'deploy', title: 'strong', slice: {}, url: 'https://example.com/2' },
    { id: 'ch_3', time: '2026-05-02T13:00:00Z', kind: 'config', title: 'here', slice: {} },
    { id: 'ch_4', time: '2026-05-02T13:00:00Z', kind: 'config', title: 'elsewhere', slice: { cluster: 'us-east-2' } },
  ];
  expect(markersOf(alert, changes).map(({ letter, title, url }) => `${letter} ${title} ${url ?? '-'}`)).toEqual([
    '1 config here -',
    'B weak -',
    'A strong https://example.com/2',
  ]);
});

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

test('bars of causes say what is more or fewer', () => {
  expect(plainText(causeBars(exampleAlert())[0]?.detail)).toBe('410 more slow than usual, of 6,120 requests');
  const missing = exampleAlert({ causes: [{ slice: { feature: 'music' }, share: 1.2, delta: -508, requests: 702 }] });
  expect(causeBars(missing)[0]).toMatchObject({ share: 1, detail: '508 fewer than usual' });
});

test('how sure, in plain words', () => {
  expect(sureness(exampleAlert())).toContain('once in 210,000 times');
  expect(sureness(exampleAlert({ evidence: { ...exampleAlert().evidence, e_value: 0.5 } }))).toBeUndefined();
  expect(budgetSentence(exampleAlert())).toContain('at most 1 per week');
  expect(rarity(1e-5)).toBe('1 in 100,000');
  expect(rarity(0)).toBe('fewer than 1 in a trillion');
  expect(sureness(exampleAlert({ evidence: { ...exampleAlert().evidence, e_value: 1e212 } }))).toContain('less than once in a trillion times');
  expect(featureName('asr_ms')).toBe('ASR ms');
});

test('what came beyond the expectation is told as times of it', () => {
  const attributions = [{ feature: 'p95_beyond_expectation', value: 2.31, contribution: 9 }];
  const [step] = stepsOf({ name: 'd', score: 9, p_value: 0.01, base: 0, attributions });
  expect(step).toMatchObject({ label: 'p95: requests beyond the expectation', value: '2.3×' });
  expect(featureName('count_beyond_expectation')).toBe('Requests against the expectation');
});

test('the last verdict counts', () => {
  expect(verdictOf(exampleAlert())).toBeUndefined();
  expect(verdictOf(exampleAlert({ feedback: [{ verdict: 'false' }, { verdict: 'true' }] }))).toBe('true');
});
