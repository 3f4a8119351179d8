import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env.HARK_URL ?? 'http://127.0.0.1:8080';

/** A page's chunk is called after the page: every one of them comes from a file called Page.svelte. */
function chunkName({ facadeModuleId }) {
  const page = facadeModuleId?.match(/pages\/([^/]+)\/Page\.svelte$/)?.[1];
  return `assets/${page ?? '[name]'}-[hash].js`;
}

export default defineConfig({
  plugins: [svelte()],
  build: {
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: { output: { chunkFileNames: chunkName } },
    // Nothing becomes a data: address, so that the content security policy stays short.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
