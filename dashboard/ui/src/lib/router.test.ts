import { expect, test } from 'vitest';
import { match, withParameters } from './router';

test('addresses name pages', () => {
  expect(match('/')).toEqual({ page: 'inbox' });
  expect(match('/alerts/al_12')).toEqual({ page: 'alert', id: 'al_12' });
  expect(match('/alerts/al%2F12/')).toEqual({ page: 'alert', id: 'al/12' });
  expect(match('/selftest')).toEqual({ page: 'selftest' });
  expect(match('/alerts')).toEqual({ page: 'missing' });
  expect(match('/alerts/%zz')).toEqual({ page: 'missing' });
  expect(match('/api/v1/alerts/1')).toEqual({ page: 'missing' });
});

test('parameters are set, kept and left out', () => {
  expect(withParameters('/', { status: 'firing' })).toBe('/?status=firing');
  expect(withParameters('/?status=firing&tz=utc', { status: undefined })).toBe('/?tz=utc');
  expect(withParameters('/?status=firing', { status: undefined })).toBe('/');
});
