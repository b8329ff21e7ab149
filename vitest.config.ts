/** How the tests run: node environment, no globals, two workers at most. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: 'test/prebuilt-setup.ts',
    alias: [
      { find: /^.*\/host\/prebuilt\.ts$/, replacement: fileURLToPath(new URL('test/prebuilt.ts', import.meta.url)) },
    ],
    include: ['test/**/*.test.ts'],
    environment: 'node',
    // A busy machine is several times as slow as an idle one, and the long check plays all vectors.
    testTimeout: process.env.HOSPES_VECTORS === 'all' ? 180_000 : 60_000,
    hookTimeout: 60_000,
    // The second reporter closes with the line that .ci/run counts.
    reporters: ['default', './tools/closing-line.mjs'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    maxWorkers: 2,
  },
});
