// Fails where a page weighs more than it may at first view: brotli sizes of all that it loads, as the server sends them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const KB = 1024;
const BUDGET = { js: 55 * KB, css: 10 * KB };

const dist = join(import.meta.dirname, '../dist');
const files = new Map();
for (const name of readdirSync(join(dist, 'assets')).sort()) {
  const content = readFileSync(join(dist, 'assets', name));
  files.set(name, { text: content.toString(), size: brotliCompressSync(content).length });
}

/** What a file needs before it runs: itself and its static imports. */
function needs(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const { text } = files.get(name);
  for (const [, wanted] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) needs(wanted, found);
  // The chart is loaded behind the words beside it, and belongs to the first view all the same.
  for (const [, wanted] of text.matchAll(/import\(\s*["'`]\.\/(Chart-[^"'`]+\.js)/g)) needs(wanted, found);
  return found;
}

/** The styles that come with a file when it is loaded on demand: the bundler lists them by number beside the import. */
function styles(name) {
  const found = new Set();
  for (const { text } of files.values()) {
    const [, listed] = text.match(/\.f\s*=\s*\[([^\]]*)\]/) ?? [];
    if (listed === undefined) continue;
    const all = [...listed.matchAll(/["'`]([^"'`]+)["'`]/g)].map(([, path]) => path.split('/').at(-1));
    const escaped = name.replaceAll('.', '\\.');
    for (const [, numbers] of text.matchAll(new RegExp(`import\\(\\s*["'\`]\\./${escaped}["'\`]\\s*\\),\\s*__vite__mapDeps\\(\\[([\\d,]*)\\]`, 'g'))) {
      for (const number of numbers.split(',')) if (all[Number(number)]?.endsWith('.css')) found.add(all[Number(number)]);
    }
  }
  return found;
}

const index = readFileSync(join(dist, 'index.html'), 'utf8');
const names = [...files.keys()];
const entry = names.filter((name) => name.endsWith('.js') && index.includes(name)).flatMap((name) => [...needs(name)]);
// Pages are what the entry loads on demand.
const pages = names.filter((name) => entry.some((from) => new RegExp(`import\\(\\s*["'\`]\\./${name}`).test(files.get(from).text)));
if (pages.length === 0) throw new Error('no page was found in dist; has the bundler begun to write imports in another way?');

let isOver = false;
function weigh(what, kind, parts) {
  const size = parts.reduce((sum, name) => sum + files.get(name).size, 0);
  const verdict = size > BUDGET[kind] ? 'TOO MUCH' : 'fine';
  console.log(`${what.padEnd(22)} ${kind.padEnd(4)} ${(size / KB).toFixed(1).padStart(5)} of ${BUDGET[kind] / KB} KB  ${verdict}`);
  isOver ||= size > BUDGET[kind];
}

const shared = names.filter((name) => name.endsWith('.css') && index.includes(name));
for (const page of pages) {
  const scripts = [...new Set([...entry, ...needs(page)])];
  weigh(page, 'js', scripts);
  weigh(page, 'css', [...new Set([...shared, ...scripts.flatMap((name) => [...styles(name)])])]);
}
process.exit(isOver ? 1 : 0);
