import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { codeNotebookText, PYTHON_METADATA } from '../testing/code-notebook.ts';
import { executePlace } from '../testing/jupyter-execute.ts';
import { runSoak } from '../testing/run-soak.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import {
  type DocumentedCommand,
  documentedCommands,
  PAGES,
  shellWords,
  soakArguments,
} from './docs-pages.ts';

// Every command of the pages, as a reader would type it, on real kernels: with one block where the page has many, and
// with files of the test where the page has the reader's.

/** Lines that no test here carries out, and why. What they start is parsed by docs.test.ts. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npm run (?!soak)/, 'a script of its own: CI runs what it runs, or it takes hours'],
  [/^(npm ci|npm test|npx|node|bash|cp|git|mkdir|cd) ?/, 'what a developer types: nothing of the product'],
  [/--server-url/, 'needs a server that is there already: given-server-run.test.ts'],
  [/--clone/, 'needs a clone of ipykernel and an environment for each commit: git-tree.test.ts'],
  [/arms same/, 'fetches releases from the network: arms.test.ts'],
];

/** The exit codes, where a block of a harmless notebook seldom or never gives what the page is about. */
const CODES: readonly (readonly [RegExp, readonly number[]])[] = [
  // In a few seconds a kernel may wedge, or not.
  [/ tune /, [0, 1]],
  [/ bisect /, [1]],
];

const all = PAGES.flatMap(documentedCommands);
const typed = ({ text }: DocumentedCommand) => shellWords(text).join(' ');
const reason = (command: DocumentedCommand) =>
  NOT_RUN.find(([pattern]) => pattern.test(typed(command)))?.[1] ?? null;
const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const root = (...names: string[]) => join(packageRoot(), ...names);
let variables: Readonly<Record<string, string>>;
/** The interpreter of an environment that has a kernel. */
let python = '';

