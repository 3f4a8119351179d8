import { expect, test } from 'vitest';
import { lineOf } from './early.mjs';

const chunk = (fileName, imports, css, moduleIds = []) => ({ type: 'chunk', fileName, imports, moduleIds, viteMetadata: { importedCss: new Set(css) } });
const outputs = [
  { type: 'asset', fileName: 'index.html', source: '<script type="module" src="/assets/shared-1.js"></script>' },
  chunk('assets/shared-1.js', [], ['assets/shared-1.css']),
  chunk('assets/parts-2.js', ['assets/shared-1.js'], []),
  chunk('assets/alert-3.js', ['assets/parts-2.js', 'assets/shared-1.js'], ['assets/alert-3.css'], ['/hark/src/pages/alert/Page.svelte']),
  chunk('assets/other-4.js', ['assets/shared-1.js'], ['assets/other-4.css'], ['/hark/src/pages/other/Page.svelte']),
];

test('a page names its scripts with all that they import, the entry first, then its styles, then what it asks for', () => {
  const [path, always, bare] = lineOf({ path: 'alerts', page: 'alert', asksAlways: ['/api/v1/alerts/{id}'], asks: ['/api/v1/status'] }, outputs).split('\t');
  expect(path).toBe('alerts');
  expect(always.split(', ')).toEqual([
    '</assets/shared-1.js>; rel=modulepreload',
    '</assets/alert-3.js>; rel=modulepreload',
    '</assets/parts-2.js>; rel=modulepreload',
    '</assets/shared-1.css>; rel=preload; as=style; crossorigin',
    '</assets/alert-3.css>; rel=preload; as=style; crossorigin',
    '</api/v1/alerts/{id}>; rel=preload; as=fetch; crossorigin',
  ]);
  expect(bare).toBe('</api/v1/status>; rel=preload; as=fetch; crossorigin');
});

test('a page that is nowhere is an error of the build', () => {
  expect(() => lineOf({ path: 'x', page: 'nowhere' }, outputs)).toThrow('nowhere');
});
