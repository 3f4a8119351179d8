import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { early } from './scripts/early.mjs';
import { plot } from './scripts/plot.mjs';

const server = process.env.HARK_URL ?? 'http://127.0.0.1:8080';
/** What hark answers itself; every other address is a page. */
const proxy = Object.fromEntries(['/api', '/metrics', '/healthz', '/readyz'].map((path) => [path, server]));
/** As `dashboard/assets` sends it, so that what it forbids is noticed here. */
const headers = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
};

/** A page's chunk is called after the page: every one of them comes from a file called Page.svelte. */
function chunkName({ facadeModuleId }) {
  const page = facadeModuleId?.match(/pages\/([^/]+)\/Page\.svelte$/)?.[1];
  return `assets/${page ?? '[name]'}-[hash].js`;
}

// Many small files cost a reader more than a few larger ones: each is asked for by itself, six at a time.
const GROUPS = [
  // What every page needs, and what the inbox and an alert say things with.
  { name: 'shared', test: /src\/(main|App|lib\/(Navigation|Notice|api|detection|format|intake|kept|keys\.svelte|later|listed|live\.svelte|load\.svelte|segment|SeverityMark|slice|StatusMark|viewer|words)|pages\/list)\.|chart\/points|node_modules\/svelte|rolldown\/runtime/ },
  // What every other page is made of.
  { name: 'parts', test: /src\/(lib\/(api-compare|api-registry|api-self|DataTable|export|Loaded|moved|PageHead|rounds\.svelte|Tabs|Tile)\.|pages\/(explore\/question|changes\/data)\.)/ },
  // One side against another: below an alert, and in two tabs of Explore.
  { name: 'sides', test: /src\/(lib\/(DriversView|Exemplars|Folded|HeatMapView|PngButton|SegmentBar|sides|ToldTable)\.|lib\/chart\/(Bars|distribution|DistributionChart|HeatMap)\.)/ },
  { name: 'explore-sides', test: /src\/pages\/explore\/(Against|CompareTab|MapTab)\./ },
];

export default defineConfig({
  plugins: [svelte(), plot(), early()],
  build: {
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: { output: { chunkFileNames: chunkName, codeSplitting: { groups: GROUPS } } },
    // Nothing becomes a data: address, so that the content security policy stays short.
    assetsInlineLimit: 0,
  },
  server: { proxy },
  // The built pages before a running hark, without building hark again: `npm run build && npm run preview`.
  preview: { proxy, headers },
  test: { include: ['src/**/*.test.ts', 'scripts/**/*.test.mjs'], environment: 'node' },
});
