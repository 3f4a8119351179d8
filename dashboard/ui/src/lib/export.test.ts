import { expect, test } from 'vitest';
import { csv } from './export';

test('a table becomes CSV that spreadsheets read and do not run', () => {
  const rows = [['a,b', 1.5, null], ['say "hi"', -2, { x: 1 }], ['=1+1', true, undefined], ['-dash', 0, 'two\nlines']];
  expect(csv(['name', 'n', 'rest'], rows)).toBe(
    'name,n,rest\r\n"a,b",1.5,\r\n"say ""hi""",-2,"{""x"":1}"\r\n\'=1+1,true,\r\n\'-dash,0,"two\nlines"\r\n',
  );
});
