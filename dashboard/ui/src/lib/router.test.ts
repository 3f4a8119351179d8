import { expect, test } from 'vitest';
import { PAGES } from '../pages/list';
import { match, withParameters } from './router';

const found = (path: string): [string | undefined, string] => {
  const { page, id } = match(path);
  return [page?.name, id];
};

test('addresses name pages', () => {
  expect(found('/')).toEqual(['inbox', '']);
  expect(found('/alerts/al_12')).toEqual(['alert', 'al_12']);
  expect(found('/alerts/al%2F12/')).toEqual(['alert', 'al/12']);
  expect(found('/selftest')).toEqual(['selftest', '']);
  for (const path of ['/alerts', '/alerts/%zz', '/selftest/more', '/api/v1/alerts/1', '/nowhere']) {
    expect(found(path)).toEqual([undefined, '']);
  }
});

test('no two pages share an address, and none takes one that belongs to programs', () => {
  const paths = PAGES.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  // The server's list: dashboard/assets/src/lib.rs.
  for (const taken of ['api', 'v1', 'metrics', 'healthz', 'readyz', 'prometheus', 'alertmanager', 'assets']) expect(paths).not.toContain(taken);
});

test('parameters are set, kept and left out', () => {
  expect(withParameters('/', { status: 'firing' })).toBe('/?status=firing');
  expect(withParameters('/?status=firing&tz=utc', { status: undefined })).toBe('/?tz=utc');
  expect(withParameters('/?status=firing', { status: undefined })).toBe('/');
});
