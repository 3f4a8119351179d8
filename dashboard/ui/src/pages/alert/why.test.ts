import { expect, test } from 'vitest';
import type { Alert } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { confidenceSentence, leadLines, lostRequests, reasonOf, stageRows, stageSentence } from './why';

const withMore = (more: object): Alert => ({ ...exampleAlert(), ...more }) as Alert;

test('stages are named, and the one that carries it is said', () => {
  const stages = [
    { stage: 'asr_ms', delta: 195, share: 0.83, before: 274, during: 469, named: true },
    { stage: 'gap', delta: 40, share: 0.17, before: 12, during: 52, named: false },
  ];
  const alert = withMore({ stages });
  expect(stageRows(alert).map(({ name, share, tone }) => [name, share, tone])).toEqual([
    ['ASR', '83\u202f%', 'bad'],
    ['Between the stages', '17\u202f%', 'bad'],
  ]);
  expect(stageSentence(alert)).toBe('ASR carries 83\u202f% of it: +195\u202fms.');
  expect(stageSentence(withMore({ stages: stages.map((stage) => ({ ...stage, named: false })) }))).toMatch(/^No single stage/);
  expect(stageSentence(withMore({ stages: [] }))).toBeUndefined();
});

test('a stage that carries more than all carries all, and tenths beside hundreds are left out', () => {
  const stages = [
    { stage: 'fulfil_ms', delta: 254, share: 1.08, named: true },
    { stage: 'asr_ms', delta: -18.6, share: -0.08, named: false },
    { stage: 'tts_ms', delta: -0.38, share: 0, named: false },
  ];
  const alert = withMore({ stages });
  expect(stageSentence(alert)).toBe('Fulfil carries all of it: +254\u202fms.');
  expect(stageRows(alert).map(({ delta }) => delta)).toEqual(['+254\u202fms', '\u221219\u202fms', '±0\u202fms']);
});

test('the reason why nothing is named is a sentence', () => {
  expect(reasonOf({ verdict: 'alike', confidence: 0, reason: 'all parts moved alike: none of 25224 slices tells it apart' })).toBe(
    'All parts moved alike: none of 25,224 slices tells it apart.',
  );
});

test('stages without their sizes still have their part', () => {
  const [row] = stageRows(withMore({ stages: [{ stage: 'tts_ms', delta: -3, share: -0.01 }] }));
  expect(row).toMatchObject({ name: 'TTS', before: undefined, beforeText: '', tone: 'plain' });
});

test('confidence is said only where there is one', () => {
  const why = { verdict: 'slices', reason: 'r', confidence: 0.91, deletion: { would_fire: false } };
  expect(confidenceSentence(withMore({ why }))).toBe('Had these requests fared as usual, 91\u202f% of the move would be gone, and there would be no alert.');
  expect(confidenceSentence(withMore({ why: { ...why, confidence: 0 } }))).toBeUndefined();
  expect(confidenceSentence(exampleAlert())).toBeUndefined();
});

test('bad requests beyond the usual are counted where shares are', () => {
  const effect = { ...exampleAlert().effect, unit: 'share', delta: 0.02, requests: 18_211 };
  expect(lostRequests(withMore({ effect }))).toBe('about 364 of them bad beyond what is usual');
  expect(lostRequests(exampleAlert())).toBeUndefined();
});

test('what it could be as well has its probability, and its move where that is known', () => {
  const leads = [
    { slice: { feature: 'search', os_version: '26.2.1' }, probability: 0.34, before: 1020, after: 1240, requests: 900 },
    { slice: {}, probability: 0.05, before: null, after: null, requests: 9000 },
    { slice: { feature: 'home' }, probability: 0.02, before: 1020, after: 1030, requests: 90 },
  ];
  const why = { verdict: 'slices', reason: 'feature search explains 91 %', confidence: 0.91, leads };
  expect(leadLines(withMore({ why }))).toEqual([
    { slice: [['feature', 'search'], ['os_version', '26.2.1']], probability: '34\u202f%', moved: '1,020\u202fms → 1,240\u202fms' },
    { slice: [], probability: '5\u202f%', moved: undefined },
  ]);
  expect(leadLines(withMore({ why: { ...why, leads: undefined } }))).toEqual([]);
});
