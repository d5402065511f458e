import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type FaultName, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { notebookPieces } from '../frontend/executed-notebook.ts';
import { parseLatency } from '../frontend/latency.ts';
import { PreciseTimer } from '../frontend/precise-timer.ts';
import { Reaper } from '../kernel/reaper.ts';
import { executeRun } from './execute-run.ts';
import { LoopStallMeter } from './loop-stall.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';

const TEXT = `${'x'.repeat(99)}\n`.repeat(30_000);

let python: string;
let reaper: Reaper;
const timer = new PreciseTimer();
const stalls = new LoopStallMeter();
/** Folders for output, as they were made. */
let folders: string[] = [];

beforeAll(async () => {
  python = await testPython();
  reaper = await Reaper.start(python);
});

beforeEach(() => {
  folders = [];
});

afterAll(async () => {
  stalls.stop();
  await timer.close();
  await reaper.stop();
});

/** The reaper, with an eye on the folders for output; `missing`: one that it gives is not there. */
function watchedReaper(missing: boolean): Reaper {
  const watched: Pick<
    Reaper,
    'makeFolder' | 'forgetFolder' | 'removeFolder' | 'hold' | 'release' | 'removeFolderOf'
  > = {
    makeFolder: (start, within) => {
      if (start !== 'soak-output-') return reaper.makeFolder(start, within);
      folders.push(missing ? '/not/there' : reaper.makeFolder(start, within));
      return folders.at(-1) ?? '';
    },
    forgetFolder: (folder) => reaper.forgetFolder(folder),
    removeFolder: (folder) => reaper.removeFolder(folder),
    removeFolderOf: (pid, folder) => reaper.removeFolderOf(pid, folder),
    hold: (pid, folder) => reaper.hold(pid, folder),
    release: (pid) => reaper.release(pid),
  };
  return watched as Reaper;
}

interface Circumstances {
  readonly name?: FaultName;
  readonly missing?: boolean;
  readonly overrides?: Partial<RunContext>;
  readonly signal?: AbortSignal;
}

async function run({
  name = 'normal',
  missing = false,
  overrides,
  signal,
}: Circumstances): Promise<RunResult | null> {
  return executeRun(
    { run: 'r', block: 0, position: 0, arm: 'a', notebookIndex: 0, traffic: 'sequential', seed: 1 },
    codeNotebook('long.ipynb', [`print:${TEXT}`, 'print:after']),
    (_folder, file) => {
      const [program = '', ...rest] = faultyKernelArgv({ name, at: 1 }, file, python);
      return { argv: [program, ...rest], countersPath: null, identityPath: null };
    },
    {
      timeoutMs: 30_000,
      startTimeoutMs: 30_000,
      suspectAfterMs: 300,
      pipelineDepth: 1,
      latency: await parseLatency('none'),
      timer,
      stalls,
      reaper: watchedReaper(missing),
      variables: {},
      ...overrides,
    },
    signal ?? new AbortController().signal,
  );
}

test('long output lies in a file until the notebook is written, whole', async () => {
  const result = await run({});
  expect(result?.record.outcome.kind).toBe('completed');
  expect(folders.map((folder) => readdirSync(folder))).toEqual([['text']]);
  const text = [...notebookPieces(result?.notebook ?? {})].join('');
  const { cells } = JSON.parse(text) as { cells: { outputs: { text: string[] }[] }[] };
  expect(cells.map(({ outputs }) => outputs.flatMap((output) => output.text).join('') === TEXT)).toEqual([
    true,
    false,
  ]);
  expect(cells[1]?.outputs[0]?.text).toEqual(['after']);
  await result?.discard?.();
  expect(folders.map((folder) => existsSync(folder))).toEqual([false]);
});

test('where no notebook is kept, nothing is set aside', async () => {
  const result = await run({ overrides: { keptCharacters: 100_000 } });
  expect(result?.record.outcome.kind).toBe('completed');
  expect(folders).toEqual([]);
});

test('what was set aside by a run that is interrupted goes with it', async () => {
  const controller = new AbortController();
  const running = run({ name: 'sleeps-for-ever', signal: controller.signal });
  await eventually('output', () => folders.length > 0, 30_000);
  controller.abort();
  expect(await running).toBeNull();
  expect(folders.map((folder) => existsSync(folder))).toEqual([false]);
});

test('output that cannot be set aside is the fault of the harness, and says why', async () => {
  const result = await run({ missing: true });
  expect(result?.record.outcome).toMatchObject({
    kind: 'harness-fault',
    source: 'harness',
    reason:
      'the harness could not deal with a message or a socket of its own: The long output of a cell could not be written to the folder for temporary files: ENOENT.',
  });
  // The kernel is answered for all the same: every request was seen to be.
  expect(result?.record.client).toMatchObject({ replies: 3, idles: 3 });
  await result?.discard?.();
});
