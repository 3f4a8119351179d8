import { expect, test } from 'vitest';
import type { Alert, Dropped } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { candidatesOf, candidatesSentence, droppedQuery, forgottenSentence } from './path';

const joined = (at: string, cluster: string) => ({ at, slice: { cluster }, statistic: 'p95', onset: at, relative: 0.3, e_value: 1e6 });
const dropped = (at: string, why: string, alert: string | null = null): Dropped => ({
  at, metric: 'response_time', slice: { locale: 'de_DE' }, stage: alert ? 'new' : 'rate', why, alert, statistic: 'p95', onset: at, relative: 0.12, mix_part: null,
});

const alert = {
  ...exampleAlert(),
  id: 'al_1',
  metric: 'response_time',
  onset_interval: ['2026-03-13T10:00:00Z', '2026-03-13T10:10:00Z'],
  resolved_at: '2026-03-13T12:00:00Z',
  joined: [joined('2026-03-13T10:30:00Z', 'eu'), joined('2026-03-13T10:40:00Z', 'us')],
} as Alert;

test('what opened, what joined and what was dropped stand in the order of time', () => {
  const rest = [dropped('2026-03-13T10:35:00Z', 'the evidence was gone at the next step'), dropped('2026-03-13T10:40:00Z', '', 'al_1'), dropped('2026-03-13T11:00:00Z', '', 'al_2')];
  const found = candidatesOf(alert, rest);
  expect(found.map(({ became, alert: other }) => [became, other])).toEqual([
    ['opened this alert', undefined],
    ['the evidence was gone at the next step', undefined],
    ['joined this alert', undefined],
    ['part of another alert', 'al_2'],
  ]);
  expect(found[1]).toMatchObject({ series: 'p95 response time, de_DE', moved: '+12\u202f%', isOfIt: false });
  expect(candidatesSentence(alert, found)).toBe('2 candidates came through every stage and are this alert; 2 other candidates of response time were dropped around that time.');
});

test('an alert that kept no candidates takes those that the funnel remembers', () => {
  const bare = { ...alert, joined: [] } as Alert;
  expect(candidatesOf(bare, [dropped('2026-03-13T10:40:00Z', '', 'al_1')])).toMatchObject([{ became: 'joined this alert', isOfIt: true }]);
  expect(candidatesSentence(bare, [])).toBe('Which series made this alert was not kept; no other candidate of response time was dropped around that time.');
});

test('the time that is asked for is that of the alert, and what is forgotten of it is said', () => {
  expect(droppedQuery(alert)).toEqual({ metric: 'response_time', from: '2026-03-13T07:00:00.000Z', to: '2026-03-13T12:00:00.001Z' });
  expect(droppedQuery({ ...alert, resolved_at: null } as Alert).to).toBeUndefined();
  expect([forgottenSentence(alert, null), forgottenSentence(alert, '2026-03-13T06:00:00Z')]).toEqual([undefined, undefined]);
  expect(forgottenSentence(alert, '2026-03-13T08:00:00Z')).toContain('the newest 200');
});
