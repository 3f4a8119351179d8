import { expect, test } from 'vitest';
import { exampleAlert } from '../../lib/example';
import { millis } from '../../lib/time';
import { askedAddress, daysOf, filterAddress, filterOf, isUnknown, metricsOf, queryOf, rowOf, shownRows, wholeAddress, withNews, withOlder, withWords } from './data';

const ADA = { name: 'ada', team: 'voice-latency' };
const NOW = millis('2026-05-02T16:30:00Z');
const at = (id: string, opened_at: string) => exampleAlert({ id, opened_at, incident_id: id });
const older = at('a', '2026-05-01T10:00:00Z');
const newer = at('b', '2026-05-02T15:00:00Z');
const ids = (alerts: { id: string }[]) => alerts.map((alert) => alert.id).join('');

test('the filter goes into the address and back', () => {
  const filter = { status: 'firing' as const, metric: 'response_time', whose: 'team' as const };
  expect(filterAddress(filter)).toBe('/?whose=team&status=firing&metric=response_time');
  expect(filterOf(new URLSearchParams('status=firing&metric=response_time&whose=team'))).toEqual(filter);
  expect(filterOf(new URLSearchParams('status=nonsense&metric=&whose=you'))).toEqual({});
});

test('words are in the address, and the server is asked for them', () => {
  const filter = filterOf(new URLSearchParams('q=ios+ada&status=firing'));
  expect(filter).toEqual({ status: 'firing', words: 'ios ada' });
  expect(filterAddress(filter)).toBe('/?status=firing&q=ios+ada');
  expect(askedAddress({ ...filter, words: 'ios ada ' })).toBe('/?status=firing&q=ios+ada');
  expect(wholeAddress(filter)).toBe('/?status=firing');
  expect(queryOf(filter, ADA)).toEqual({ status: 'firing', q: 'ios ada' });
});

test('an alert is found by any word that is told of it, all of them at once, in any case', () => {
  const found = (words: string | undefined) => ids(withWords([{ ...newer, assignee: 'Ada' }, { ...older, metric: 'failure_rate', statistic: 'rate', slice: { platform: 'iOS', os_version: '26.1' } }], words));
  expect([found(undefined), found('  '), found('ada'), found('FAILURE ios 26.1'), found('os_version:26'), found('critical voice-latency'), found('ada ios'), found('nothing')]).toEqual(['ba', 'ba', 'b', 'a', 'a', 'ba', '', '']);
});

test('news take their place by time of opening', () => {
  expect(ids(withNews([newer, older], at('c', '2026-05-02T12:00:00Z'), {}, ADA))).toBe('bca');
  expect(ids(withNews([newer, older], at('c', '2026-05-02T16:00:00Z'), {}, ADA))).toBe('cba');
  expect(ids(withNews([], newer, {}, ADA))).toBe('b');
});

test('news join a search where they have the words, and what was found stays', () => {
  const news = at('c', '2026-05-02T16:00:00Z');
  expect(ids(withNews([newer], news, { words: 'nothing' }, ADA))).toBe('b');
  expect(ids(withNews([newer], news, { words: 'response' }, ADA))).toBe('cb');
  expect(ids(withNews([newer], newer, { words: 'nothing' }, ADA))).toBe('b');
});

test('news older than the last row belong to a later page', () => {
  expect(ids(withNews([newer, older], at('c', '2026-04-01T12:00:00Z'), {}, ADA))).toBe('ba');
});

test('a known alert changes in place, and leaves when it no longer passes', () => {
  const resolved = { ...older, status: 'resolved' as const };
  expect(withNews([newer, older], resolved, {}, ADA)[1]?.status).toBe('resolved');
  expect(ids(withNews([newer, older], resolved, { status: 'firing' }, ADA))).toBe('b');
  expect(ids(withNews([newer, older], exampleAlert({ metric: 'requests' }), { metric: 'response_time' }, ADA))).toBe('ba');
});

test('mine and my team are asked of the server by name, and news are held against the same', () => {
  expect(queryOf({ whose: 'me', status: 'firing' }, ADA)).toEqual({ status: 'firing', assignee: 'ada' });
  expect(queryOf({ whose: 'team' }, ADA)).toEqual({ owner: 'voice-latency' });
  expect(isUnknown({ whose: 'me' }, { name: '', team: 'x' })).toBe(true);
  expect(isUnknown({ whose: 'team' }, ADA)).toBe(false);
  expect(ids(withNews([newer], { ...older, assignee: 'bob' }, { whose: 'me' }, ADA))).toBe('b');
  expect(ids(withNews([], { ...older, assignee: 'ada' }, { whose: 'me' }, ADA))).toBe('a');
  expect(ids(withNews([], { ...older, owner: 'others' }, { whose: 'team' }, ADA))).toBe('');
});

test('alerts of one incident are one row, led by what needs a look', () => {
  const of = (id: string, more: object) => exampleAlert({ id, incident_id: 'in_1', ...more });
  const days = daysOf([of('c', { status: 'resolved' }), of('b', { severity: 'warning' }), of('a', {}), exampleAlert({ id: 'x', incident_id: 'in_2' })], NOW, 'UTC');
  expect(days).toHaveLength(1);
  expect(days[0]?.incidents.map(({ lead, others }) => [lead.id, ids(others)])).toEqual([['a', 'cb'], ['x', '']]);
  expect(ids(shownRows(days, () => false))).toBe('ax');
  expect(ids(shownRows(days, (incident) => incident === 'in_1'))).toBe('acbx');
});

test('an older page never repeats a row', () => {
  expect(ids(withOlder([newer, older], [older, at('c', '2026-04-01T12:00:00Z')]))).toBe('bac');
});

test('rows are put under days of the chosen zone', () => {
  const days = daysOf([newer, older], NOW, 'UTC');
  expect(days.map((day) => day.heading)).toEqual(['Today, Saturday 2 May', 'Yesterday, Friday 1 May']);
});

test('a row says where it sits, and nothing where nothing is known', () => {
  const row = rowOf(newer, NOW, 'UTC');
  expect(row.cause?.replaceAll('\u202f', ' ')).toBe('wifi, eu-central-1 83 %');
  expect(row.since).toBe('14:20');
  const bare = rowOf(exampleAlert({ causes: [], suspects: [], owner: null, evidence: { ...newer.evidence, chart: null } }), NOW, 'UTC');
  expect([bare.cause, bare.suspect, bare.owner, bare.chart]).toEqual([undefined, undefined, undefined, undefined]);
});

test('metrics to filter by: the built-in ones, those seen and the chosen one', () => {
  expect(metricsOf([exampleAlert({ metric: 'zoom' })], 'asked')).toEqual([
    'asked', 'failure_rate', 'requests', 'response_time', 'ux_score', 'zoom',
  ]);
});
