import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type FaultName, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { type RealSurroundings, realSurroundings } from '../../tools/testing/real-experiment.ts';
import { type KernelChild, launchKernel, spawnKernel } from '../kernel/launch.ts';
import { DeadlinePassed, shortenDeadlines } from '../model/deadlines.ts';
import type { RunRecord } from '../model/journal.ts';
import { cleanUp } from './clean-up.ts';
import { executeRun } from './execute-run.ts';
import { runBoundMs } from './run-bound.ts';
import type { RunContext } from './run-context.ts';

let surroundings: RealSurroundings;
const atEnd: (() => unknown)[] = [];

beforeAll(async () => {
  surroundings = await realSurroundings({ timeoutMs: 30_000, suspectAfterMs: null });
}, 300_000);
afterEach(() => {
  for (const clean of atEnd.splice(0)) clean();
});
afterAll(() => surroundings.close());

const notebook = codeNotebook('two-cells.ipynb', ['x = 1', 'x = 1']);

async function run(name: FaultName, overrides: Partial<RunContext>): Promise<RunRecord> {
  const order = { run: 'b000-x', block: 0, position: 0, arm: 'x', notebookIndex: 0, seed: 1 };
  const { python } = surroundings.environment;
  const result = await executeRun(
    { ...order, traffic: 'sequential' },
    notebook,
    (_, file) => {
      const [program = '', ...rest] = faultyKernelArgv({ name, at: 1 }, file, python);
      return { argv: [program, ...rest], countersPath: null, identityPath: null };
    },
    { ...surroundings.context, ...overrides },
    new AbortController().signal,
  );
  if (result === null) throw new Error('It was interrupted.');
  return result.record;
}

describe('a run whose harness stops', () => {
  test('before there is a kernel is a harness fault, and the next one goes on', async () => {
    const record = await run('normal', {
      launch: () => Promise.reject(new DeadlinePassed('launcher-fork', undefined)),
    });
    expect(record).toMatchObject({
      startMs: null,
      outcome: {
        kind: 'harness-fault',
        source: 'harness',
        reason: 'The launcher did not fork a kernel within 20 s.',
      },
    });
    expect((await run('normal', {})).outcome.kind).toBe('completed');
  });

  test('while the kernel is there is one too, by the whole run’s own bound, and leaves nothing', async () => {
    const { outcome, left } = await run('sleeps-for-ever', { boundMs: 3_000 });
    expect(outcome).toMatchObject({ kind: 'harness-fault', source: 'harness' });
    expect(outcome.reason).toMatch(/^The run did not end within 3 s/);
    expect(left).toBeUndefined();
  });

  test('with a program that cannot be started stops the experiment: the next would fare no better', async () => {
    const failing = run('normal', { launch: () => Promise.reject(new Error('spawn x ENOENT')) });
    await expect(failing).rejects.toThrow('ENOENT');
  });
});

describe.skipIf(process.platform === 'win32')('a kernel that cannot be killed', () => {
  test('is said with its id; the run is what it was, and the ports and the folder stay the reaper’s', async () => {
    atEnd.push(shortenDeadlines({ 'kernel-exit': 200 }));
    // Stands for it, in the group of this process: killing a group of its own does nothing.
    const stuck: ChildProcess = spawn('sleep', ['600']);
    atEnd.push(() => stuck.kill('SIGKILL'));
    const { reaper } = surroundings.context;
    const pid = stuck.pid ?? 0;
    let real: KernelChild | undefined;
    let folder = '';
    const record = await run('normal', {
      launch: (options) =>
        launchKernel(options, async (start) => {
          real = await spawnKernel(start);
          folder = start.variables['KERNEL_SOAK_RUN'] ?? '';
          return {
            pid,
            exited: new Promise(() => {}),
            exit: null,
            launched: 'spawn',
            lost: null,
            stderr: real.stderr,
            interrupt: () => {},
            close: () => {},
          };
        }),
    });
    expect(record.outcome.kind).toBe('completed');
    expect(record.left).toEqual([`The process ${pid} did not end after it was killed within 0.2 s.`]);
    // By the run's mark the kernel itself is found and ended all the same.
    await real?.exited;
    await reaper.removeFolderOf(pid, folder);
  });
});

test('what cannot be given back in time is listed; another error is thrown', async () => {
  const slow = () => Promise.reject(new DeadlinePassed('close-socket', undefined));
  const kernel = { dispose: () => Promise.resolve(), removeFolder: slow };
  expect(await cleanUp({ close: slow }, kernel)).toHaveLength(2);
  const wrong = { ...kernel, dispose: () => Promise.reject(new RangeError('0 is no process')) };
  await expect(cleanUp(null, wrong)).rejects.toThrow(RangeError);
});

test('the bound of a run is beyond what its parts can take', () => {
  const times = { timeoutMs: 60_000, startTimeoutMs: 60_000 };
  const long = { codeCells: Array.from({ length: 100 }, () => notebook.codeCells[0] as never) };
  expect(runBoundMs(long, times)).toBeGreaterThan(2 * 60_000 + 100 * 60_000);
});
