import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

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

// What the inbox and an alert say things with, and what that needs: as one file it is smaller than as nine.
const INBOX_AND_ALERT = /src\/(App|lib\/Navigation)\.svelte|src\/lib\/(format|listed|load\.svelte|segment|SeverityMark|slice|StatusMark|viewer|words)\.|chart\/points/;

export default defineConfig({
  plugins: [svelte()],
  build: {
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: { output: { chunkFileNames: chunkName, codeSplitting: { groups: [{ name: 'shared', test: INBOX_AND_ALERT }] } } },
    // Nothing becomes a data: address, so that the content security policy stays short.
    assetsInlineLimit: 0,
  },
  server: { proxy },
  // The built pages before a running hark, without building hark again: `npm run build && npm run preview`.
  preview: { proxy, headers },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
