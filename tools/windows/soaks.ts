import { join } from 'node:path';
import {
  assertEnded,
  assertNothingLeft,
  assertTrue,
  eventually,
  runsOf,
  type Step,
  Unavailable,
} from './steps.ts';
import type { Windows } from './wine.ts';

// Wine's kernels start in seconds where Linux's take half of one, and the machine may be busy.
const PATIENT = ['--timeout', '60', '--start-timeout', '240'];
const SEED = '20261128';
const SOAK_TIMEOUT_MS = 1_500_000;

/** A new report folder, on the rehearsal's side and as Windows names it. */
function report(windows: Windows, name: string): { folder: string; out: string } {
  const folder = `${name}-${Date.now()}`;
  return { folder: join(windows.folder, 'reports', folder), out: windows.path('reports', folder) };
}

/** Arms, each with blocks, and what must come of them: control and sham wedge, certified and revived; the fix never. */
function certifiedWedges(name: string, arms: string, blocks: number, isShort: boolean): Step {
  return {
    name,
    isShort,
    carryOut: async (windows) => {
      const { folder, out } = report(windows, 'arms');
      const args = [
        'run',
        '--arms',
        arms,
        '--runs',
        String(blocks),
        '--seed',
        SEED,
        ...PATIENT,
        '--out',
        out,
      ];
      assertEnded(await windows.soak(args, { timeoutMs: SOAK_TIMEOUT_MS }).ended);
      const runs = runsOf(folder);
      assertTrue(runs.length === arms.split(',').length * blocks, `the journal has ${runs.length} runs`);
      const wedged = runs.filter(({ outcome }) => outcome.kind.startsWith('wedged'));
      const isCertified = ({ outcome }: (typeof runs)[number]) =>
        outcome.kind === 'wedged-stranded' && outcome.observations?.revivedByRearm === true;
      const not = wedged.filter((run) => !isCertified(run));
      assertTrue(
        not.length === 0,
        `without a certificate and a revival: ${not.map(({ outcome }) => outcome.reason).join('; ')}`,
      );
      const treated = wedged.filter(({ arm }) => !['control', 'sham'].includes(arm));
      assertTrue(treated.length === 0, `treatments wedged: ${treated.map(({ run }) => run).join(', ')}`);
      if (wedged.length === 0 && isShort)
        throw new Unavailable(`nothing wedged in ${runs.length} runs, as it happens`);
      assertTrue(wedged.length > 0, 'no control and no sham wedged: nothing was certified');
      await assertNothingLeft(windows);
      const count = (arm: string) => `${arm} ${wedged.filter((run) => run.arm === arm).length}/${blocks}`;
      return `${arms.split(',').map(count).join(', ')}; every wedge certified and revived`;
    },
  };
}

export const firstWedge = certifiedWedges('a certified wedge', 'control,sham,fix', 2, true);
export const threeArms = certifiedWedges('three arms of four blocks', 'control,sham,fix', 4, false);

/** The harness's own process is killed as by the task manager; nothing is left, and --resume goes on. */
export const resume: Step = {
  name: 'kill -9 and --resume',
  isShort: false,
  carryOut: async (windows) => {
    const { folder, out } = report(windows, 'resume');
    const blocks = 3;
    const args = [
      'run',
      '--arms',
      'fix,stream',
      '--runs',
      String(blocks),
      '--seed',
      SEED,
      ...PATIENT,
      '--out',
      out,
    ];
    const first = windows.soak(args, { timeoutMs: SOAK_TIMEOUT_MS });
    await eventually('a first run and a second that has begun', () => hasRuns(folder, 1), SOAK_TIMEOUT_MS);
    first.child.kill('SIGKILL');
    await first.ended;
    await assertNothingLeft(windows);
    const before = runsOf(folder).length;
    assertEnded(await windows.soak(['run', '--resume', out], { timeoutMs: SOAK_TIMEOUT_MS }).ended);
    const runs = runsOf(folder);
    assertTrue(new Set(runs.map(({ run }) => run)).size === runs.length, 'a run is recorded twice');
    assertTrue(runs.length === 2 * blocks, `${runs.length} runs instead of ${2 * blocks}`);
    await assertNothingLeft(windows);
    return `killed after ${before} of ${runs.length} runs, resumed to its end, nothing left`;
  },
};

function hasRuns(folder: string, count: number): boolean {
  try {
    return runsOf(folder).length >= count;
  } catch {
    return false; // not begun
  }
}

const RUNS = 20;
const KILLS = 5;

/** Twenty runs, in which the harness is killed at moments that a seed draws. */
export const kills: Step = {
  name: `${RUNS} runs with ${KILLS} kills`,
  isShort: false,
  carryOut: async (windows) => {
    const { folder, out } = report(windows, 'kills');
    const notebook = windows.path('project', 'notebooks', 'plain.ipynb');
    const draw = random(Number(SEED));
    let args: readonly string[] = [
      'run',
      '--arm',
      'fix',
      '--runs',
      String(RUNS),
      '--concurrency',
      '2',
      '--notebook',
      notebook,
      '--seed',
      SEED,
      ...PATIENT,
      '--out',
      out,
    ];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const soak = windows.soak(args, { timeoutMs: SOAK_TIMEOUT_MS });
      const due = Math.ceil((kill * RUNS) / (KILLS + 2));
      await eventually(`${due} runs`, () => hasRuns(folder, due), SOAK_TIMEOUT_MS);
      await new Promise((resolve) => setTimeout(resolve, draw() * 3_000));
      soak.child.kill('SIGKILL');
      await soak.ended;
      await assertNothingLeft(windows);
      args = ['run', '--resume', out];
    }
    assertEnded(await windows.soak(args, { timeoutMs: SOAK_TIMEOUT_MS }).ended, [0, 3]);
    const runs = runsOf(folder);
    assertTrue(runs.length === RUNS, `${runs.length} runs instead of ${RUNS}`);
    await assertNothingLeft(windows);
    return `${runs.length} runs, no process, port or folder left after any of ${KILLS} kills`;
  },
};

/** Uniform on [0, 1), by a seed (a linear congruence is enough to spread five moments). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
