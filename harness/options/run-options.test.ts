import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { registerRun } from '../commands/run.ts';
import { shellWord } from '../model/shell-word.ts';
import { repeatingCommand } from './repeat.ts';
import { parsedRunOptions, type RunOptions } from './run-options.ts';
import type { RawOptions } from './table.ts';

const NOTEBOOK = 'notebooks/widgets.ipynb';
const parsed = (raw: RawOptions<'run'>): RunOptions => parsedRunOptions(raw, NOTEBOOK, () => 77);

/** Options as the real command line of `soak run` has them. */
async function fromArgv(argv: readonly string[]): Promise<RunOptions> {
  const program = new Command().exitOverride();
  const never = () => {
    throw new Error('The command ran.');
  };
  registerRun(program, never, never);
  let raw: RawOptions<'run'> | null = null;
  program.commands[0]?.action((_file: unknown, options: RawOptions<'run'>) => {
    raw = options;
  });
  await program.parseAsync(['run', ...argv], { from: 'user' });
  if (raw === null) throw new Error('The action was not called.');
  return parsed(raw);
}

describe('options', () => {
  test('not given are the defaults, and what is kept of them gives them again', () => {
    const options = parsed({});
    expect(options).toMatchObject({
      arms: ['control', 'sham', 'fix'],
      notebooks: [NOTEBOOK],
      runs: 20,
      timeoutSeconds: 10,
      traffic: ['widgets'],
      concurrency: 1,
      seed: 77,
      p0: null,
      alpha: 0.05,
      untilDecided: false,
      python: null,
      env: null,
    });
    expect(parsed(JSON.parse(JSON.stringify(options.given)) as RawOptions<'run'>)).toEqual(options);
  });

  test.each([
    [{ serverUrl: 'http://h/' }, /^--via rest cannot be used with --server-url/],
    [{ client: 'nbclient' }, /--via rest cannot be used with --client nbclient/],
    [{ kernel: ['k'] }, /^--via rest cannot be used with --kernel k/],
    [{ transport: 'direct' }, /^--via rest cannot be used with --transport direct/],
  ])('cells that a server executes need a server of the harness: %j is refused', async (also, words) => {
    expect(parsed({ via: 'rest' })).toMatchObject({ via: 'rest', transport: 'server' });
    expect((await soakErrorOf(() => parsed({ via: 'rest', ...also }))).message).toMatch(words);
  });

  test('a transport is one that there is, and not a client’s', async () => {
    expect(parsed({}).transport).toBe('direct');
    expect(parsed({ transport: 'server' }).transport).toBe('server');
    const unknown = await soakErrorOf(() => parsed({ transport: 'carrier-pigeon' }));
    expect(unknown.message).toContain('"carrier-pigeon"');
    const both = await soakErrorOf(() => parsed({ transport: 'server', client: 'nbclient' }));
    expect(both.message).toMatch(/--transport server cannot be used with --client nbclient/);
  });

  test('given are taken, by one flag or the other', () => {
    expect(parsed({ arms: ' control , fix,' }).arms).toEqual(['control', 'fix']);
    expect(parsed({ arm: ['a', 'b'], arms: 'c' }).arms).toEqual(['a', 'b', 'c']);
    expect(parsed({ traffic: 'widgets,overlap' }).traffic).toEqual(['widgets', 'overlap']);
    expect(parsed({ untilDecided: true })).toMatchObject({ runs: 200, alpha: 0.001 });
    expect(parsed({ untilDecided: true, maxRuns: '50', alpha: '0.01' })).toMatchObject({
      runs: 50,
      alpha: 0.01,
    });
    expect(parsed({ runs: '1e3', p0: '.3', seed: '0', suspectAfter: '0', timeout: '0.5' })).toMatchObject({
      runs: 1000,
      p0: 0.3,
      seed: 0,
      suspectAfterSeconds: 0,
      timeoutSeconds: 0.5,
    });
    expect(parsed({ seed: String(2 ** 32 - 1) }).seed).toBe(2 ** 32 - 1);
  });

  const NUMBERS = {
    runs: '--runs',
    timeout: '--timeout',
    startTimeout: '--start-timeout',
    pipelineDepth: '--pipeline-depth',
    concurrency: '--concurrency',
    alpha: '--alpha',
  } as const;
  const WHOLE = ['runs', 'pipelineDepth', 'concurrency', 'seed'] as const;
  const bad = Object.entries(NUMBERS).flatMap(([key, flag]) =>
    ['0', '-1', 'abc', '', ' ', 'NaN', 'Infinity', '0x10', '1,5', '1e999'].map((value) => [flag, value, key]),
  );

  test.each([
    ...bad,
    ...WHOLE.map((key) => [key === 'seed' ? '--seed' : NUMBERS[key], '1.5', key]),
    ['--runs', '1000001', 'runs'],
    ['--concurrency', '257', 'concurrency'],
    ['--suspect-after', '-0.1', 'suspectAfter'],
    ['--suspect-after', 'soon', 'suspectAfter'],
    ['--timeout', '86401', 'timeout'],
    ['--seed', '-1', 'seed'],
    ['--seed', String(2 ** 32), 'seed'],
    ['--seed', '', 'seed'],
    ['--p0', '1.1', 'p0'],
    ['--p0', '-0.1', 'p0'],
    ['--p0', '30%', 'p0'],
    ['--alpha', '0.6', 'alpha'],
    ['--autopsy', '0', 'autopsy'],
    ['--autopsy', 'some', 'autopsy'],
    ['--shard', '0/4', 'shard'],
    ['--shard', '5/4', 'shard'],
    ['--shard', '2', 'shard'],
    ['--shard', '-1/4', 'shard'],
    ['--shard', '1/4/2', 'shard'],
    ['--traffic', 'lots', 'traffic'],
    ['--traffic', '', 'traffic'],
    ['--traffic', ',', 'traffic'],
    ['--arms', '', 'arms'],
    ['--arms', ' , ', 'arms'],
  ])('%s %j is refused, by its name and value', async (flag, value, key) => {
    const error = await soakErrorOf(() => parsed({ [key as string]: value }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain(flag);
    expect(error.message).toContain(JSON.stringify(value));
    expect(error.remedy).not.toBe('');
    expect(error.exitCode).toBe(2);
  });

  test('an unknown profile among known ones is named, with those that there are', async () => {
    const error = await soakErrorOf(() => parsed({ traffic: 'widgets,torrent' }));
    expect(error.message).toContain('"torrent"');
    expect(error.remedy).toContain('sequential');
  });

  test.each<[RawOptions<'run'>, RegExp]>([
    [{ runs: '20', untilDecided: true }, /--runs 20.*--until-decided/],
    [{ maxRuns: '20' }, /--max-runs 20.*--until-decided/],
    [{ python: 'python3.13', env: '/venv' }, /--python.*--env/],
    [{ shard: '2/4' }, /--shard 2\/4.*--seed/],
    [{ shard: '2/40', runs: '20', seed: '1' }, /20 blocks among 40 shards/],
    [{ untilDecided: true, maxRuns: '0' }, /--max-runs cannot be "0"/],
  ])('%j is refused', async (raw, message) => {
    const error = await soakErrorOf(() => parsed(raw));
    expect(error.code).toBe('bad-option');
    expect(error.message).toMatch(message);
  });
});

const isPosix = process.platform !== 'win32';

/** A command's words as a POSIX shell makes them. */
function shellWords(command: string): string[] {
  const script = `set -- ${command}\nfor word do printf '%s\\0' "$word"; done`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', cwd: '/' }).split('\0').slice(0, -1);
}

/** The options that one gets who runs the reproduce-it command. */
async function reproduced(options: RunOptions, shown = (path: string) => path): Promise<RunOptions> {
  const [npm, run, soak, dashes, ...argv] = shellWords(repeatingCommand('run', options.given, shown));
  expect([npm, run, soak, dashes]).toEqual(['npm', 'run', 'soak', '--']);
  return fromArgv(argv);
}

describe.skipIf(!isPosix)('the reproduce-it command', () => {
  test.each<[string, RawOptions<'run'>]>([
    ['nothing', {}],
    ['arms', { arms: 'control,fix' }],
    ['an A/A experiment', { arm: ['control', 'control-b=control'] }],
    [
      'arms by folder',
      { arm: ['control', './mine', '../arms, of mine/new', 'label=../a b/c', '/abs/$HOME'] },
    ],
    [
      'notebooks',
      { notebook: ['a b.ipynb', "it's.ipynb", '$(touch x).ipynb', '-n.ipynb', '*.ipynb', 'ü&;|<>.ipynb'] },
    ],
    ['through a server', { transport: 'server' }],
    ['traffic', { traffic: 'overlap,pipeline', pipelineDepth: '7', latency: 'uniform:0-5ms' }],
    ['a latency file', { latency: 'file:/data/my latency.json' }],
    ['times', { timeout: '2.5', startTimeout: '30', suspectAfter: '0' }],
    ['a decision', { untilDecided: true, maxRuns: '77', alpha: '1e-7' }],
    ['a rate', { p0: '0.3', alpha: '0.01', runs: '3', concurrency: '2', seed: '4294967295' }],
    ['an autopsy', { autopsy: 'full' }],
    ['saved notebooks', { saveNotebooks: true }],
    ['a baseline', { arms: 'fix', baseline: 'reports/the first' }],
    ['an interpreter', { python: 'python3.13' }],
  ])('gives back the options: %s', async (_what, raw) => {
    const options = parsed({ seed: '5', ...raw });
    expect(await reproduced(options)).toEqual(options);
  });

  test('leaves out what is the default, and always has the seed', () => {
    expect(repeatingCommand('run', parsed({}).given, (path) => path)).toBe(
      `npm run soak -- --arms control,sham,fix --runs 20 --notebook ${NOTEBOOK} --seed 77`,
    );
  });

  test('shows every path by `shown` alone, and keeps a folder a folder', async () => {
    const options = parsed({
      arm: ['fix', './private/mine', 'label=/private/other'],
      notebook: ['/private/n.ipynb'],
      latency: 'file:/private/l.json',
      baseline: '/private/report',
      python: '/private/python',
    });
    const command = repeatingCommand('run', options.given, (path) => path.split('/').at(-1) ?? '');
    expect(command).not.toContain('private');
    expect(await reproduced(options, (path) => path.split('/').at(-1) ?? '')).toMatchObject({
      arms: ['fix', './mine', 'label=./other'],
      notebooks: ['n.ipynb'],
      latency: 'file:l.json',
      baseline: 'report',
      python: 'python',
    });
  });

  test('never shows an environment of the user’s', () => {
    const command = repeatingCommand('run', parsed({ env: '/home/me/venv' }).given, (path) => path);
    expect(command).toContain("--env '<your environment>'");
    expect(command).not.toContain('venv');
  });
});

describe.skipIf(!isPosix)('a word for a shell', () => {
  test('is that word, whatever is in it', () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 12 })
      .filter((s) => !/[\0\r]/.test(s) && !/^(file:|[\w.-]+=)?~\//.test(s));
    fc.assert(
      fc.property(fc.array(text, { minLength: 20, maxLength: 40 }), (words) => {
        expect(shellWords(words.map((word) => shellWord(word)).join(' '))).toEqual(words);
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ['~/a b', 'a b', ''],
    ["~/it's", "it's", ''],
    ['file:~/x y.json', 'x y.json', 'file:'],
    ['label=~/arm', 'arm', 'label='],
  ])('%s has the home folder in it', (value, rest, prefix) => {
    expect(shellWords(shellWord(value))).toEqual([`${prefix}${join(homedir(), rest)}`]);
  });
});

test('help says what the defaults are', () => {
  const program = new Command();
  const never = () => {
    throw new Error('The command ran.');
  };
  registerRun(program, never, never);
  const help = program.commands[0]?.helpInformation().replace(/\s+/g, ' ') ?? '';
  for (const value of ['control,sham,fix', 20, 'nbclient', 200]) {
    expect(help).toContain(`default: ${value}`);
  }
});
