import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import {
  type ExecutePlace,
  executePlace,
  jupyterExecute,
  soakExec,
} from '../../tools/testing/jupyter-execute.ts';
import { withMergedStreams } from '../../tools/testing/merged-streams.ts';
import { runSoak, type Soaked } from '../../tools/testing/run-soak.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import type { JsonObject } from '../frontend/notebook.ts';
import { parsedNotebookJson } from '../frontend/notebook-json.ts';

// What `soak exec` has to do as `jupyter execute` does, each notebook executed by both in one environment.

let place: ExecutePlace;

beforeAll(async () => {
  place = await executePlace();
}, 300_000);

interface Executed extends Soaked {
  /** Where the notebook was executed, and what was left. */
  readonly folder: string;
  /** What is in the notebook's file afterwards. */
  readonly notebook: JsonObject;
}

/** Executes one notebook by both, each in a folder of its own. */
async function executed(text: string, ...args: string[]): Promise<{ theirs: Executed; ours: Executed }> {
  const by = async (execute: typeof soakExec, ...more: string[]): Promise<Executed> => {
    const folder = temporaryFolder();
    const path = join(folder, 'n.ipynb');
    writeFileSync(path, text);
    const ended = await execute(place, path, ...more);
    const notebook = parsedNotebookJson(readFileSync(path, 'utf8')) as JsonObject;
    return { ...ended, folder, notebook };
  };
  return { theirs: await by(jupyterExecute), ours: await by(soakExec, ...args) };
}

const code = (...sources: string[]) => codeNotebookText(sources, PYTHON_METADATA);

/** Without what each execution draws or measures anew: nbclient's times, and ids of cells that had none. */
function comparable(notebook: JsonObject): unknown {
  const { cells, ...rest } = withMergedStreams(notebook) as { cells: JsonObject[] };
  return {
    ...rest,
    cells: cells.map(({ id: _drawn, metadata, ...cell }) => {
      const { execution: _times, ...kept } = (metadata ?? {}) as JsonObject;
      const source = [cell['source'] ?? ''].flat().join('');
      return { ...cell, source, metadata: kept };
    }),
  };
}

const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort();

