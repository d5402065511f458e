import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { shellWords, soakArguments } from '../../tools/suites/docs-pages.ts';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import { type ExecutePlace, executePlace } from '../../tools/testing/jupyter-execute.ts';
import { runSoak, type Soaked } from '../../tools/testing/run-soak.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readJournal } from '../journal/read.ts';
import { diagnose, diagnoseOptions } from './diagnose.ts';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
let place: ExecutePlace;

beforeAll(async () => {
  place = await executePlace();
  writeFileSync(at('quiet.ipynb'), codeNotebookText(['x = 1', 'print(x + 1)'], PYTHON_METADATA));
  writeFileSync(at('raises.ipynb'), codeNotebookText(['x = 1', 'assert x == 2, "not two"'], PYTHON_METADATA));
  writeFileSync(at('text.ipynb'), codeNotebookText([], PYTHON_METADATA));
  const julia = { kernelspec: { name: 'julia-1.10', language: 'julia' }, language_info: { name: 'julia' } };
  writeFileSync(at('julia.ipynb'), codeNotebookText(['1 + 1'], julia));
  writeFileSync(at('no-notebook.ipynb'), '{"cells": 3}');
}, 300_000);

const soak = (...args: string[]): Promise<Soaked> => runSoak(args, place.variables);

/** What it printed, without the ends of lines, which fall anywhere. */
function oneLine({ stdout }: Pick<Soaked, 'stdout'>): string {
  return stdout.replaceAll('\n', ' ');
}

/** The command that the answer ends with. */
function nextOf(stdout: string): string[] {
  const line = /^Next: (npm run soak -- .+)$/m.exec(stdout)?.[1] ?? '';
  expect(shellWords(line).slice(0, 4)).toEqual(['npm', 'run', 'soak', '--']);
  return soakArguments(line) ?? [];
}

describe('a notebook without a fault', () => {
  const out = at('quiet');
  let first: Soaked;

  test('is run by both ways, by the user’s own environment, and the answer excludes a rate', async () => {
    first = await soak(at('quiet.ipynb'), '--env', place.python, '--runs', '2', '--out', out);
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    expect(first.stdout).toContain('the environment that was named');
    expect(first.stdout).toMatch(/kernel +ipykernel \d/);
    expect(first.stdout).toMatch(/client +nbclient \d/);
    expect(oneLine(first)).toContain('Not in these runs: 0 of 2 runs directly and 0 of 2 runs by nbclient.');
    expect(oneLine(first)).toContain('above 77.6 % directly or 77.6 % by nbclient');
    // The client is the environment's own: no other was made.
    const { experiment } = (await readJournal(join(out, 'nbclient'))).journal;
    expect(experiment.command).toContain("--client-env '<your environment>'");
    expect(readdirSync(out).sort()).toEqual(['diagnosis.json', 'diagnosis.md', 'direct', 'nbclient']);
  }, 240_000);

  test('the ways take turns', async () => {
    const begun = await Promise.all(
      ['direct', 'nbclient'].map(async (way) => {
        const { runs } = (await readJournal(join(out, way))).journal;
        return runs.map(({ block, at: when }) => ({ way, block, when }));
      }),
    );
    const order = begun.flat().sort((a, b) => (a.when < b.when ? -1 : 1));
    expect(order.map(({ way, block }) => `${block} ${way}`)).toEqual([
      ...['0 direct', '0 nbclient'],
      ...['1 nbclient', '1 direct'],
    ]);
  });

  test('the evidence verifies, and a changed word is found', async () => {
    const verified = await soak('verify', out);
    expect(verified.stderr).toBe('');
    expect(verified.stdout).toContain('2 ways, 4 runs');
    writeFileSync(join(out, 'diagnosis.md'), '# Nothing is wrong\n');
    const changed = await soak('verify', out);
    expect(changed.code).toBe(1);
    expect(changed.stdout).toContain('diagnosis.md, line 1');
    expect((await soak('report', out)).code).toBe(0);
    expect((await soak('verify', out)).code).toBe(0);
  }, 180_000);

  test('the next command runs as it is printed', async () => {
    const args = nextOf(first.stdout);
    expect(args).toEqual([at('quiet.ipynb'), '--env', place.python, '--runs', '10', '--max-minutes', '25']);
    // As it stands, but for a budget that is over after the first run of each way.
    const budget = [...args.slice(0, -1), '0.01', '--out', at('next')];
    const ended = await soak(...budget);
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
    expect(oneLine(ended)).toContain('The time was over before all 10 runs by each way.');
  }, 240_000);

  test('with the same --out nothing is run again', async () => {
    const again = await soak(at('quiet.ipynb'), '--env', place.python, '--runs', '2', '--out', out);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Not in these runs: 0 of 2 runs directly');
    expect((await readJournal(join(out, 'direct'))).journal.runs).toHaveLength(2);
  }, 180_000);

  test.each<[string, string, string[], RegExp]>([
    ['another notebook', 'raises.ipynb', [], /holds a diagnosis of another notebook/],
    ['other options', 'quiet.ipynb', ['--client', 'papermill'], /holds a diagnosis with other options/],
  ])(
    'the folder is refused for %s',
    async (_what, name, more, message) => {
      const { code, stderr } = await soak(
        at(name),
        '--env',
        place.python,
        '--runs',
        '2',
        '--out',
        out,
        ...more,
      );
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    },
    60_000,
  );
});

