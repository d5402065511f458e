import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';
import { runSoak } from '../../tools/testing/run-soak.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { readJournal } from '../journal/read.ts';
import { packageRoot } from '../model/package-root.ts';
import type { RunContext } from './run-context.ts';
import { runSubject } from './run-subject.ts';

// A program that connects to the harness's kernel by its connection file, and knows nothing of the harness.

const SCRIPT = join(packageRoot(), 'tools', 'testing', 'connecting_client.py');

let real: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  real = await realSurroundings();
  folder = await temporaryFolder();
});

afterAll(async () => {
  await real.close();
  await folder.remove();
});

async function notebookOf(...sources: string[]): Promise<string> {
  const path = join(folder.path, 'made.ipynb');
  await writeFile(path, codeNotebookText(sources, PYTHON_METADATA));
  return path;
}

async function commandRun(
  path: string,
  more: readonly string[] = [],
  { arm = 'stream', ...overrides }: Partial<RunContext> & { arm?: string } = {},
) {
  const words = [real.environment.python, SCRIPT, '{notebook}', '{connection_file}', ...more] as const;
  const result = await runSubject(
    { run: `b000-${arm}`, block: 0, position: 0, arm, notebookIndex: 0, traffic: 'widgets', seed: 1 },
    await readNotebook(path),
    { ...(await real.arm(arm)), command: { words } },
    { ...real.context, ...overrides },
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}

test('a program that exits with 0 has executed the notebook, and its output is kept', async () => {
  const path = await notebookOf('x = 40', 'print(x + 2)');
  const { record, notebook } = await commandRun(path, ['--output', '{output}']);
  expect(record.outcome).toMatchObject({ kind: 'completed', source: null });
  expect(record.kernel?.ended).toBeGreaterThanOrEqual(2);
  expect(record.client).toMatchObject({ sent: 0, replies: 0 });
  expect(JSON.stringify(notebook)).toContain('42');
});

test('exit code 0 is not believed where the kernel had less to do than the notebook has cells', async () => {
  const sources = Array.from({ length: 12 }, (_, index) => `x = ${index}`);
  const { record } = await commandRun(await notebookOf(...sources), ['--only', '1']);
  expect(record.outcome).toMatchObject({ kind: 'start-failed', source: 'client' });
  expect(record.outcome.reason).toContain('12 code cells');
});

test('another exit code is the failure of the client, and the end of its output is there', async () => {
  const { record } = await commandRun(await notebookOf('x = 1', 'raise ValueError("no")'));
  expect(record.outcome).toMatchObject({ kind: 'died', source: 'client', exit: { code: 1 } });
  expect(record.outcome.stderrTail).toContain('ValueError in a cell');
});

test('a dead kernel, a cell that waits and a program that does nothing have their own names', async () => {
  const patience = { timeoutMs: 2_500, startTimeoutMs: 20_000 };
  const died = await commandRun(await notebookOf('import os', 'os._exit(7)'), [], patience);
  expect(died.record.outcome).toMatchObject({ kind: 'died', source: 'kernel', exit: { code: 7 } });
  const slow = await commandRun(await notebookOf('import time; time.sleep(60)'), [], patience);
  expect(slow.record.outcome).toMatchObject({ kind: 'hung', source: 'notebook' });
  const path = await notebookOf('x = 1');
  const idle = await commandRun(path, ['--pause', '60'], patience);
  expect(idle.record.outcome).toMatchObject({ kind: 'no-answer', source: null });
  expect(idle.record.outcome.reason).toContain('no request was queued in its shell socket');
});

// Control wedges in nearly every run of 150 pairs: 5 of 5 of 300 (docs/concepts.md).
test('a strand is certified although nothing counts what the program sends', async () => {
  const path = await notebookOf(...Array.from({ length: 400 }, (_, index) => `x = ${index}`));
  let outcome = null;
  for (let attempt = 0; attempt < 3 && outcome?.kind !== 'wedged-stranded'; attempt += 1) {
    outcome = (await commandRun(path, ['--overlap'], { arm: 'control' })).record.outcome;
  }
  expect(outcome).toMatchObject({ kind: 'wedged-stranded', source: 'kernel' });
  expect(outcome?.observations).toMatchObject({ control: true, revivedByRearm: true });
});

test('an experiment under a command is verified, and says what executed the notebook', async () => {
  const path = await notebookOf('x = 40', 'print(x + 2)');
  const out = join(folder.path, 'evidence');
  const command = `"${real.environment.python}" "${SCRIPT}" {notebook} {connection_file}`;
  const given = ['--arms', 'stream', '--runs', '2', '--notebook', path, '--out', out];
  const { code, stderr } = await runSoak(['run', '--client', command, ...given]);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  const { journal } = await readJournal(out);
  expect(journal.experiment.protocol.client?.command).toContain('connecting_client.py');
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(['completed', 'completed']);
  expect(await runSoak(['verify', out])).toMatchObject({ code: 0 });
});
