import { expect, test } from 'vitest';
import { sliceOf } from './data';

test('traffic is read as people write it', () => {
  expect(sliceOf('platform:iOS, os_version: 26.1')).toEqual({ platform: 'iOS', os_version: '26.1' });
  expect(sliceOf('  ')).toEqual({});
  expect([sliceOf('iOS'), sliceOf('platform:'), sliceOf(':x')]).toEqual([undefined, undefined, undefined]);
});
