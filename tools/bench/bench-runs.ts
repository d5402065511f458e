import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Notebook } from '../../harness/frontend/notebook.ts';
import { launchKernel, type RunningKernel } from '../../harness/kernel/launch.ts';
import { processSample } from '../../harness/kernel/process-sample.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { withForks } from '../../harness/run/fork-context.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { residentMemory } from '../testing/resident-memory.ts';
import { type BenchSurroundings, quietVariables } from './bench-surroundings.ts';
import { Peer } from './peer.ts';

/** Wall times of runs, milliseconds, by who made them; and what the harness and its kernels used. */
export interface RunTimes {
  readonly oneAtATime: Readonly<Record<Runner, readonly number[]>>;
  /** Of a batch of runs, two at once, per run. */
  readonly twoAtOnce: Readonly<Record<Exclude<Runner, 'jupyter-execute'>, readonly number[]>>;
  /** Of a batch of runs in a row as `soak` makes them, per run: one begins while its predecessor is taken away. */
  readonly inRow?: Readonly<Record<'spawn' | 'fork', readonly number[]>>;
  readonly cpu: readonly RunCost[];
}

/** What a spawned run, alone on the machine, cost: processor time, and resident memory at its end. */
export interface RunCost {
  readonly harnessMs: number;
  readonly kernelMs: number;
  readonly harnessMiB?: number;
  readonly kernelMiB?: number;
}

export const RUNNERS = ['spawn', 'fork', 'nbclient', 'jupyter-execute'] as const;
export type Runner = (typeof RUNNERS)[number];

const BATCH = 6;

/**
 * A notebook through fresh kernels, by each runner in turn, in an order that rotates, so that what the machine does
 * besides falls on all of them.
 */
export async function benchRuns(
  surroundings: BenchSurroundings,
  notebook: Notebook,
  rounds: number,
): Promise<RunTimes & Required<Pick<RunTimes, 'inRow'>>> {
  const { context, python } = surroundings;
  const peers = [0, 1].map(() => new Peer(python, ['runs', notebook.path], quietVariables(surroundings)));
  // What a process used says nothing of one run while two are going on.
  const costs = { isAlone: true, seen: [] as RunCost[] };
  const one: Record<Runner, number[]> = { spawn: [], fork: [], nbclient: [], 'jupyter-execute': [] };
  const two: Record<'spawn' | 'fork' | 'nbclient', number[]> = { spawn: [], fork: [], nbclient: [] };
  const row: Record<'spawn' | 'fork', number[]> = { spawn: [], fork: [] };
  try {
    await withForks('fork', context, fail, async (forking) => {
      const by: Record<Runner, (which: number) => Promise<void>> = {
        spawn: () => ours(surroundings, notebook, context, costs.isAlone ? costs.seen : null),
        fork: () => ours(surroundings, notebook, forking, null),
        nbclient: async (which) => void (await peers[which]?.ask('run')),
        'jupyter-execute': () => jupyterExecute(surroundings, notebook),
      };
      for (const runner of RUNNERS) await by[runner](0); // caches, launchers, byte code
      costs.seen.length = 0;
      for (let round = 0; round < rounds; round += 1) {
        for (const runner of rotated(RUNNERS, round)) one[runner].push(await timed(() => by[runner](0)));
      }
      costs.isAlone = false;
      const rows = { spawn: context, fork: forking };
      for (let round = 0; round < Math.ceil(rounds / 3); round += 1) {
        for (const runner of rotated(['spawn', 'fork'] as const, round)) {
          const shared = rows[runner];
          const ms = await timed(() =>
            inRow((onMeasured) => ours(surroundings, notebook, { ...shared, onMeasured }, null)),
          );
          row[runner].push(ms / BATCH);
        }
      }
      const pairs = ['spawn', 'fork', 'nbclient'] as const;
      for (let round = 0; round < Math.ceil(rounds / 3); round += 1) {
        for (const runner of rotated(pairs, round)) {
          const ms = await timed(() => Promise.all([0, 1].map((which) => half(() => by[runner](which)))));
          two[runner].push(ms / BATCH);
        }
      }
    });
  } finally {
    for (const peer of peers) await peer.close();
  }
  return { oneAtATime: one, twoAtOnce: two, inRow: row, cpu: costs.seen };
}

function fail(why: string): void {
  throw new Error(`Kernels cannot be forked here: ${why}.`);
}

async function half(run: () => Promise<void>): Promise<void> {
  for (let index = 0; index < BATCH / 2; index += 1) await run();
}

async function inRow(run: (onMeasured: () => void) => Promise<void>): Promise<void> {
  const ends: Promise<void>[] = [];
  for (let index = 0; index < BATCH; index += 1) {
    await new Promise<void>((resolve, reject) => {
      ends.push(run(resolve).then(resolve, reject));
    });
  }
  await Promise.all(ends);
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function ours(
  { makeCommand }: BenchSurroundings,
  notebook: Notebook,
  context: RunContext,
  costs: RunCost[] | null,
): Promise<void> {
  const order = {
    run: 'b000-stream',
    block: 0,
    position: 0,
    arm: 'stream',
    notebookIndex: 0,
    traffic: 'sequential',
    seed: 1,
  } as const;
  let kernel = { kernelMs: Number.NaN, kernelMiB: Number.NaN };
  const before = process.cpuUsage();
  const sampled = (sample: typeof kernel) => {
    kernel = sample;
  };
  const watched: RunContext =
    costs === null
      ? context
      : { ...context, launch: async (options) => sampledAtEnd(await launchKernel(options), sampled) };
  const result = await executeRun(order, notebook, makeCommand, watched, new AbortController().signal);
  if (result?.record.outcome.kind !== 'completed') {
    throw new Error(`A run of the benchmark did not complete: ${result?.record.outcome.reason}.`);
  }
  const { user, system } = process.cpuUsage(before);
  const harnessMiB = residentMemory(process.pid)?.nowMiB ?? Number.NaN;
  costs?.push({ harnessMs: (user + system) / 1000, harnessMiB, ...kernel });
}

/** A kernel whose processor time and memory are read before it is ended. */
function sampledAtEnd(
  kernel: RunningKernel,
  onSample: (sample: Required<Pick<RunCost, 'kernelMs' | 'kernelMiB'>>) => void,
): RunningKernel {
  const dispose = kernel.dispose.bind(kernel);
  kernel.dispose = async () => {
    onSample({
      kernelMs: (await processSample(kernel.pid))?.cpuMs ?? Number.NaN,
      kernelMiB: residentMemory(kernel.pid)?.nowMiB ?? Number.NaN,
    });
    await dispose();
  };
  return kernel;
}

async function jupyterExecute(surroundings: BenchSurroundings, notebook: Notebook): Promise<void> {
  const output = join(surroundings.folder, 'executed.ipynb');
  const child = spawn(
    surroundings.python,
    ['-m', 'jupyter', 'execute', notebook.path, '--kernel_name=python3', `--output=${output}`],
    { stdio: ['ignore', 'ignore', 'ignore'], env: quietVariables(surroundings) },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`jupyter execute ended with ${code}.`);
}
