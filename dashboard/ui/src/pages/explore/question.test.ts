import { expect, test } from 'vitest';
import type { DefinitionInForce } from '../../lib/api-types';
import { comparedBy, isSameSet, questionOf, setsOf, sidesOf, stepOf } from './question';

const metric: DefinitionInForce = {
  name: 'response_time', kind: 'latency', unit: 'ms', statistics: ['p50', 'p95'], dimensions: ['platform', 'build', 'device', 'locale'],
  watch: [[], ['platform'], ['platform', 'build']], better: 'lower', owner: null,
};
const NOW = Date.parse('2026-05-02T12:03:10Z');
const of = (search: string) => questionOf(new URLSearchParams(search), [metric], NOW);

test('the address says what is asked, and what is left out has a usual value', () => {
  expect(of('')).toMatchObject({ statistic: 'p50', slice: {}, span: { name: '3d' }, to: Date.parse('2026-05-02T12:00:00Z') });
  expect(of('metric=nosuch&stat=p95&slice=platform:iOS&span=1d&to=2026-05-01T00:00:00Z')).toMatchObject({
    statistic: 'p95', slice: { platform: 'iOS' }, from: Date.parse('2026-04-30T00:00:00Z'),
  });
  expect(questionOf(new URLSearchParams(), [], NOW)).toBeUndefined();
});

test('a step leaves no more points than pixels', () => {
  expect(stepOf(24 * 3_600_000)).toBe(300);
  expect(stepOf(28 * 24 * 3_600_000)).toBe(900);
});

test('series are kept for watched sets', () => {
  expect(setsOf(metric)).toEqual([[], ['platform'], ['platform', 'build']]);
  expect(isSameSet({ build: '1', platform: 'iOS' }, ['platform', 'build'])).toBe(true);
  expect(isSameSet({}, ['platform'])).toBe(false);
});

test('two times are compared, or two values in one time, and both are matched', () => {
  const question = of('span=1d')!;
  expect(sidesOf(question, new URLSearchParams(), '')).toEqual({
    metric: 'response_time', statistic: 'p50', from: '2026-05-01T12:00:00.000Z', to: '2026-05-02T12:00:00.000Z', slice: undefined, matched: 'device,locale,hour',
  });
  expect(sidesOf(question, new URLSearchParams('against=week'), 'platform:iOS')).toMatchObject({ slice: 'platform:iOS', against_from: '2026-04-24T12:00:00.000Z' });
  expect(sidesOf(question, new URLSearchParams('mode=values&by=build&a=1&b=2'), '')).toMatchObject({
    slice: 'build:2', against_slice: 'build:1', matched: 'device,locale,hour',
  });
  expect(sidesOf(question, new URLSearchParams('mode=values&by=build&a=1'), '')).toBeUndefined();
});

test('two values are held against each other by build, or by what the address says', () => {
  expect(comparedBy({ metric }, new URLSearchParams())).toEqual({ isValues: false, by: 'build', a: '', b: '' });
  expect(comparedBy({ metric }, new URLSearchParams('mode=values&by=locale&a=de_DE'))).toEqual({ isValues: true, by: 'locale', a: 'de_DE', b: '' });
});
