// What each page needs first, for the server to name in a `Link` header: the browser then fetches a page's script, its styles and its
// first answers while it still reads the HTML, instead of one after the other. Written beside the pages as `early.tsv`, a line a page:
// the first part of its address, the links, and the links for an address without parameters, which change what is asked for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const LISTED = join(import.meta.dirname, '../src/pages/early.json');
const HEAD = '# path\tlinks\tlinks without parameters';

export function early() {
  return {
    name: 'hark-early',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const lines = JSON.parse(readFileSync(LISTED, 'utf8')).map((entry) => lineOf(entry, Object.values(bundle)));
      this.emitFile({ type: 'asset', fileName: 'early.tsv', source: `${[HEAD, ...lines].join('\n')}\n` });
    },
  };
}

export function lineOf({ path, page, also = [], asks = [], asksAlways = [] }, outputs) {
  const chunks = outputs.filter(({ type }) => type === 'chunk');
  const html = String(outputs.find(({ fileName }) => fileName === 'index.html')?.source);
  const entry = withImports(chunks.filter(({ fileName }) => html.includes(`/${fileName}"`)), chunks);
  const wanted = [`pages/${page}/Page.svelte`, ...also].map((file) => holding(file, chunks));
  // The entry first: the HTML names it too, but a browser has few lines to a server and would give them to what the header names.
  const all = withImports([...entry, ...wanted], chunks);
  const styles = [...new Set(all.flatMap(stylesOf))];
  const scripts = all.map(({ fileName }) => `</${fileName}>; rel=modulepreload`);
  const links = [...scripts, ...styles.map((style) => `</${style}>; rel=preload; as=style; crossorigin`)];
  return [path, [...links, ...asksAlways.map(asked)].join(', '), asks.map(asked).join(', ')].join('\t');
}

/** As `fetch` asks for it (and the bundler for styles), or the browser would ask twice. */
const asked = (address) => `<${address}>; rel=preload; as=fetch; crossorigin`;

const stylesOf = ({ viteMetadata }) => [...(viteMetadata?.importedCss ?? [])];

function holding(file, chunks) {
  const found = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(`/src/${file}`)));
  if (found === undefined) throw new Error(`early.json names ${file}, which no page loads`);
  return found;
}

function withImports(wanted, chunks, found = []) {
  for (const chunk of wanted) {
    if (found.includes(chunk)) continue;
    found.push(chunk);
    withImports(chunks.filter(({ fileName }) => chunk.imports.includes(fileName)), chunks, found);
  }
  return found;
}
