import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KernelCommandMaker } from '../../harness/kernel/launch.ts';
import { probeKernel } from '../../harness/probe/probe-kernel.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import { type FaultyRuns, faultyRuns } from '../testing/faulty-run.ts';
import { installKernel } from './install-kernel.ts';
import { REGISTRY_KERNELS, type RegistryKernel } from './registry-kernels.ts';

// Kernels of four families as their registries have them, installed into the cache by the first run of this test. Two
// of them have no Python in them.

let runs: FaultyRuns;

beforeAll(async () => {
  runs = await faultyRuns();
});

afterAll(() => runs.close());

function named(name: string): RegistryKernel {
  const kernel = REGISTRY_KERNELS.find((each) => each.name === name);
  if (kernel === undefined) throw new Error(`No kernel ${name} in the list.`);
  return kernel;
}

async function commandOf(kernel: RegistryKernel): Promise<KernelCommandMaker> {
  const installed = await installKernel(kernel);
  if (!installed.ok) throw new Error(installed.reason);
  return installed.makeCommand;
}

async function runOf(
  makeCommand: KernelCommandMaker,
  sources: readonly string[],
  traffic: 'sequential' | 'overlap' | 'pipeline' = 'sequential',
  mayRaise: readonly number[] = [],
) {
  const notebook = codeNotebook('real.ipynb', [...sources]);
  const result = await executeRun(
    { run: 'b000-real', block: 0, position: 0, arm: 'real', notebookIndex: 0, traffic, seed: 1 },
    {
      ...notebook,
      codeCells: notebook.codeCells.map((cell, index) => ({ ...cell, mayRaise: mayRaise.includes(index) })),
    },
    makeCommand,
    { ...runs.context, timeoutMs: 10_000, startTimeoutMs: 60_000, pipelineDepth: 4 },
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result.record;
}

describe.each(['akernel', 'xpython', 'deno', 'tslab'])('%s', (name) => {
  test('completes', async () => {
    const kernel = named(name);
    const makeCommand = await commandOf(kernel);
    // akernel knows neither completions nor inspections: below.
    for (const traffic of name === 'akernel'
      ? (['sequential', 'pipeline'] as const)
      : (['sequential', 'overlap', 'pipeline'] as const)) {
      const { outcome, client } = await runOf(makeCommand, kernel.cells, traffic);
      expect(outcome.kind, `${traffic}: ${outcome.reason}\n${outcome.stderrTail ?? ''}`).toBe('completed');
      expect(client.rejected).toBe(0);
    }
  });
});

test('akernel: every message has null for metadata, and the evidence says so', async () => {
  const { client } = await runOf(await commandOf(named('akernel')), ['1']);
  expect(client.deviations?.['metadata is null']).toBeGreaterThan(3);
});

test('akernel: a completion or an inspection that it does not know is not a wedge', async () => {
  const kernel = named('akernel');
  const { outcome } = await runOf(await commandOf(kernel), [...kernel.cells, ...kernel.cells], 'overlap');
  expect(outcome).toMatchObject({ kind: 'no-answer', source: 'kernel' });
  expect(outcome.unanswered).toMatch(/^(complete|inspect)_request$/);
});

test('tslab: a cell that it aborts after an error is no executed one, and its error has its words', async () => {
  const makeCommand = await commandOf(named('tslab'));
  const allowed = await runOf(makeCommand, ['throw new Error("boom")', '1', '2'], 'pipeline', [0]);
  expect(allowed.outcome).toMatchObject({ kind: 'aborted', cell: 1 });
  expect(allowed.outcome.reason).toContain('"abort"');
  const raised = await runOf(makeCommand, ['throw new Error("boom")']);
  expect(raised.outcome).toMatchObject({ kind: 'cell-error', cell: 0 });
  expect(raised.outcome.error?.evalue).toContain('boom');
});

test('xeus-python: a queued cell that is answered with the error of another is never one that raised', async () => {
  const makeCommand = await commandOf(named('xpython'));
  const cells = ['import time; time.sleep(1); 1 / 0', 'print(1)', 'print(2)'];
  // Now and then it answers all three with `ok`, the cell that raised too: that is not for us to mend.
  for (let at = 0; at < 4; at += 1) {
    const { outcome } = await runOf(makeCommand, cells, 'pipeline', [0]);
    expect(['aborted', 'completed']).toContain(outcome.kind);
    if (outcome.kind === 'aborted') expect(outcome.reason).toContain('word for word');
  }
});

test('deno: control is answered without a status, and a probe finds it', async () => {
  const found = await probeKernel('deno', await commandOf(named('deno')), process.cwd(), runs.context);
  expect(found).toMatchObject({ notReady: null, language: 'typescript' });
  expect(found.controlInfo).toMatchObject({ busy: false, idleMs: null });
  expect(found.controlInfo?.replyType).not.toBeNull();
  expect(found.tookMs).toBeLessThan(20_000);
});
