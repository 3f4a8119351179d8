import { expect, test } from 'vitest';
import { typedSlice } from './typed';

test('traffic is read as people write it', () => {
  expect(typedSlice('platform:iOS, os_version: 26.1')).toEqual({ platform: 'iOS', os_version: '26.1' });
  expect(typedSlice('  ')).toEqual({});
  expect([typedSlice('iOS'), typedSlice('platform:'), typedSlice(':x')]).toEqual([undefined, undefined, undefined]);
});
