import { join } from 'node:path';
import { assertEnded, assertNothingLeft, assertTrue, runsOf, type Step } from './steps.ts';

/** Node and Python, as set-up.sh has them with `--all`. No registry has CPython 3.14 or 3.15 for Windows. */
const PAIRS = [
  { node: '22.23.3', python: '312' },
  { node: '24.21.0', python: '313' },
  { node: '26.10.0', python: '310' },
] as const;
const TIMEOUT_MS = 1_800_000;

/** The other Pythons and Nodes, through the product: each makes its environment and takes a wedge to its certificate. */
export const versions: Step = {
  name: 'versions',
  isShort: false,
  carryOut: async (windows) => {
    const shown: string[] = [];
    for (const { node, python } of PAIRS) {
      const name = `versions-${python}-${Date.now()}`;
      const patient = ['--timeout', '60', '--start-timeout', '240'];
      const soak = windows.soak(
        [
          'run',
          '--arms',
          'control,fix',
          '--runs',
          '2',
          '--python',
          windows.path(`py${python}`, 'python.exe'),
          ...patient,
          '--out',
          windows.path('reports', name),
        ],
        { node, python, timeoutMs: TIMEOUT_MS },
      );
      assertEnded(await soak.ended);
      const runs = runsOf(join(windows.folder, 'reports', name));
      const wedges = runs.filter(({ outcome }) => outcome.kind.startsWith('wedged'));
      assertTrue(
        wedges.every(({ outcome }) => outcome.kind === 'wedged-stranded'),
        'a wedge was not certified',
      );
      assertTrue(
        runs.every(({ outcome }) => /^(completed|wedged)/.test(outcome.kind)),
        `${runs.map(({ outcome }) => outcome.kind)}`,
      );
      await assertNothingLeft(windows);
      shown.push(
        `Node ${node}, Python ${python[0]}.${python.slice(1)}: ${wedges.length} of ${runs.length} runs wedged, all certified`,
      );
    }
    return shown.join('; ');
  },
};
