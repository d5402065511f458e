import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { assertEnded, assertNothingLeft, assertTrue, runsOf, type Step } from './steps.ts';

const NAME = 'evidence';
const BLOCKS = 20;
const ARGUMENTS = `run --arms control,sham,fix,stream --runs ${BLOCKS} --timeout 120 --start-timeout 300 --concurrency 2 --seed 20261128`;
const TIMEOUT_MS = 4 * 3_600_000;
const KEPT = [
  'journal.jsonl',
  'evidence.md',
  'comment.md',
  'evidence.html',
  'summary.json',
  'junit.xml',
  'figures',
];

/** The experiment of reports/windows-rehearsal, which goes on where it was interrupted; its report is put there. */
export const evidence: Step = {
  name: 'evidence',
  isShort: false,
  carryOut: async (windows) => {
    const folder = join(windows.folder, 'reports', NAME);
    const out = windows.path('reports', NAME);
    const isBegun = existsSync(join(folder, 'resume.json'));
    const args = isBegun ? ['run', '--resume', out] : [...ARGUMENTS.split(' '), '--out', out];
    assertEnded(await windows.soak(args, { timeoutMs: TIMEOUT_MS }).ended);
    const runs = runsOf(folder);
    const wedged = runs.filter(({ outcome }) => outcome.kind.startsWith('wedged'));
    const count = (arm: string) => wedged.filter((run) => run.arm === arm).length;
    assertTrue(
      wedged.every(
        ({ outcome }) => outcome.kind === 'wedged-stranded' && outcome.observations?.revivedByRearm === true,
      ),
      'a wedge was not certified, or not revived',
    );
    assertTrue(count('control') > 0 && count('sham') > 0, 'control or sham never wedged');
    assertTrue(count('fix') + count('stream') === 0, 'fix or stream wedged');
    await assertNothingLeft(windows);
    const reports = join(packageRoot(), 'reports', 'windows-rehearsal');
    mkdirSync(reports, { recursive: true });
    for (const file of KEPT.filter((each) => existsSync(join(folder, each))))
      cpSync(join(folder, file), join(reports, file), { recursive: true });
    rmSync(join(reports, 'resume.json'), { force: true });
    return ['control', 'sham', 'fix', 'stream'].map((arm) => `${arm} ${count(arm)}/${BLOCKS}`).join(', ');
  },
};
