import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultyRun, type FaultyRuns, faultyRuns } from '../../tools/testing/faulty-run.ts';
import type { KernelCommand } from '../kernel/launch.ts';
import { runStatus } from '../model/run-status.ts';
import type { Traffic } from '../model/traffic.ts';
import type { RunContext } from './run-context.ts';

// The test kernel's cells sleep for so long that an interrupt reaches them, however busy the machine is.
const SLEEPING = ['sleep:9', 'sleep:9', 'sleep:9'];
const AT_ONCE = { interruptAfter: 'busy' };
const RULE = { endpoint: 'interrupt' } as const;

let runs: FaultyRuns;

beforeAll(async () => {
  runs = await faultyRuns();
});

afterAll(() => runs.close());

function interrupted(
  name: Parameters<FaultyRuns['provoked']>[0]['name'],
  more: {
    context?: Partial<RunContext>;
    command?: Partial<KernelCommand>;
    cells?: readonly string[];
    traffic?: Traffic;
    delayMs?: number;
    at?: number;
  } = {},
): Promise<FaultyRun> {
  const { context = {}, command = {}, cells = SLEEPING, traffic = 'interrupt', ...rest } = more;
  const overrides = { timeoutMs: 2_000, ...AT_ONCE, ...context };
  return runs.provoked({ name, ...rest }, overrides, traffic, command, cells);
}

const results = ({ record }: FaultyRun) => record.interrupts?.sent.map(({ cell, result }) => [cell, result]);

describe.skipIf(process.platform === 'win32')('a cell that is interrupted', () => {
  test('is answered with the error of an interrupt, which is no error of the notebook', async () => {
    const run = await interrupted('normal');
    expect(run.record.outcome).toMatchObject({ kind: 'completed', error: null });
    expect(results(run)).toEqual([
      [0, 'interrupted'],
      [1, 'interrupted'],
      [2, 'interrupted'],
    ]);
    expect(run.record.interrupts).toMatchObject({ by: 'signal' });
    expect(run.record.exposure?.actions).toEqual({ interrupt: '1*3' });
    expect(runStatus(run.record, RULE)).toBe('completed');
    expect(runStatus(run.record, { endpoint: 'cell-error' })).toBe('completed');
  });

  test('by a message on control, where the kernelspec says so', async () => {
    const run = await interrupted('normal', { command: { interruptMode: 'message' } });
    expect(run.record.interrupts).toMatchObject({ by: 'message' });
    expect(run.record.interrupts?.unconfirmed).toBeUndefined();
    expect(results(run)?.map(([, result]) => result)).toEqual(['interrupted', 'interrupted', 'interrupted']);
    expect(run.record.outcome.kind).toBe('completed');
  });

  test('and loses its reply: the event, while the next request is answered', async () => {
    // Known long before the deadline, by the next request.
    const run = await interrupted('loses-interrupted', { context: { timeoutMs: 60_000 } });
    expect(run.record.notebookMs).toBeLessThan(30_000);
    expect(run.record.client.witnesses).toBe(1);
    expect(run.record.outcome).toMatchObject({ kind: 'lost-reply', cell: 2, source: 'kernel' });
    expect(run.record.outcome.reason).toMatch(
      /the cell was interrupted \d+\.\d ms after its request, and the next request was answered$/,
    );
    expect(run.record.outcome.observations?.nextAnswered).toBe(true);
    expect(results(run)?.at(-1)).toEqual([2, 'unanswered']);
    expect(runStatus(run.record, RULE)).toBe('wedged');
    expect(runStatus(run.record, { endpoint: 'lost-answer' })).toBe('wedged');
    expect(runStatus(run.record, { endpoint: 'wedged' })).toBe('competing');
  });

  test('and is answered after the deadline: the event, which is late and not lost', async () => {
    const run = await interrupted('delays-interrupted', { delayMs: 2_400 });
    expect(run.record.outcome).toMatchObject({ kind: 'late', cell: 2 });
    expect(runStatus(run.record, RULE)).toBe('wedged');
    expect(runStatus(run.record, { endpoint: 'lost-answer' })).toBe('competing');
  });

  test('has its deadline from the interrupt on', async () => {
    const context = { timeoutMs: 1_500, interruptAfter: 'busy+1200ms' };
    const run = await interrupted('delays-interrupted', { context, delayMs: 900, cells: ['sleep:9'], at: 1 });
    expect(run.record.outcome.kind).toBe('completed');
    expect(run.record.cellMs[0]).toBeGreaterThan(2_000);
  });

  test('and ignores it is no event', async () => {
    const run = await interrupted('ignores-interrupt');
    expect(run.record.outcome.kind).toBe('completed');
    expect(results(run)).toContainEqual([2, 'ignored']);
    expect(runStatus(run.record, RULE)).toBe('completed');
  });

  test('and passes it on: the next cell is struck, and its error is none of the notebook', async () => {
    // The next cell is answered before its own interrupt is due.
    const context = { interruptAfter: 'busy+500ms' };
    const run = await interrupted('passes-interrupt-on', { context, cells: [...SLEEPING, 'print:next'] });
    expect(run.record.outcome.kind).toBe('completed');
    expect(results(run)).toContainEqual([2, 'passed-on']);
    expect(runStatus(run.record, RULE)).toBe('completed');
  });
});

describe.skipIf(process.platform === 'win32')('profiles that are joined', () => {
  test('all act', async () => {
    const run = await interrupted('normal', { traffic: 'overlap+interrupt' });
    expect(run.record.outcome.kind).toBe('completed');
    expect(run.record.exposure?.actions).toEqual({ interrupt: '1*3', overlap: '1*3' });
  });

  test('under pipelining each cell is interrupted in its turn, not while the one before it runs', async () => {
    const run = await interrupted('normal', { traffic: 'pipeline+interrupt' });
    expect(run.record.outcome.kind).toBe('completed');
    expect(run.record.exposure?.actions).toMatchObject({ interrupt: '1*3' });
    expect(results(run)).toEqual([
      [0, 'interrupted'],
      [1, 'interrupted'],
      [2, 'interrupted'],
    ]);
  });
});

describe.skipIf(process.platform === 'win32')('no interrupt is sent', () => {
  test('to a cell that was over before its moment, and nothing waits for that moment', async () => {
    const context = { interruptAfter: 'busy+1500ms', timeoutMs: 60_000 };
    const run = await interrupted('normal', { context, cells: ['print:1', 'print:2', 'print:3'] });
    expect(run.record.interrupts).toEqual({ by: 'signal', sent: [], spared: 3 });
    expect(run.record.notebookMs).toBeLessThan(1_500);
    // Nothing was interrupted, so that the run says nothing.
    expect(runStatus(run.record, RULE)).toBe('invalid');
  });

  test('and an error of such a cell is the notebook’s', async () => {
    const context = { interruptAfter: 'busy+1500ms', timeoutMs: 60_000 };
    const run = await interrupted('cell-error', { context, cells: ['print:1', 'print:2', 'print:3'] });
    expect(run.record.outcome).toMatchObject({ kind: 'cell-error', cell: 2 });
    expect(runStatus(run.record, RULE)).toBe('competing');
  });
});
