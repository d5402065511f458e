import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type FaultName, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { parseLatency } from '../frontend/latency.ts';
import { PreciseTimer } from '../frontend/precise-timer.ts';
import { Reaper } from '../kernel/reaper.ts';
import { packageRoot } from '../model/package-root.ts';
import { writeOutput } from '../model/write-output.ts';
import { LoopStallMeter } from '../run/loop-stall.ts';
import type { RunContext } from '../run/run-context.ts';
import { executeWithRetries } from './attempts.ts';
import { appendExecRecord, type ExecBegin, readExecJournal } from './journal.ts';
import { checkedOutput, defaultOutput } from './output.ts';
import { kernelRates } from './rate.ts';

let python: string;
let context: RunContext;
const timer = new PreciseTimer();
const stalls = new LoopStallMeter();

beforeAll(async () => {
  python = await testPython();
  context = {
    timeoutMs: 3_600_000,
    beginWithinMs: 700,
    startTimeoutMs: 20_000,
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

function begin(execution: string, attempt: number): ExecBegin {
  return {
    type: 'exec-begin',
    schema: 1,
    at: '2026-01-01T00:00:00Z',
    execution,
    attempt,
    attempts: 3,
    notebook: { name: 'n.ipynb', sha256: 'a', cells: 3 },
    kernel: { label: 'faulty', sha256: 'k', python: null },
    settings: { traffic: 'sequential', latency: 'none', timeoutMs: 1, beginWithinMs: 1, suspectAfterMs: 1 },
    harness: '0',
  };
}

/** Executes three cells; each attempt's kernel behaves as the next of `faults`, the last one from then on. */
async function execute(execution: string, faults: readonly FaultName[], journal: string) {
  let attempt = 0;
  const common = { schema: 1 as const, at: '2026-01-01T00:00:00Z', execution };
  const end = await executeWithRetries({
    notebook: codeNotebook('n.ipynb', Array(3).fill('print:x')),
    arm: 'faulty',
    makeCommand: (_folder, file) => {
      const name = faults[Math.min(attempt - 1, faults.length - 1)] ?? 'normal';
      const [program = '', ...rest] = faultyKernelArgv({ name, at: 2 }, file, python);
      return { argv: [program, ...rest], countersPath: null, identityPath: null };
    },
    traffic: 'sequential',
    attempts: 3,
    context,
    signal: new AbortController().signal,
    drawSeed: () => 1,
    onBegin: async (number) => {
      attempt = number;
      await appendExecRecord(journal, begin(execution, number));
    },
    onAttempt: async (number, run) =>
      appendExecRecord(journal, { type: 'exec-attempt', ...common, attempt: number, run }),
  });
  await appendExecRecord(journal, { type: 'exec-end', ...common, exitCode: end.exitCode });
  return end;
}

describe('a notebook that is executed', () => {
  test('is executed again in a fresh kernel on a wedge, and on nothing else', async () => {
    const journal = join(temporaryFolder(), 'exec.jsonl');
    const wedgedOnce = await execute('once', ['never-replies', 'normal'], journal);
    expect(wedgedOnce).toMatchObject({ exitCode: 0, attempts: 2 });
    expect(JSON.stringify(wedgedOnce.notebook)).toContain('"stream"');
    expect(await execute('raised', ['cell-error'], journal)).toMatchObject({ exitCode: 1, attempts: 1 });
    expect(await execute('always', ['never-replies'], journal)).toMatchObject({ exitCode: 2, attempts: 3 });
    expect(await execute('died', ['exits'], journal)).toMatchObject({ exitCode: 3, attempts: 1 });
    const { records } = await readExecJournal(journal);
    expect(kernelRates(records)).toMatchObject([
      { executions: 4, retried: 2, clean: 1, mostAttempts: 3, valid: 5, wedged: 4, other: 2, unfinished: 0 },
    ]);
  });
});

describe('the journal', () => {
  test('that is committed as evidence has the figures that its README states', async () => {
    const journal = join(packageRoot(), 'reports', 'exec-7.3.0', 'exec.jsonl');
    const { records, torn } = await readExecJournal(journal);
    expect(torn).toBe(0);
    expect(kernelRates(records)).toMatchObject([
      {
        executions: 30,
        clean: 30,
        retried: 6,
        mostAttempts: 5,
        valid: 40,
        wedged: 10,
        certified: 10,
        other: 0,
      },
    ]);
  });

  test('begins a new line after one that a crash cut short, and counts attempts that never ended', async () => {
    const journal = join(temporaryFolder(), 'deeper', 'exec.jsonl');
    await appendExecRecord(journal, begin('a', 1));
    writeFileSync(journal, `${readFileSync(journal, 'utf8')}{"type":"exec-att`);
    await appendExecRecord(journal, begin('b', 1));
    const { records, torn } = await readExecJournal(journal);
    expect([records.length, torn]).toEqual([2, 1]);
    expect(kernelRates(records)).toMatchObject([{ executions: 2, unfinished: 2, valid: 0, wedged: 0 }]);
  });

  test('that holds something else is refused', async () => {
    const journal = join(temporaryFolder(), 'exec.jsonl');
    writeFileSync(journal, '{"type":"experiment"}\n');
    expect((await soakErrorOf(() => readExecJournal(journal))).code).toBe('bad-journal');
  });
});

describe('the executed notebook', () => {
  test('never takes the place of the input unless asked to', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'n.ipynb');
    writeFileSync(input, '{}');
    expect(await checkedOutput(input, undefined, false)).toBe(defaultOutput(input));
    expect(await checkedOutput(input, undefined, true)).toBe(input);
    expect((await soakErrorOf(() => checkedOutput(input, input, false))).code).toBe('would-overwrite');
    const nowhere = join(folder, 'nowhere', 'x.ipynb');
    expect((await soakErrorOf(() => checkedOutput(input, nowhere, false))).code).toBe('bad-output');
    await writeOutput(input, 'new');
    expect(await readFile(input, 'utf8')).toBe('new');
  });
});
