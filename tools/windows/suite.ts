import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { slownessIn, testFiles } from '../house/fast-tests.ts';
import { assertEnded, assertNothingLeft, assertTrue, type Step } from './steps.ts';

const PLATFORM = /process\.platform|'win32'|'darwin'/;
// A branch that only leaves tests out on Windows, or off Linux, decides nothing there.
const LEAVES_OUT =
  /(skipIf|runIf)\(\s*process\.platform [!=]== '\w+'[^)]*\)|if \([^)]*process\.platform !== 'linux'\) return/g;
/** Real kernels and clients under Windows, beside those that a branch chooses: they have found what no other test did. */
const ALSO: ReadonlySet<string> = new Set([
  'harness/run/client-run.test.ts',
  'harness/run/any-kernel.test.ts',
  'tools/suites/hostile-kernel.test.ts',
]);
// Arithmetic and text, the same on every system, in minutes of computing.
const PURE = /^(harness\/(stats|planning|bisect|tune|report)|tools\/(bench|calibrate|house|nightly))\//;
// A stand-in that provoked-outcomes runs, for two minutes by itself; six installations, of which a first wedge makes
// one; the evidence of every kind, each with a run.
const LONG = /^(tools\/testing\/faulty-kernel|harness\/kernel\/environment\/ensure-environment)\.test/;
// Their platform is Linux alone, or they skip all of it on Windows, or they read committed evidence, which stays out.
const NOT_THERE =
  /^(tools\/(faults|suites\/(every-(file|await)|committed-evidence|docs|exit-codes|hostile-notebook|fuzz\.))|harness\/run\/(stalled-harness|stopped-run)|harness\/(options\/experiment-file|commands\/search-words))/;
// No registry has Git for Windows.
const NEEDS_GIT = /testing\/git-clone\.ts/;
const FEW = [
  'oracle/parked-frames',
  'kernel/process-tree',
  'kernel/counters',
  'kernel/launch',
  'kernel/kernelspec',
];
const SUITE_TIMEOUT_MS = 1_080_000;
const FEW_TIMEOUT_MS = 420_000;

/** The tests that say something of Windows: those with a branch that decides there, and of the others the fast ones. */
export function chosenTests(): readonly string[] {
  const isSlow = slownessIn();
  return testFiles().filter((test) => {
    const text = readFileSync(join(packageRoot(), test), 'utf8');
    if (NOT_THERE.test(test) || LONG.test(test) || NEEDS_GIT.test(text)) return false;
    return (
      PLATFORM.test(text.replaceAll(LEAVES_OUT, '')) || ALSO.has(test) || (!isSlow(test) && !PURE.test(test))
    );
  });
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
