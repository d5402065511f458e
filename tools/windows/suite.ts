import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { slownessIn, testFiles } from '../house/fast-tests.ts';
import { assertEnded, assertNothingLeft, assertTrue, type Step } from './steps.ts';

const BRANCH = /process\.platform|'win32'|'darwin'/;
// Arithmetic and text, the same on every system, in minutes of computing.
const PURE = /^(harness\/(stats|planning|bisect|tune|report)|tools\/(bench|calibrate|house|nightly))\//;
// Their platform is Linux alone, or their branch skips all of it on Windows, or they read what project.ts leaves out.
const NOT_THERE =
  /^(tools\/(faults|suites\/(every-file|committed-evidence|docs))|harness\/run\/(stalled-harness|stopped-run))/;
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
export function chosenTests(): readonly string[] {
  const isSlow = slownessIn();
  return testFiles().filter(
    (test) =>
      !NOT_THERE.test(test) &&
      (BRANCH.test(readFileSync(join(packageRoot(), test), 'utf8')) || (!isSlow(test) && !PURE.test(test))),
  );
}

function suite(name: string, isShort: boolean, choose: () => readonly string[], timeoutMs: number): Step {
  return {
    name,
    isShort,
    carryOut: async (windows) => {
      const vitest = ['node_modules\\vitest\\vitest.mjs', 'run', ...choose()];
      const ended = await windows.run(windows.nodeExe(), vitest, { env: { NO_COLOR: '1' }, timeoutMs });
      assertEnded(ended);
      const summary = /Tests +(.*)/.exec(ended.stdout)?.[1];
      assertTrue(summary !== undefined, 'vitest did not say how many tests passed');
      await assertNothingLeft(windows);
      return summary;
    },
  };
}

export const tests = suite('tests', false, chosenTests, SUITE_TIMEOUT_MS);
export const fewTests = suite(
  'a few tests',
  true,
  () => FEW.map((name) => `harness/${name}`),
  FEW_TIMEOUT_MS,
);
