import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Notebook } from '../frontend/notebook.ts';
import { launchKernel, type RunningKernel } from '../kernel/launch.ts';
import { processSample } from '../kernel/process-sample.ts';
import { executeRun, type RunContext } from '../run/execute-run.ts';
import { withForks } from '../run/fork-context.ts';
import { type BenchSurroundings, quietVariables } from './bench-surroundings.ts';
import { Peer } from './peer.ts';

/** Wall times of runs, milliseconds, by who made them; and what the harness and its kernels used of the processor. */
export interface RunTimes {
  readonly oneAtATime: Readonly<Record<Runner, readonly number[]>>;
  /** Of a batch of runs, two at once, per run. */
  readonly twoAtOnce: Readonly<Record<Exclude<Runner, 'jupyter-execute'>, readonly number[]>>;
  readonly cpu: readonly { readonly harnessMs: number; readonly kernelMs: number }[];
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
): Promise<RunTimes> {
  const { context, python } = surroundings;
  const peers = [0, 1].map(() => new Peer(python, ['runs', notebook.path], quietVariables(surroundings)));
  // The processor time of a process says nothing of one run while two are going on.
  const cpu = { isAlone: true, seen: [] as { harnessMs: number; kernelMs: number }[] };
  const one: Record<Runner, number[]> = { spawn: [], fork: [], nbclient: [], 'jupyter-execute': [] };
  const two: Record<'spawn' | 'fork' | 'nbclient', number[]> = { spawn: [], fork: [], nbclient: [] };
  try {
    await withForks('fork', context, fail, async (forking) => {
      const by: Record<Runner, (which: number) => Promise<void>> = {
        spawn: () => ours(surroundings, notebook, context, cpu.isAlone ? cpu.seen : null),
        fork: () => ours(surroundings, notebook, forking, null),
        nbclient: async (which) => void (await peers[which]?.ask('run')),
        'jupyter-execute': () => jupyterExecute(surroundings, notebook),
      };
      for (const runner of RUNNERS) await by[runner](0); // caches, launchers, byte code
      cpu.seen.length = 0;
      for (let round = 0; round < rounds; round += 1) {
        for (const runner of rotated(RUNNERS, round)) one[runner].push(await timed(() => by[runner](0)));
      }
      cpu.isAlone = false;
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
  return { oneAtATime: one, twoAtOnce: two, cpu: cpu.seen };
}

function fail(why: string): void {
  throw new Error(`Kernels cannot be forked here: ${why}.`);
}

async function half(run: () => Promise<void>): Promise<void> {
  for (let index = 0; index < BATCH / 2; index += 1) await run();
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
  cpu: { harnessMs: number; kernelMs: number }[] | null,
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
  let kernelMs = 0;
  const before = process.cpuUsage();
  const sampled = (ms: number) => {
    kernelMs = ms;
  };
  const watched: RunContext =
    cpu === null
      ? context
      : { ...context, launch: async (options) => sampledAtEnd(await launchKernel(options), sampled) };
  const result = await executeRun(order, notebook, makeCommand, watched, new AbortController().signal);
  if (result?.record.outcome.kind !== 'completed') {
    throw new Error(`A run of the benchmark did not complete: ${result?.record.outcome.reason}.`);
  }
  const { user, system } = process.cpuUsage(before);
  cpu?.push({ harnessMs: (user + system) / 1000, kernelMs });
}

/** A kernel whose processor time is read before it is ended. */
function sampledAtEnd(kernel: RunningKernel, onSample: (cpuMs: number) => void): RunningKernel {
  const dispose = kernel.dispose.bind(kernel);
  kernel.dispose = async () => {
    onSample((await processSample(kernel.pid))?.cpuMs ?? Number.NaN);
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
