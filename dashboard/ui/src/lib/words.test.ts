import { expect, test } from 'vitest';
import type { Alert } from './api-types';
import { exampleAlert } from './example';
import { millis } from './time';
import { capitalised, headline, lasting, measureName, sentence, timing } from './words';

const NOW = millis('2026-05-02T16:30:00Z');
const plainText = (text: string) => text.replaceAll(/[\u202f\u00a0]/g, ' ');
const effectOf = (parts: Partial<Alert['effect']>) => ({ ...exampleAlert().effect, ...parts });

test('the sentence says what, where, by how much, since when and whether it lasts', () => {
  expect(plainText(sentence(exampleAlert(), NOW, 'UTC'))).toBe(
    'p95 response time in eu-central-1 rose 29 % (812 → 1,047 ms) since 14:20; still bad',
  );
});

test('a rate that tripled is told as a multiple, a score in points', () => {
  const effect = effectOf({ before: 0.012, after: 0.036, delta: 0.024, relative: 2, unit: 'share' });
  const rate = headline(exampleAlert({ metric: 'failure_rate', statistic: 'rate', slice: {}, effect }));
  expect(rate.subject).toBe('Failure rate across all traffic');
  expect(rate.move).toBe('rose to 3× its usual level');
  expect(plainText(rate.values)).toBe('1.2 → 3.6 %');

  const score = effectOf({ before: 83, after: 71, delta: -12, relative: -0.145, unit: 'points' });
  const drop = headline(exampleAlert({ metric: 'ux_score', statistic: 'score', direction: 'down', slice: { platform: 'iOS' }, effect: score }));
  expect(plainText(`${drop.subject} ${drop.move}`)).toBe('UX score on iOS fell by 12.0 points');
});

test('what stopped coming or measuring is told as that', () => {
  expect(headline(exampleAlert({ kind: 'no_data' })).move).toBe('stopped coming in');
  expect(headline(exampleAlert({ kind: 'stuck' })).move).toBe('stands still');
  expect(headline(exampleAlert({ kind: 'regression' })).move).toMatch(/^rose/);
});

test('a move from nothing has no percentage', () => {
  const effect = effectOf({ before: 0, after: 40, delta: 40, relative: 0, unit: 'requests' });
  expect(headline(exampleAlert({ effect })).move).toBe('rose by 40');
});

test('the ending follows the status', () => {
  const resolved = exampleAlert({ status: 'resolved', resolved_at: '2026-05-02T16:05:00Z' });
  expect(timing(resolved, NOW, 'UTC')).toBe('from 14:20 to 16:05; back to normal');
  expect(timing(exampleAlert({ status: 'acknowledged' }), NOW, 'UTC')).toBe('since 14:20; still bad');
  expect(plainText(timing(resolved, NOW + 864e5, 'UTC'))).toBe('from 2 May 14:20 to 16:05; back to normal');
  const long = exampleAlert({ status: 'resolved', resolved_at: '2026-05-03T09:00:00Z' });
  expect(plainText(timing(long, NOW + 864e5, 'UTC'))).toBe('from 2 May 14:20 to 3 May 09:00; back to normal');
  expect(plainText(lasting(resolved, NOW))).toBe('1 h 45 min');
  expect(plainText(lasting(exampleAlert(), NOW))).toBe('2 h 10 min');
});

test('names keep their spelling at the start of a sentence', () => {
  expect(measureName('requests', 'count')).toBe('requests');
  expect(capitalised('requests in de_DE')).toBe('Requests in de_DE');
  expect(capitalised('p95 response time')).toBe('p95 response time');
  expect(capitalised('iOS is slow')).toBe('iOS is slow');
});
