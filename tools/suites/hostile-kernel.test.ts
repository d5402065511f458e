import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notebookText } from '../../harness/frontend/executed-notebook.ts';
import { type LaunchOptions, launchKernel } from '../../harness/kernel/launch.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { type ChannelsMaker, KernelChannels } from '../../harness/transport/channels.ts';
import type { FaultyBehaviour } from '../testing/faulty-kernel.ts';
import {
  FAULTY_CELL,
  FAULTY_CELLS,
  type FaultyRun,
  type FaultyRuns,
  faultyRuns,
} from '../testing/faulty-run.ts';
import { hasProcessorTimes } from '../testing/processor-times.ts';
import { residentMemory } from '../testing/resident-memory.ts';

// Every attack over real ZeroMQ, through the path of every run. A run takes as long as its cells, not as the attack.

const AT_THE_CELL = FAULTY_CELL - 1;
const MIB = 2 ** 20;

let runs: FaultyRuns;
beforeAll(async () => {
  runs = await faultyRuns();
});
afterAll(() => runs.close());

/** What the journal and the saved notebook hold of a run, as text. */
function written({ record, result }: FaultyRun): { journal: string; notebook: string } {
  return { journal: JSON.stringify(record), notebook: notebookText(result.notebook ?? {}) };
}

/** A run, and how much more memory than before it was ever in use in this process, MiB; Linux alone says. */
async function measured(
  behaviour: FaultyBehaviour,
  ...rest: [overrides?: Partial<RunContext>]
): Promise<FaultyRun & { grewMib: number }> {
  if (process.platform !== 'linux') return { ...(await runs.provoked(behaviour, ...rest)), grewMib: 0 };
  writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew
  const before = residentMemory(process.pid)?.nowMiB ?? Number.NaN;
  const run = await runs.provoked(behaviour, ...rest);
  return { ...run, grewMib: (residentMemory(process.pid)?.mostMiB ?? Number.NaN) - before };
}

describe('the very same bytes a second time', () => {
  test('are counted and not taken', async () => {
    const run = await runs.provoked({ name: 'replays' });
    expect(run.record.outcome.kind).toBe('completed');
    // Reply, busy, input, stream and idle; the output is there once.
    expect(run.record.client.rejected).toBe(5);
    const cells = run.result.notebook?.['cells'] as { outputs: unknown[] }[];
    expect(cells[AT_THE_CELL]?.outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: `cell ${AT_THE_CELL}` },
    ]);
  });

  test.runIf(hasProcessorTimes)(
    'of an earlier cell complete no later one, and are no sign of life',
    async () => {
      const { record } = await runs.provoked({ name: 'replays-old' });
      const { outcome } = record;
      expect(outcome).toMatchObject({ kind: 'wedged-mute', source: 'kernel', cell: AT_THE_CELL });
      expect(outcome.reason).toMatch(/the very same message again/);
      expect(outcome.observations).toMatchObject({ busySeen: false, replySeen: false, idleSeen: false });
      expect(outcome.observations?.rejections).toMatchObject({ 'shell replayed': 50, 'iopub replayed': 200 });
      expect(record.client).toMatchObject({ replies: FAULTY_CELL, idles: FAULTY_CELL });
    },
  );
});

test('answers to our request’s id, but of another session, are not its answers', async () => {
  const { record, result } = await runs.provoked({ name: 'foreign-session' });
  expect(record.outcome.kind).toBe('completed');
  expect(record.client).toMatchObject({ rejected: 1, replies: FAULTY_CELLS + 1, idles: FAULTY_CELLS + 1 });
  expect(notebookText(result.notebook ?? {})).not.toContain('-1');
});

