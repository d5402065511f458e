import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook, codeNotebookText } from '../../tools/testing/code-notebook.ts';
import { realClientRun } from '../../tools/testing/real-client.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';
import { runStatus, slowestCell } from '../model/run-status.ts';
import { withForks } from './fork-context.ts';
import type { RunContext } from './run-context.ts';
import { runSubject } from './run-subject.ts';

// Real kernels with a known cell: one that takes its time, and ones that hold memory.

const MIB = 2 ** 20;
const HELD_MIB = 200;
const HOLDS = `held = bytearray(b"x") * (${HELD_MIB} * 2**20)`;
/** The bytes are a child's, which the notebook waits for until it has them. */
const CHILD_HOLDS = `
import subprocess, sys
code = 'held = bytearray(b"x") * (${HELD_MIB} * 2**20); print(1, flush=True); input()'
child = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()`;

let real: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  real = await realSurroundings({ samplesMemory: true });
  folder = await temporaryFolder();
});

afterAll(async () => {
  await real.close();
  await folder.remove();
});

async function recordOf(sources: readonly string[], context: RunContext = real.context) {
  const order = { run: 'b000-stream', block: 0, position: 0, arm: 'stream', notebookIndex: 0, seed: 1 };
  const result = await runSubject(
    { ...order, traffic: 'sequential' },
    codeNotebook('limits.ipynb', sources),
    await real.arm('stream'),
    context,
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  expect(result.record.outcome.reason).toContain('every request was answered');
  return result.record;
}

const memoryAbove = (mebibytes: number) =>
  ({ endpoint: 'memory', memoryAboveBytes: mebibytes * MIB }) as const;

describe('memory', () => {
  test('of a kernel that holds 200 MiB passes a limit of 200, and that of one that does not stays below', async () => {
    const heavy = await recordOf([HOLDS]);
    const light = await recordOf(['x = 1']);
    const [heavyMib = 0, lightMib = 0] = [heavy, light].map(({ memory }) => (memory?.peakBytes ?? 0) / MIB);
    expect(heavyMib - lightMib).toBeGreaterThan(HELD_MIB - 20);
    expect(heavyMib - lightMib).toBeLessThan(HELD_MIB + 20);
    expect(runStatus(heavy, memoryAbove(HELD_MIB))).toBe('wedged');
    expect(runStatus(light, memoryAbove(HELD_MIB))).toBe('completed');
    expect(light.memory?.measure).toBe(process.platform === 'linux' ? 'pss' : 'rss');
    expect(light.memory?.samples).toBeGreaterThan(0);
  });

  test('of what a cell started counts too', async () => {
    expect(runStatus(await recordOf([CHILD_HOLDS]), memoryAbove(HELD_MIB))).toBe('wedged');
  });

  test.skipIf(process.platform !== 'linux')('of a forked kernel is its share', async () => {
    const record = await withForks(
      'fork',
      real.context,
      () => {},
      (context) => recordOf([HOLDS], context),
    );
    expect(record).not.toHaveProperty('launched');
    expect(record.memory?.measure).toBe('pss');
    expect(runStatus(record, memoryAbove(HELD_MIB))).toBe('wedged');
  });

  // The sample races the client, which ends the kernel at once: on a busy machine it may come too late, now and then.
  const again = { retry: 2 };
  test(
    'of the kernel of a client is seen after its last cell, before the client ends it',
    again,
    async () => {
      const path = join(folder.path, 'holds.ipynb');
      await writeFile(path, codeNotebookText(['x = 1', HOLDS]));
      const { record } = await realClientRun(real.context, path);
      expect(record.outcome.kind).toBe('completed');
      expect(runStatus(record, memoryAbove(HELD_MIB))).toBe('wedged');
    },
  );

  test('is not sampled where nobody asks for it', async () => {
    const { samplesMemory: _asked, ...context } = real.context;
    expect(await recordOf(['x = 1'], context)).not.toHaveProperty('memory');
  });
});

test('the time of a cell is seen, and where the harness itself stood still at its end, nobody can tell', async () => {
  const sleeps = ['import time', 'time.sleep(1)', 'time.sleep(0.1)'];
  const slow = await recordOf(sleeps);
  expect(slowestCell(slow)).toMatchObject({ cell: 1, isAnswered: true });
  expect(runStatus(slow, { endpoint: 'slow', slowAfterMs: 500 })).toBe('wedged');

  // The harness stands still while the second cell runs, for longer than the limit.
  let asked = 0;
  const latency: RunContext['latency'] = {
    ...real.context.latency,
    quantileMs(reaction) {
      if (reaction === 'executeRequest') asked += 1;
      // The first time for the bound of the whole run.
      if (reaction === 'executeRequest' && asked === 3) setTimeout(() => blockLoop(900), 20);
      return 0;
    },
  };
  const stalled = await recordOf(['import time', 'time.sleep(0.2)', 'x = 1'], { ...real.context, latency });
  const rule = { endpoint: 'slow', slowAfterMs: 700 } as const;
  expect(stalled.cellMs[1]).toBeGreaterThan(800);
  expect(stalled.stalledMs?.['1']).toBeGreaterThan(700);
  expect(runStatus(stalled, rule)).toBe('invalid');
  const { stalledMs: _stalled, ...asOlder } = stalled;
  expect(runStatus(asOlder, rule)).toBe('wedged');
});

function blockLoop(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
