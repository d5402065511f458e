import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertEnded, assertNothingLeft, assertTrue, type Step } from './steps.ts';
import type { Windows } from './wine.ts';

const BRANCH = /process\.platform|'win32'|'darwin'/;
// What starts kernels, servers, installations or a browser, or the built command.
const SLOW =
  /testEnvironment|testPython|faultyRuns|real-experiment|run-soak|soak-process|builtCommand|Reaper\.start|ensureEnvironment|playwright/;
// Arithmetic and text, the same on every system, in minutes of computing.
const PURE = /^(stats|calibrate|bisect|tune|bench|report|nightly)[\\/]/;
// Their platform is Linux alone, or their branch skips all of it on Windows.
const NOT_THERE = /^(faults|run[\\/](every-file|stalled-harness|stopped-run))/;
const FEW = [
  'oracle/parked-frames',
  'kernel/process-tree',
  'kernel/counters',
  'kernel/launch',
  'kernel/kernelspec',
];
const SUITE_TIMEOUT_MS = 1_500_000;
const FEW_TIMEOUT_MS = 420_000;

/** The tests that say something of Windows: every one with a platform branch, and of the others the fast ones. */
export function chosenTests(harness: string): readonly string[] {
  return readdirSync(harness, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !NOT_THERE.test(name))
    .filter((name) => {
      const source = readFileSync(join(harness, name), 'utf8');
      return BRANCH.test(source) || (!SLOW.test(source) && !PURE.test(name));
    })
    .map((name) => `harness/${name.replaceAll('\\', '/')}`)
    .sort();
}

function suite(
  name: string,
  isShort: boolean,
  choose: (windows: Windows) => readonly string[],
  timeoutMs: number,
): Step {
  return {
    name,
    isShort,
    carryOut: async (windows) => {
      const vitest = ['node_modules\\vitest\\vitest.mjs', 'run', ...choose(windows)];
      const ended = await windows.run(windows.nodeExe(), vitest, { env: { NO_COLOR: '1' }, timeoutMs });
      assertEnded(ended);
      const summary = /Tests +(.*)/.exec(ended.stdout)?.[1];
      assertTrue(summary !== undefined, 'vitest did not say how many tests passed');
      await assertNothingLeft(windows);
      return summary;
    },
  };
}

export const tests = suite(
  'tests',
  false,
  (windows) => chosenTests(join(windows.project, 'harness')),
  SUITE_TIMEOUT_MS,
);
export const fewTests = suite(
  'a few tests',
  true,
  () => FEW.map((name) => `harness/${name}`),
  FEW_TIMEOUT_MS,
);