describe('a frame of a gigabyte', () => {
  test.each([
    ['iopub', 'lost-idle'],
    ['shell', 'lost-reply'],
    ['control', 'lost-reply'],
  ] as const)('on %s is refused at its head, and the run says so', async (channel, kind) => {
    const { record, grewMib } = await measured({ name: `oversized-${channel}` });
    const { outcome } = record;
    expect(outcome).toMatchObject({ kind, source: 'kernel', cell: AT_THE_CELL });
    expect(outcome.reason).toContain(`sent a frame beyond 256 MiB on ${channel}`);
    expect(record.trace?.some(({ what, type }) => what === 'rejected' && type === 'oversized')).toBe(true);
    // Not waited for as a silence is.
    if (channel !== 'control') expect(record.notebookMs ?? 0).toBeLessThan(1_000);
    expect(grewMib).toBeLessThan(200);
  });

  test('at the first cell, before anything was proved', async () => {
    const { record } = await runs.provoked({ name: 'oversized-iopub', at: 1 });
    expect(record.outcome).toMatchObject({ kind: 'lost-idle', cell: 0 });
  });
});

test('what notebooks do print, 150 MB in a message, is taken', async () => {
  const { record } = await runs.provoked({ name: 'huge-frame', count: 150_000_000 }, { timeoutMs: 30_000 });
  expect(record.outcome.kind).toBe('completed');
  expect(record.client.rejected).toBe(0);
});

// How many are waiting when one is read depends on who is faster: with a bound of next to nothing, any are too many.
test('frames below the limit end the run before they fill the memory', async () => {
  const { record, grewMib } = await measured(
    { name: 'many-frames', count: 40 },
    {
      timeoutMs: 30_000,
      launch: async (options: LaunchOptions) => {
        const kernel = await launchKernel(options);
        const limited: ChannelsMaker = (session, receive) =>
          new KernelChannels(kernel.connection, session, receive, MIB);
        Object.defineProperty(kernel, 'way', { value: limited });
        return kernel;
      },
    },
  );
  expect(record.outcome).toMatchObject({ kind: 'lost-idle', source: 'kernel' });
  expect(record.outcome.reason).toContain('more than could be taken in');
  expect(grewMib).toBeLessThan(3_000); // of 8,000
});

describe('JSON that costs more than its length', () => {
  test('twenty million empty objects are not parsed', async () => {
    const { record, grewMib } = await measured({ name: 'wide-json' }, { timeoutMs: 30_000 });
    expect(record.outcome.kind).toBe('completed');
    expect(record.client.rejected).toBe(1);
    expect(grewMib).toBeLessThan(500);
  });

  test.each([20_000, 5_000_000])('%d levels are not parsed', async (count) => {
    const run = await runs.provoked({ name: 'deep-json', count }, { timeoutMs: 30_000 });
    expect(run.record.outcome.kind).toBe('completed');
    expect(run.record.client.rejected).toBe(2);
  });
});

test('texts and numbers without measure are cut before they are journalled', async () => {
  const run = await runs.provoked({ name: 'absurd-values' }, { timeoutMs: 30_000 });
  const { journal, notebook } = written(run);
  expect(run.record.outcome).toMatchObject({ kind: 'cell-error', cell: AT_THE_CELL });
  expect(run.record.outcome.error?.ename.length).toBeLessThanOrEqual(500);
  expect(run.record.outcome.error?.evalue.length).toBeLessThanOrEqual(500);
  expect(journal.length).toBeLessThan(20_000);
  // The error is the notebook's own; what the kernel says of its language is not, beyond measure.
  const { language_info } = (run.result.notebook as { metadata: Record<string, unknown> }).metadata;
  expect(language_info).toBeUndefined();
  expect(notebook).toContain('xxx');
});

test('keys of the prototype stay keys, in what is journalled and what is saved', async () => {
  const run = await runs.provoked({ name: 'proto-keys' });
  expect(run.record.outcome.kind).toBe('completed');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  const saved = JSON.parse(written(run).notebook) as { cells: { outputs: { data: object }[] }[] };
  const data = saved.cells[AT_THE_CELL]?.outputs.at(-1)?.data ?? {};
  expect(Object.hasOwn(data, '__proto__')).toBe(true);
});
