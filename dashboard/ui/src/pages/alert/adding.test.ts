import { expect, test } from 'vitest';
import type { Alert } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { besideLines, mixShareSentence, partRows, togetherSentence } from './adding';

const spaced = (text: string | undefined) => text?.replaceAll(/[\u202f\u00a0]/g, ' ');

const why = {
  verdict: 'slices', reason: 'r', confidence: 0.8, something_else: 0, ruled_out: [], left_out: [], deletion: null, tested: null,
  compared: { slice: {}, from: '2026-05-02T14:20:00Z', to: '2026-05-02T16:00:00Z', days_before: 6, before: 810, after: 1050, requests_before: 9000, requests_after: 1800 },
  rest: { within: 30, mix_shift: -5 },
  mix_share: { share: 0.04, interval: [0, 0.21] },
  offsets: [{ slice: { locale: 'ja_JP' }, share: -0.2, delta: -40, requests: 300, beside: [], part: { within: -15, mix_shift: 0 } }],
} satisfies NonNullable<Alert['why']>;
const causes = [{
  slice: { cluster: 'eu-central-1', network: 'wifi' }, share: 0.83, delta: 410, requests: 6120, share_interval: [0.71, 0.94], chance: 1e-9, before: 800, after: 1400,
  part: { within: 225, mix_shift: 5 }, without: { value: 830, would_fire: false }, beside: [{ slice: { cluster: 'us-east-2', network: 'wifi' }, before: 790, after: 795, requests: 4000 }],
}];

test('slices, what moved the other way and all else add up to the move', () => {
  const alert = exampleAlert({ causes, why });
  const rows = partRows(alert);
  expect(rows.map(({ name, part }) => [spaced(name), spaced(part)])).toEqual([
    ['wifi, eu-central-1', '+230 ms'], ['ja_JP', '−15.0 ms'], ['All else', '+25 ms'],
  ]);
  expect(spaced(togetherSentence(alert))).toBe('Together +240 ms: 810 → 1,050 ms, against the same hours of 6 days before.');
});

test('each slice says how sure it is and what would have been without it', () => {
  const [first] = partRows(exampleAlert({ causes, why }));
  expect([first?.share, first?.interval, first?.without, first?.chance].map(spaced)).toEqual(['83 %', '71 % to 94 %', '830 ms, no alert', '1 in 1 billion']);
  expect(spaced(mixShareSentence(exampleAlert({ why })))).toBe('4.0 % of the move (0 % to 21 %) is a change of who came.');
  expect(besideLines(exampleAlert({ causes, why })).map(spaced)).toEqual(['wifi, us-east-2: 790 → 795 ms']);
});

test('nothing adds up where no slice is claimed', () => {
  expect(partRows(exampleAlert())).toEqual([]);
  expect(partRows(exampleAlert({ causes, why: { ...why, verdict: 'unsure' } }))).toEqual([]);
  expect(partRows(exampleAlert({ causes: [{ ...causes[0]!, slice: {} }], why: { ...why, verdict: 'everywhere' } }))).toEqual([]);
});