describe('a notebook that raises at once', () => {
  const out = at('raises');

  test('is not run to the end: the answer names exception and cell, and the next command shows them', async () => {
    const { code, stdout } = await soak('run', at('raises.ipynb'), '--env', place.python, '--out', out);
    expect(code).toBe(0);
    expect(oneLine({ stdout })).toContain(
      'Yes, in each of the 4 runs so far, and each time in the same way at cell 1',
    );
    expect(stdout).toContain('AssertionError: not two');
    expect(oneLine({ stdout })).toContain("The assertion is the notebook's own");
    const { journal } = await readJournal(join(out, 'direct'));
    expect(journal.runs).toHaveLength(2);
    expect(journal.sessions.at(-1)).toMatchObject({ event: 'ended-early' });
    const next = nextOf(stdout);
    expect(next).toEqual(['explain', out, 'direct/b000-control']);
    expect((await soak(...next)).stdout).toContain('AssertionError');
    expect((await soak('verify', out)).code).toBe(0);
  }, 240_000);

  test('its runs are named with their way, and the diagnosis is told without a run', async () => {
    expect((await soak('explain', out)).stdout).toContain('What, and at whose fault?');
    const nameless = await soak('explain', out, 'b000-control');
    expect(nameless.code).toBe(2);
    expect(nameless.stderr).toContain('direct/b000-control, nbclient/b000-control');
    expect((await soak('list', out)).stdout).toContain('diagnosis of raises.ipynb');
  }, 180_000);
});

describe('what cannot be diagnosed is refused with its remedy', () => {
  const refused = (path: string, raw: Parameters<typeof diagnose>[1] = {}) =>
    soakErrorOf(() => diagnose(path, raw, { signal: new AbortController().signal, write: () => {} }));

  test.each<[string, string, RegExp]>([
    ['no such file', 'missing.ipynb', /cannot be read/],
    ['no notebook', 'no-notebook.ipynb', /no notebook/],
    ['no code', 'text.ipynb', /has no code cell to execute/],
    [
      'a language without a kernel',
      'julia.ipynb',
      /is written in julia, and it names the kernel julia-1\.10, which is not found/,
    ],
  ])('%s', async (_what, name, message) => {
    const error = await refused(at(name));
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
    expect(error.exitCode).toBe(2);
  });

  test('a kernel that is not there', async () => {
    const error = await refused(at('quiet.ipynb'), { kernel: 'nowhere' });
    expect(error.message).toContain('There is no kernelspec named "nowhere"');
  });

  test('two kernels', async () => {
    expect((await refused(at('quiet.ipynb'), { kernel: 'python3', env: 'x' })).code).toBe(
      'conflicting-options',
    );
  });
});

describe('the options of soak run with a notebook', () => {
  test('are those of a diagnosis', () => {
    expect(diagnoseOptions('my.ipynb', { arm: ['fix'], runs: '3', with: ['pandas', 'polars'] })).toEqual({
      arm: 'fix',
      runs: '3',
      with: ['pandas', 'polars'],
    });
  });

  test('one of an experiment says how to write the experiment', async () => {
    const error = await soakErrorOf(() => diagnoseOptions('my.ipynb', { endpoint: 'died' }));
    expect(error.message).toContain('--endpoint is an option of an experiment');
    expect(error.remedy).toContain('npm run soak -- run --notebook my.ipynb');
  });

  test('two arms are refused', async () => {
    const error = await soakErrorOf(() => diagnoseOptions('my.ipynb', { arm: ['control', 'fix'] }));
    expect(error.remedy).toContain('soak locate');
  });
});
