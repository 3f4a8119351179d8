import { expect, test } from 'vitest';
import type { Alert, Change } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { affected, impact, likelyCause, markersOf, mixSentence, suspectLines, verdictOf, waiting, widerSeries } from './data';

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
  const second = { slice: { locale: 'de_DE' }, share: 0.1, delta: 40, requests: 900 };
  const both = likelyCause(exampleAlert({ causes: [...exampleAlert().causes, second] }));
  expect(both).toMatchObject({ others: [{ slice: [['locale', 'de_DE']], share: '10\u202f%' }] });
});

test('a move in all traffic is everywhere', () => {
  const alert = exampleAlert({ slice: {}, causes: [{ slice: {}, share: 1, delta: 410, requests: 6120 }] });
  expect(likelyCause(alert)).toEqual({ found: false, reason: 'It is everywhere: no single slice stands out.' });
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

test('a slice that stands out and explains too little is not called the cause', () => {
  const why = { verdict: 'unsure', reason: 'cluster eu-central-1 stands out, but explains only 30 % of the move' } as NonNullable<Alert['why']>;
  expect(likelyCause(exampleAlert({ why }))).toMatchObject({ found: false });
  expect(likelyCause(exampleAlert({ why: { ...why, verdict: 'slices' } }))).toMatchObject({ found: true });
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

test('the headline ends in who is affected', () => {
  expect(plainText(affected(exampleAlert()))).toBe('; about 9,100 users are affected');
  expect(affected(exampleAlert({ status: 'resolved', effect: { ...exampleAlert().effect, users: 1 } }))).toBe('; about 1 user was affected');
  expect(affected(exampleAlert({ effect: { ...exampleAlert().effect, users: null } }))).toBe('');
});

test('the last verdict counts', () => {
  expect(verdictOf(exampleAlert())).toBeUndefined();
  expect(verdictOf(exampleAlert({ feedback: [{ verdict: 'false' }, { verdict: 'true' }] }))).toBe('true');
});

test('time lost is said for all and for each', () => {
  expect(waiting(4260, 8520)).toBe('1\u00a0h 11\u00a0min of waiting added, 500\u202fms for each user');
  expect(waiting(12, null)).toBe('12\u202fs of waiting added');
  expect(waiting(-5, 3)).toBeUndefined();
});
