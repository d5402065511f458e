import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['harness/**/*.test.ts', 'tools/**/*.test.ts'],
    globalSetup: ['tools/testing/built-command.ts'],
    // A net for what hangs, not a bound on speed: tests of real kernels, and first installations, share two cores.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
  },
});