beforeAll(async () => {
  const place = await executePlace();
  ({ variables, python } = place);
  writeFileSync(at('my.ipynb'), codeNotebookText(['x = 1', 'x + 1', 'print(x)'], PYTHON_METADATA));
  cpSync(root('arms', 'fix', 'change.patch'), at('my-change.diff'));
  writeFileSync(at('requirements.txt'), 'six==1.17.0\n');
  writeFileSync(
    at('uv.lock'),
    `[[package]]\nname = "mine"\nsource = { virtual = "." }\ndependencies = [{ name = "six" }]\n` +
      `[[package]]\nname = "six"\nversion = "1.17.0"\nsource = { registry = "https://pypi.org/simple" }\n`,
  );
  cpSync(root('tools', 'testing', 'connecting_client.py'), at('my_client.py'));
  cpSync(root('arms', 'fix'), at('my-arm'), { recursive: true });
  mkdirSync(at('my-repository'));
  for (const name of ['my.ipynb', 'requirements.txt']) cpSync(at(name), at('my-repository', name));
  cpSync(root('reports', 'tune-7.3.0'), at('docs/traffic.md', 'soak-reports', 'tuned'), { recursive: true });
  const kernelspec = at('data', 'kernels', 'python3');
  mkdirSync(kernelspec, { recursive: true });
  const argv = [place.python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
  writeFileSync(
    join(kernelspec, 'kernel.json'),
    JSON.stringify({ argv, display_name: 'Python 3', language: 'python' }),
  );
  variables = { ...variables, JUPYTER_PATH: at('data') };
}, 300_000);

/** The reader's files and folders, as this test has them; each page has report folders of its own. */
function placed(word: string, page: string): string {
  if (/^(my\.ipynb|my-change\.diff|\.\/my-arm|requirements\.txt|uv\.lock)$/.test(word)) return at(word);
  if (word.startsWith('soak-reports/')) return at(page, word);
  if (word.startsWith('~/')) return at('data');
  return word
    .replace(/^\.\.(?=\/my-repository)/, folder)
    .replace(/^env:\.venv/, `env:${python}`)
    .replace(/my-change\.diff/, at('my-change.diff'))
    .replace('my_client.py', `"${at('my_client.py')}"`);
}

const RUN_OPTIONS = /^(run|--.*)$/;

/** The arguments with one block in place of many, and a folder for what is written. */
function reduced({ page, text }: DocumentedCommand, index: number): string[] {
  const words = (soakArguments(text) ?? []).map((word) => placed(word, page));
  const [command = ''] = words;
  const has = (flag: string) => words.includes(flag);
  const out = has('--out') || has('--resume') ? [] : ['--out', at('out', String(index))];
  const withValue = (flag: string, value: string) => {
    const place = words.indexOf(flag);
    if (place < 0) return [...words, flag, value];
    return [...words.slice(0, place + 1), value, ...words.slice(place + 2)];
  };
  if (RUN_OPTIONS.test(command)) {
    // A short notebook where the page leaves it to the default; where it names one, its first cells.
    const isNamed = has('--notebook') || words[1]?.endsWith('.yaml');
    const short = isNamed ? ['--prefix', '3'] : ['--notebook', at('my.ipynb')];
    return [
      ...withValue('--max-minutes', '0.01'),
      ...(has('--resume') || has('--tuned') ? [] : short),
      ...out,
    ];
  }
  if (command.endsWith('.ipynb')) return [...withValue('--runs', '1'), ...out];
  switch (command) {
    case 'tune':
      // Elsewhere than on the page, which then reads a record in which something wedged.
      return withValue('--minutes', '0.1').map((word) =>
        word.startsWith(at('docs')) ? at('out', 'tuned') : word,
      );
    case 'bisect':
      return [...withValue('--max-runs', '3'), '--releases', '6.31.0,7.3.0,7.4.0', '--prefix', '3', ...out];
    case 'locate':
      return [...withValue('--runs', '1'), ...out];
    case 'report':
      // It writes: not into the evidence that others read meanwhile.
      cpSync(root(words[1] ?? ''), at('rewritten'), { recursive: true });
      return [command, at('rewritten')];
    case 'explain':
      return [command, root('reports', 'pr-1529'), ...words.slice(2)];
    case 'mechanism':
      return withValue('--pyzmq', '27.1.0');
    case 'exec':
      return [...words, '--journal', at('exec.jsonl')];
    default:
      return words;
  }
}

function codes({ text }: DocumentedCommand): readonly number[] {
  return CODES.find(([pattern]) => pattern.test(text))?.[1] ?? [0];
}

/** Lines that are the same but for how many runs they ask for and where they write: the first of them is carried out. */
function shape({ text }: DocumentedCommand): string {
  return text.replace(/ --(runs|seed|out) \S+/g, '');
}

/** Whether another line of the page reads the folder that this one writes. */
function isNeeded({ page, text }: DocumentedCommand): boolean {
  const out = / --out (\S+)/.exec(text)?.[1];
  if (out === undefined) return false;
  return all.some((other) => other.page === page && other.text !== text && other.text.includes(out));
}

/** In the order of the pages: what a line needs, the lines before it on its page have made. */
const carriedOut = all.filter(
  (command, index) =>
    reason(command) === null &&
    (isNeeded(command) || all.findIndex((other) => shape(other) === shape(command)) === index),
);

test('few kinds of lines are carried out nowhere, and each has its reason', () => {
  expect(NOT_RUN.length).toBeLessThanOrEqual(6);
  for (const [pattern] of NOT_RUN)
    expect(
      all.some((command) => pattern.test(typed(command))),
      String(pattern),
    ).toBe(true);
  expect(carriedOut.filter(({ text }) => soakArguments(text) === null)).toEqual([]);
});

describe('as a reader types it', () => {
  test.each(carriedOut)('$page:$line $text', async (command) => {
    const args = reduced(command, carriedOut.indexOf(command));
    await prepare(args);
    const { code: ended, stdout, stderr } = await runSoak(args, variables);
    expect(codes(command), `${ended}: ${args.join(' ')}\n${stdout}\n${stderr}`).toContain(ended);
    if (command.output !== null && isTheSameEverywhere(args))
      expect(lines(stdout)).toEqual(expect.arrayContaining(lines(command.output)));
  });
});

/** What the page has from an earlier day: an experiment that is gone on with, or one that is read. */
async function prepare(args: readonly string[]): Promise<void> {
  const before = args[0] === 'history' ? args.slice(1, args.indexOf('--out')) : [];
  const resumed = args.includes('--resume') ? [args[args.indexOf('--resume') + 1] ?? ''] : [];
  for (const path of [...before, ...resumed, ...(args[0] === 'verify' ? [args[1] ?? ''] : [])]) {
    if (!path.startsWith(folder) || isThere(path)) continue;
    mkdirSync(dirname(path), { recursive: true });
    if (resumed.includes(path)) {
      const begun = [
        '--arms',
        'control',
        '--notebook',
        at('my.ipynb'),
        '--runs',
        '50',
        '--max-minutes',
        '0.01',
      ];
      expect((await runSoak([...begun, '--out', path])).code).toBe(0);
    } else cpSync(root('reports', 'a-a'), path, { recursive: true });
  }
}

function isThere(path: string): boolean {
  try {
    return readFileSync(join(path, 'journal.jsonl')).length > 0;
  } catch {
    return false;
  }
}

/** Whether what it prints depends on nothing but its arguments and committed evidence. */
function isTheSameEverywhere(args: readonly string[]): boolean {
  return ['stats', 'plan'].includes(args[0] ?? '') || args.some((word) => word.startsWith('reports/'));
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}