describe.skipIf(process.platform === 'win32')('soak exec, as jupyter execute,', () => {
  test("leaves the user's IPython history alone, also while another program holds it", async () => {
    const profile = join(place.ipython, 'profile_default');
    mkdirSync(profile, { recursive: true });
    const history = join(profile, 'history.sqlite');
    const script = join(temporaryFolder(), 'history.py');
    writeFileSync(
      script,
      `import sqlite3, sys
command, path = sys.argv[1:]
if command == "make":
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config
    shell = InteractiveShell(config=Config({"HistoryManager": {"hist_file": path}}))
    shell.run_cell("mine = 1", store_history=True)
    shell.history_manager.end_session()
elif command == "read":
    print([source for _, _, source in sqlite3.connect(path).execute("select session, line, source from history")])
    print(sqlite3.connect(path).execute("select count(*) from sessions").fetchone()[0])
else:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("begin exclusive")
    print("locked", flush=True)
    sys.stdin.read()
`,
    );
    const python = async (command: string) =>
      (await promisify(execFile)(place.python, [script, command, history])).stdout;
    await python('make');
    const before = await python('read');
    expect(before).toContain('mine = 1');
    const holds = spawn(place.python, [script, 'lock', history], { stdio: ['pipe', 'pipe', 'inherit'] });
    const unlocked = once(holds, 'exit');
    await once(holds.stdout, 'data');
    const notebook = code("token = 'secret'", 'In[1]');
    for (const isLocked of [true, false]) {
      if (!isLocked) {
        holds.stdin.end();
        await unlocked;
      }
      const there = readdirSync(profile).filter((name) => name.startsWith('history'));
      const { theirs, ours } = await executed(notebook);
      const out = join(temporaryFolder(), 'run');
      const path = join(ours.folder, 'n.ipynb');
      const run = await runSoak(
        ['run', '--kernel', 'python3', '--runs', '1', '--notebook', path, '--out', out],
        place.variables,
      );
      expect([theirs.code, ours.code, run.code, ours.stdout]).toEqual([0, 0, 0, expect.anything()]);
      expect(JSON.stringify(ours.notebook['cells'])).toContain("token = 'secret'");
      expect(readdirSync(profile).filter((name) => name.startsWith('history'))).toEqual(there);
    }
    expect(await python('read')).toBe(before);
  });

  test('leaves what a notebook started in a session of its own, and lets the kernel do what it does at exit', async () => {
    const own = code(
      `import atexit, subprocess, tempfile
own = subprocess.Popen(['sleep', '600'], start_new_session=True)
open('pid', 'w').write(str(own.pid))
temporary = tempfile.TemporaryDirectory()
open('temporary', 'w').write(temporary.name)
atexit.register(lambda: open('at-exit', 'w').write('done'))`,
    );
    const { theirs, ours } = await executed(own);
    const pids: number[] = [];
    try {
      for (const { folder, code: exitCode } of [theirs, ours]) {
        expect(exitCode).toBe(0);
        expect(files(folder)).toEqual(['at-exit', 'n.ipynb', 'pid', 'temporary']);
        expect(existsSync(readFileSync(join(folder, 'temporary'), 'utf8'))).toBe(false);
        pids.push(Number(readFileSync(join(folder, 'pid'), 'utf8')));
      }
      for (const pid of pids) expect(isAlive(pid)).toBe(true);
    } finally {
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
    // An experiment cleans up everything, as ever.
    const notebook = join(temporaryFolder(), 'n.ipynb');
    writeFileSync(notebook, own);
    const out = join(temporaryFolder(), 'run');
    const run = ['run', '--kernel', 'python3', '--runs', '1', '--notebook', notebook, '--out', out];
    expect((await runSoak(run, place.variables)).code).toBe(0);
    expect(isAlive(Number(readFileSync(join(notebook, '..', 'pid'), 'utf8')))).toBe(false);
  });

  test('ends what a notebook started in the kernel’s own process group', async () => {
    const { theirs, ours } = await executed(
      code(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nopen('pid', 'w').write(str(child.pid))",
      ),
    );
    for (const { folder, code: exitCode } of [theirs, ours]) {
      expect(exitCode).toBe(0);
      expect(isAlive(Number(readFileSync(join(folder, 'pid'), 'utf8')))).toBe(false);
    }
  });

  const cell = (source: string, metadata: object = {}) => ({
    cell_type: 'code',
    execution_count: 7,
    metadata,
    outputs: [{ output_type: 'stream', name: 'stdout', text: ['stale\n'] }],
    source,
  });
  const notebookOf = (cells: readonly object[], rest: object = {}) =>
    JSON.stringify({ nbformat: 4, nbformat_minor: 4, metadata: PYTHON_METADATA, cells, ...rest });
  const SHAPES: readonly (readonly [string, string])[] = [
    ['only Markdown', notebookOf([{ cell_type: 'markdown', metadata: {}, source: '# Text' }])],
    ['no cells', notebookOf([])],
    ['only skipped cells', notebookOf([cell('1 / 0', { tags: ['skip-execution'] }), cell(' \n')])],
    [
      'NaN and other numbers',
      notebookOf([cell('1 + 1', { score: 'HERE', size: 1e100 })]).replace(
        '"HERE"',
        '[NaN, -Infinity, 1.0, 12345678901234567890]',
      ),
    ],
    [
      'heading and unknown cells',
      notebookOf([
        { cell_type: 'heading', level: 2, metadata: { trusted: true }, source: 'Title' },
        { cell_type: 'widget', metadata: {}, source: ['a\n', 'b'] },
        cell('print(2)', { execution: { 'iopub.status.busy': '2020-01-01T00:00:00Z' } }),
      ]),
    ],
    ['a minor version of the future', notebookOf([cell('3')], { nbformat_minor: 9 })],
    [
      'nbformat 3',
      JSON.stringify({
        nbformat: 3,
        nbformat_minor: 0,
        metadata: { name: 'old', ...PYTHON_METADATA },
        worksheets: [
          {
            metadata: {},
            cells: [
              { cell_type: 'heading', level: 3, metadata: {}, source: ['A\n', 'title'] },
              { cell_type: 'markdown', metadata: {}, source: 'text' },
              {
                cell_type: 'code',
                collapsed: false,
                language: 'python',
                metadata: {},
                prompt_number: 4,
                input: ['x = 6\n', 'x * 7'],
                outputs: [],
              },
              {
                cell_type: 'code',
                language: 'python',
                metadata: { tags: ['skip-execution'] },
                prompt_number: 5,
                input: 'skipped',
                outputs: [
                  { output_type: 'stream', stream: 'stderr', text: ['old\n'] },
                  { output_type: 'pyout', prompt_number: 5, text: ['1'], png: 'iVBOR', metadata: {} },
                  { output_type: 'display_data', html: '<b>x</b>', json: '{"a": 1}', metadata: {} },
                  { output_type: 'pyerr', ename: 'E', evalue: 'v', traceback: ['t'] },
                ],
              },
            ],
          },
        ],
      }),
    ],
  ];

  test.each(SHAPES)('executes a notebook of %s', async (_shape, text) => {
    const { theirs, ours } = await executed(text);
    expect([theirs.code, ours.code, ours.stderr]).toEqual([0, 0, '']);
    expect(comparable(ours.notebook)).toEqual(comparable(theirs.notebook));
  });

  test('names the error that only iopub names', async () => {
    const { theirs, ours } = await executed(
      code(
        "class Broken:\n    def _repr_html_(self):\n        raise FileNotFoundError('no-such.png')\nBroken()",
      ),
    );
    expect([theirs.code, ours.code]).toEqual([1, 1]);
    expect(theirs.stderr).toContain('FileNotFoundError');
    expect(ours.stdout).toMatch(/cell-error at cell 0 .*FileNotFoundError: no-such\.png/);
    expect(ours.stdout).not.toContain('NoneType');
  });

  test('goes on after a cell that the kernel did not execute, and alone says so', async () => {
    const { theirs, ours } = await executed(
      codeNotebookText(['1', '# aborted\n2', '3'], { kernelspec: { name: 'aborting', display_name: 'a' } }),
      '--output',
      join(temporaryFolder(), 'executed.ipynb'),
    );
    expect([theirs.code, ours.code]).toEqual([0, 5]);
    expect(ours.stdout).toMatch(/aborted at cell 1 .*a cell was not executed/);
    const written = /^Written: (.*)$/m.exec(ours.stdout)?.[1] ?? '';
    const notebook = parsedNotebookJson(readFileSync(written, 'utf8')) as JsonObject;
    expect(comparable(notebook)).toEqual(comparable(theirs.notebook));
  });

  test('executes a notebook that names no kernel with python3', async () => {
    const { theirs, ours } = await executed(codeNotebookText(['import sys\nsys.prefix']));
    expect([theirs.code, ours.code]).toEqual([0, 0]);
    expect(ours.stdout).toContain('on kernel python3 ');
    expect(comparable(ours.notebook)).toEqual(comparable(theirs.notebook));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie takes signals too.
  const stat = `/proc/${pid}/stat`;
  return !(existsSync(stat) && /^\d+ \(.*\) Z/.test(readFileSync(stat, 'utf8')));
}
