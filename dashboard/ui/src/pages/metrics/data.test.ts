import { expect, test } from 'vitest';
import type { Alert, Definition, Sensitivity } from '../../lib/api-types';
import { definitionOf, draftOf, EMPTY, firedMarks, firedSentence, objectiveAsks, readFrom, rowsOf, sqlOf, statisticName, yamlOf } from './data';

const ratio: Definition = {
  name: 'cancel_rate', kind: 'ratio', numerator: "outcome = 'cancelled'", dimensions: ['platform'], watch: [[], ['platform']],
  better: 'lower', owner: null, objective: { statistic: 'rate', target: 0.1, window: '28d' }, alert: { min_effect: 0.03, page_at: 0.2 }, managed_by: 'store', version: 2,
};

test('three fields are enough', () => {
  const made = definitionOf({ ...EMPTY, name: ' slow ', kind: 'latency', expression: 'asr_ms', dimensions: 'platform, locale' });
  expect(made).toEqual({ name: 'slow', kind: 'latency', value: 'asr_ms', dimensions: ['platform', 'locale'], watch: [[], ['platform'], ['locale']], better: 'lower' });
  expect(definitionOf({ ...EMPTY, name: 'n', kind: 'count' })).not.toHaveProperty('numerator');
});

test('what the form does not ask for stays as it was', () => {
  const made = definitionOf(draftOf(ratio), ratio);
  expect(made.objective).toEqual(ratio.objective);
  expect(made.alert).toEqual(ratio.alert);
  expect(definitionOf({ ...draftOf(ratio), dimensions: 'locale' }, ratio).watch).toEqual([[]]);
});

test('when to alert and what to keep to are written as people write them', () => {
  expect(draftOf(ratio)).toMatchObject({ alertFrom: '3 %', pageFrom: '20 %', target: '10 %', window: '28d' });
  const made = definitionOf({ ...draftOf(ratio), alertFrom: '5%', pageFrom: '', target: '0.02', window: '7d' }, ratio);
  expect([made.alert, made.objective]).toEqual([{ min_effect: 0.05 }, { statistic: 'rate', target: 0.02, window: '7d' }]);
  const latency = definitionOf({ ...EMPTY, name: 'slow', kind: 'latency', expression: 'asr_ms', target: '900', alertFrom: 'lots' });
  expect([latency.alert, latency.objective]).toEqual([{ min_effect: 'lots' }, { statistic: 'p95', target: 900, window: '28d' }]);
  expect(definitionOf({ ...draftOf(ratio), target: '' }, ratio)).not.toHaveProperty('objective');
  expect([objectiveAsks('p95'), objectiveAsks('rate')]).toEqual(['Objective: 95 of 100 requests within (ms)', 'Objective: at most this share']);
});

test('the YAML says the same and nothing of how it is kept', () => {
  expect(yamlOf(ratio)).toBe(
    `metrics:\n  - name: cancel_rate\n    kind: ratio\n    numerator: "outcome = 'cancelled'"\n    dimensions: [platform]\n    watch: [[], [platform]]\n    better: lower\n    objective: {statistic: rate, target: 0.1, window: "28d"}\n    alert: {min_effect: 0.03, page_at: 0.2}\n`,
  );
});

test('the SQL asks history for the same', () => {
  expect(sqlOf({ ...ratio, where: 'not test' })).toContain("case when outcome = 'cancelled' then 1.0");
  expect(sqlOf({ ...ratio, where: 'not test' })).toContain('where not test');
});

test('the list says how many of how many', () => {
  const alert = (verdict?: string) => ({ metric: 'cancel_rate', opened_at: '2026-05-10T00:00:00Z', feedback: verdict ? [{ verdict }] : [] }) as unknown as Alert;
  const from = Date.parse('2026-05-01T00:00:00Z');
  const rows = rowsOf([ratio], [alert('true'), alert('false'), alert('duplicate'), alert()], [{ metric: 'cancel_rate', smallest_caught_percent: 15 } as Sensitivity], from, from + 14 * 86_400_000);
  expect(rows[0]).toMatchObject({ perWeek: 2, judged: 2, real: 1, labelled: 3, alerts: 4, smallest: '+15\u202f%' });
});

test('of more alerts than are read, the time since the oldest of them counts', () => {
  const alerts = [{ opened_at: '2026-05-12T00:00:00Z' }, { opened_at: '2026-05-10T00:00:00Z' }] as Alert[];
  const from = Date.parse('2026-05-01T00:00:00Z');
  expect([readFrom({ alerts, next: null }, from), readFrom({ alerts, next: 'c' }, from), readFrom({ alerts: [], next: 'c' }, from)]).toEqual([from, Date.parse('2026-05-10T00:00:00Z'), from]);
  expect(['p50', 'rate'].map(statisticName)).toEqual(['p50', '']);
});

test('how often it would have fired is a sentence', () => {
  const of = (n: number, per_week: number | null = null) => firedSentence({ alerts: Array.from({ length: n }, () => ({}) as Alert), per_week });
  expect([of(0, 0), of(1), of(3, 1.5)]).toEqual(['Would not have fired.', 'Would have fired once.', 'Would have fired 3 times, 1.5 a week.']);
});

test('where a preview would have fired is numbered as in its table', () => {
  const alert = (id: string, opened_at: string) => ({ id, opened_at }) as Alert;
  const marks = firedMarks([alert('a', '2026-05-01T00:00:00Z'), alert('b', '2026-05-02T00:00:00Z')]);
  expect(marks.map(({ id, letter }) => id + letter)).toEqual(['a1', 'b2']);
  expect(marks[1]?.at).toBe(Date.parse('2026-05-02T00:00:00Z'));
});
