import { configDefaults, defineConfig } from 'vitest/config';
import { slownessIn, testFiles } from './tools/house/fast-tests.ts';

const isSlow = slownessIn();
const slowTests = testFiles().filter(isSlow);

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    setupFiles: ['tools/testing/remove-temporary-folders.ts'],
    globalSetup: ['tools/testing/no-folder-left.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          // Each worker loads the product once. With a fresh one for each file, loading took as long as testing.
          isolate: false,
          // A file that is new while tests are watched counts as fast.
          include: ['harness/**/*.test.ts', 'tools/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...slowTests],
          setupFiles: ['tools/testing/only-small-processes.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: slowTests,
          globalSetup: ['tools/testing/built-command.ts'],
          // A net for what hangs, not a bound on speed: tests of real kernels, and first installations, share two cores.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
