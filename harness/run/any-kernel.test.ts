import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type FaultyBehaviour, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { hasProcessorTimes } from '../../tools/testing/processor-times.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { parseLatency } from '../frontend/latency.ts';
import { PreciseTimer } from '../frontend/precise-timer.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { Reaper } from '../kernel/reaper.ts';
import { askKernel } from './ask-kernel.ts';
import { executeRun } from './execute-run.ts';
import { LoopStallMeter } from './loop-stall.ts';
import type { RunContext } from './run-context.ts';

let python: string;
let context: RunContext;
const timer = new PreciseTimer();
const stalls = new LoopStallMeter();
const kernels = { mayLackControl: true, countersPath: null, identityPath: null };

beforeAll(async () => {
  python = await testPython();
  context = {
    timeoutMs: 5_000,
    startTimeoutMs: 15_000,
    suspectAfterMs: 300,
    pipelineDepth: 1,
    latency: await parseLatency('none'),
    timer,
    stalls,
    reaper: await Reaper.start(python),
    variables: {},
  };
});

afterAll(async () => {
  stalls.stop();
  await timer.close();
  await context.reaper.stop();
});

function command(behaviour: FaultyBehaviour): KernelCommandMaker {
  return (_folder, connectionFile) => {
    const [file = '', ...rest] = faultyKernelArgv(behaviour, connectionFile, python);
    return { argv: [file, ...rest], ...kernels };
  };
}

async function run(behaviour: FaultyBehaviour, overrides: Partial<RunContext> = {}) {
  const order = { run: 'b000-k', block: 0, position: 0, arm: 'k', notebookIndex: 0, seed: 1 };
  const result = await executeRun(
    { ...order, traffic: 'sequential' },
    codeNotebook('four.ipynb', Array(4).fill('print:x')),
    command(behaviour),
    { ...context, ...overrides },
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was not interrupted.');
  return result;
}

describe.concurrent('a kernel that does not serve control', () => {
  test.each([true, false])('becomes ready over shell alone (iopub_welcome: %s)', async (welcome) => {
    const { record, info } = await run({ name: 'normal', control: false, welcome });
    expect(record.outcome.kind).toBe('completed');
    expect(info?.protocolVersion).toBe(welcome ? '5.5' : '5.3');
  });

  test.runIf(hasProcessorTimes)('and strands a request is wedged, as a new shell peer proves', async () => {
    const { record } = await run({ name: 'strands', control: false, at: 3 }, { timeoutMs: 1_000 });
    expect(record.outcome.kind).toBe('wedged-mute');
    expect(record.outcome.observations).toMatchObject({ control: false, revivedByPeer: true });
    expect(record.outcome.cell).toBe(2);
  });

  test('is not ready where the command does not allow for it', async () => {
    const makeCommand: KernelCommandMaker = (folder, file) => ({
      ...command({ name: 'normal', control: false })(folder, file),
      mayLackControl: false,
    });
    const asked = askKernel('strict', makeCommand, process.cwd(), { ...context, startTimeoutMs: 8_000 });
    const error = await soakErrorOf(() => asked);
    expect(error.code).toBe('kernel-does-not-start');
    expect(error.message).toContain('no answer on the control channel');
  });
});

describe.concurrent('a deadline for the beginning of a request', () => {
  test.runIf(hasProcessorTimes)(
    'ends the wait for a kernel that never turns to it, whatever cells may take',
    async () => {
      const { record } = await run({ name: 'never-replies' }, { timeoutMs: 3_600_000, beginWithinMs: 500 });
      expect(record.outcome.kind).toBe('wedged-mute');
      expect(record.outcome.waitedMs).toBeLessThan(5_000);
    },
  );

  test.each(['computes-first', 'sleeps-first'] as const)(
    'leaves a kernel alone that %s, and is no wedge: it begins after all',
    async (name) => {
      if (name === 'sleeps-first' && process.platform !== 'linux') return;
      const { record } = await run({ name, delayMs: 7_000 }, { timeoutMs: 60_000, beginWithinMs: 1_000 });
      expect(record.outcome.kind).toBe('completed');
      expect(record.cellMs[2]).toBeGreaterThan(7_000);
    },
  );

  test('says nothing of a cell that has begun', async () => {
    const { record } = await run({ name: 'late', delayMs: 1_500 }, { beginWithinMs: 300 });
    expect(record.outcome.kind).toBe('completed');
  });
});

test('a kernel that dies at its start is refused with its last words', async () => {
  const error = await soakErrorOf(() =>
    askKernel('dying', command({ name: 'dies-at-start' }), process.cwd(), context),
  );
  expect(error.message).toContain('dying');
  expect(error.exitCode).toBe(4);
});
