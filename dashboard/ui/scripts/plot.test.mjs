import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { withoutUnused } from './plot.mjs';

test('the plot that is installed asks nothing of Intl when it is loaded', () => {
  const code = readFileSync(createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js'), 'utf8');
  const atOnce = (text) => text.split('\n').filter((line) => /^(const|let|var) .*Intl\./.test(line));
  expect(atOnce(code)).toHaveLength(2);
  expect(atOnce(withoutUnused(code))).toEqual([]);
});

test('another plot is not built unseen', () => {
  expect(() => withoutUnused('const numFormatter = 1;')).toThrow('uPlot no longer says');
});
