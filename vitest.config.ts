/** How the tests run: node environment, no globals, two workers at most. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The second reporter closes with the line that .ci/run counts.
    reporters: ['default', './tools/closing-line.mjs'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    maxWorkers: 2,
  },
});
