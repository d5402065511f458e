import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../harness/model/package-root.ts';
import { parseAction, parseWorkflow } from '../testing/workflow.ts';
import { type Invocation, rehearsedWorkflow } from '../testing/workflow-run.ts';
import { assertEnded, assertNothingLeft, assertTrue, runsOf, type Step } from './steps.ts';

const SYSTEM = 'windows-latest';
// Arms from a clone need git.exe, which no registry has.
const OF_A_CLONE = /(,?)[\w-]+=git:[^,]+/g;
const TIMEOUT_MS = 1_500_000;

/**
 * The commands of the nightly's Windows job, as its steps give them to npm under bash, carried out by Windows' Node:
 * the first Windows shard, of a night with one block a shard, and without the arms that come from a clone.
 */
export const nightlySteps: Step = {
  name: "the nightly's Windows job",
  isShort: false,
  carryOut: async (windows) => {
    const shard = windowsShard();
    const args = shard.words.slice(1).map((word) => word.replaceAll(OF_A_CLONE, ''));
    const out = args[args.indexOf('--out') + 1] ?? '';
    assertTrue(args.slice(0, 3).join(' ') === 'run soak --', `the step runs npm ${args.join(' ')}`);
    const report = `${out}-${Date.now()}`;
    args[args.indexOf('--out') + 1] = report;
    // The step's name for Python is that of setup-python, which puts it on the path.
    const ended = await windows.run(
      windows.nodeExe(),
      [...scriptWords('soak'), ...args.slice(3), '--timeout', '60', '--start-timeout', '240'],
      {
        timeoutMs: TIMEOUT_MS,
      },
    );
    assertEnded(ended);
    const runs = runsOf(join(windows.project, report));
    assertTrue(runs.length > 0, 'the shard has no run');
    await assertNothingLeft(windows);
    return `npm ${args.join(' ')}: ${runs.map(({ run, outcome }) => `${run} ${outcome.kind}`).join(', ')}`;
  },
};

function windowsShard(): Invocation {
  const read = (...parts: string[]) => readFileSync(join(packageRoot(), ...parts), 'utf8');
  const nightly = parseWorkflow(read('.github', 'workflows', 'nightly.yml'));
  const shards = nightly.env?.['SHARDS'];
  const { invocations } = rehearsedWorkflow(nightly, {
    folder: mkdtempSync(join(tmpdir(), 'nightly-')),
    action: parseAction(read('action.yml')),
    inputs: { runs: String(shards), main: 'main', seed: '7' },
    github: {
      repository: 'OWNER/kernel-soak',
      workflow: 'nightly',
      ref: 'refs/heads/main',
      sha: 'e'.repeat(40),
      run_id: 1000,
      run_number: 42,
      token: 'token',
      event_name: 'workflow_dispatch',
      event: {},
    },
  });
  const found = invocations.find(
    ({ where, words }) => where.includes(SYSTEM) && where.includes('release') && words.includes('--shard'),
  );
  if (found === undefined) throw new Error(`nightly.yml has no shard on ${SYSTEM}`);
  return found;
}

/** The words of a script of package.json, which npm would hand to cmd.exe: Wine's takes them for one word (README.md). */
function scriptWords(name: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const words = z.string().parse(scripts[name]).split(' ');
  assertTrue(words[0] === 'node', `the script ${name} begins with ${words[0]}`);
  return words.slice(1);
}
