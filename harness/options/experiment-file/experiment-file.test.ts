import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../tools/testing/temporary-folder.ts';
import { registerRun } from '../../commands/run.ts';
import { freshOptions } from '../../experiment/given-options.ts';
import { prepareExperiment } from '../../experiment/prepare.ts';
import { readJournal } from '../../journal/read.ts';
import { type OptionReference, SoakError } from '../../model/errors.ts';
import { packageRoot } from '../../model/package-root.ts';
import { publicPath } from '../../model/public-path.ts';
import { failRules } from '../../report/fail-on.ts';
import { type GivenOptions, overridden as overriddenOf, parsedOptions } from '../given.ts';
import { repeatingCommand } from '../repeat.ts';
import { parsedRunOptions } from '../run-options.ts';
import type { RawOptions } from '../table.ts';
import { saidWithPlace } from './merge.ts';
import { type ExperimentFile, readExperimentFile } from './read.ts';
import { runInput } from './run-input.ts';
import { experimentJsonSchema, experimentKeys } from './schema.ts';

const EXAMPLES = join(packageRoot(), 'arms', 'experiments');
const SCHEMA_FILE = join(EXAMPLES, 'experiment.schema.json');

/** `soak run`'s own options, as they are registered. */
function runCommand(): Command {
  const program = new Command();
  registerRun(
    program,
    () => {
      throw new Error('nothing is run here');
    },
    () => {},
  );
  const run = program.commands.find((command) => command.name() === 'run');
  if (run === undefined) throw new Error('soak run is gone');
  return run;
}

async function written(text: string, name = 'experiment.yaml'): Promise<string> {
  const path = join(temporaryFolder(), name);
  await writeFile(path, text);
  return path;
}

async function read(text: string): Promise<ExperimentFile> {
  return readExperimentFile(await written(text));
}

/** What is said of a file that is refused, without its folder. */
async function refusal(text: string): Promise<string> {
  const error: unknown = await read(text).catch((thrown: unknown) => thrown);
  if (!(error instanceof SoakError)) throw new Error(`it was not refused: ${String(error)}`);
  expect(error).toMatchObject({ code: 'bad-experiment-file', exitCode: 2 });
  return error.message.replaceAll(/\S*experiment\.yaml/g, 'experiment.yaml');
}

const overridden = (file: GivenOptions, flags: GivenOptions) => overriddenOf('run', file, flags);
const options = (raw: object) => parsedRunOptions(raw as RawOptions<'run'>, 'default.ipynb', () => 1);

test('the published schema is in step with the options of soak run (UPDATE_SCHEMA=1 writes it anew)', async () => {
  const schema = experimentJsonSchema(experimentKeys());
  if (process.env['UPDATE_SCHEMA'] === '1') await writeFile(SCHEMA_FILE, schema);
  expect(JSON.parse(await readFile(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(schema));
});

test('a file says what the command line would', async () => {
  const { values } = await read(
    [
      'arms: [control, "new=ipykernel==7.4.0"]',
      'traffic: [widgets, overlap]',
      'latency: uniform:0-5ms',
      'until-decided: true',
      'max-runs: 50',
      'alpha: 1e-3',
      'timeout: 2.5',
      'save-notebooks: false',
      'autopsy: full',
      'seed: 7',
    ].join('\n'),
  );
  const flags = {
    arm: ['control', 'new=ipykernel==7.4.0'],
    traffic: 'widgets,overlap',
    latency: 'uniform:0-5ms',
    untilDecided: true,
    maxRuns: '50',
    alpha: '0.001',
    timeout: '2.5',
    autopsy: 'full',
    seed: '7',
  };
  expect(values).toEqual(flags);
  expect(options(values)).toEqual(options(flags));
});

test('JSON is read too, with the address of its schema', async () => {
  const path = await written('{"$schema": "./experiment.schema.json", "runs": 3}', 'experiment.json');
  expect((await readExperimentFile(path)).values).toEqual({ runs: '3' });
});

test('paths are relative to the file, from wherever it is run', async () => {
  const path = await written(
    [
      'arms: [fix, ./mine, two=../theirs/arm + ipykernel==7.4.0, change.diff, git:../clone@v1, git:x@y/z@main]',
      'notebooks: [a.ipynb, ~/b.ipynb]',
      'latency: file:latency.json',
      'python: python3.12',
      'out: result',
    ].join('\n'),
  );
  const folder = join(path, '..');
  expect((await readExperimentFile(path)).values).toEqual({
    arm: [
      'fix',
      join(folder, 'mine'),
      `two=${join(folder, '..', 'theirs', 'arm')} + ipykernel==7.4.0`,
      join(folder, 'change.diff'),
      `git:${join(folder, '..', 'clone')}@v1`,
      `git:${join(folder, 'x@y', 'z')}@main`,
    ],
    notebook: [join(folder, 'a.ipynb'), join(homedir(), 'b.ipynb')],
    latency: `file:${join(folder, 'latency.json')}`,
    python: 'python3.12',
    out: join(folder, 'result'),
  });
});

test.each(['my.diff', 'git:../clone@v1 + py3.12'])(
  'a change to be tried is relative to the file too: %s',
  async (spec) => {
    const path = await written(`try: ${spec}`);
    const { values } = await readExperimentFile(path);
    const folder = join(path, '..');
    expect(values['try']).toBe(
      spec.replace('my.diff', join(folder, 'my.diff')).replace('../clone', join(folder, '..', 'clone')),
    );
  },
);

test.each([
  ['trafic: widgets', 'experiment.yaml:1:1: unknown key "trafic". Did you mean "traffic"?'],
  ['runs: 1\nmaxRuns: 3', 'experiment.yaml:2:1: unknown key "maxRuns". Did you mean "max-runs"?'],
  ['resume: here', 'experiment.yaml:1:1: unknown key "resume".'],
  ['traffic:\n  - widgets\n  - overlp', 'experiment.yaml:3:5: traffic: "overlp" is none of'],
  ['traffic: overlp', 'Did you mean "overlap"?'],
  ['runs: many', 'experiment.yaml:1:7: runs: "many": it must be a number.'],
  ['seed: 1.5', 'experiment.yaml:1:7: seed: "1.5": it must be a whole number.'],
  ['until-decided: "yes"', 'experiment.yaml:1:16: until-decided: "yes": it must be true or false.'],
  ['python: 3.10', 'experiment.yaml:1:9: python: without quotes 3.10 is a number: write "3.10".'],
  ['latency:', 'experiment.yaml:1:9: latency: nothing: it must be text.'],
  ['arms: []', 'experiment.yaml:1:7: arms: it names nothing.'],
  ['runs: 1\nseed: 2\nruns: 3', 'experiment.yaml:3:1: the key "runs" is there twice.'],
  ['arms: [a, b', 'experiment.yaml:1:12: '],
  ['- control\n- fix', 'experiment.yaml:1:1: it holds no keys and values'],
  ['', 'experiment.yaml:1:1: it holds no keys and values'],
  ['out: !!js/function x', 'experiment.yaml:1:6: Unresolved tag'],
  ['"a\\u001b[31mb": 1', 'unknown key "a'],
])('refused with file, line and key: %j', async (text, expected) => {
  const said = await refusal(text);
  expect(said).toContain(expected);
  expect(said).not.toContain('\u001b');
});

test('all faults are listed, in the order of the file', async () => {
  expect(await refusal('notebook: x\nruns: a\nseed: b')).toBe(
    [
      'experiment.yaml cannot be used:',
      '  experiment.yaml:1:1: unknown key "notebook". Did you mean "notebooks"?',
      '  experiment.yaml:2:7: runs: "a": it must be a number.',
      '  experiment.yaml:3:7: seed: "b": it must be a number.',
    ].join('\n'),
  );
});

test('a file that aliases blow up is refused', async () => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i}: &l${i} [${Array(9).fill(i === 0 ? 'x' : `*l${i - 1}`)}]`,
  );
  expect(await refusal(levels.join('\n'))).toMatch(/alias/i);
});

test('flags go before the file, and set aside what says the same in another way', async () => {
  const file: GivenOptions = {
    arm: ['control', 'fix'],
    untilDecided: true,
    maxRuns: '50',
    python: 'python3',
  };
  expect(overridden(file, { runs: '5' })).toEqual({ arm: ['control', 'fix'], runs: '5', python: 'python3' });
  expect(overridden(file, { arms: 'control,sham' })).toMatchObject({ arms: 'control,sham' });
  expect(overridden(file, { arms: 'control,sham' })).not.toHaveProperty('arm');
  expect(overridden(file, { maxRuns: '9' })).toMatchObject({ untilDecided: true, maxRuns: '9' });
  expect(overridden(file, { env: '/venv' })).not.toHaveProperty('python');
  expect(options(overridden({ runs: '5' }, { untilDecided: true }))).toMatchObject({
    untilDecided: true,
    runs: 200,
  });
});

test('what is refused later is said with its place, and not where a flag stands before it', async () => {
  const file = await read('arms:\n  - control\n  - fixx\nruns: 0\nnotebooks: no.ipynb\n');
  const said = (option: OptionReference | undefined, flags: GivenOptions = {}) =>
    saidWithPlace(file, flags, () => {
      throw new SoakError('some-code', 'It is refused.', {
        remedy: 'Mend it.',
        exitCode: 4,
        ...(option === undefined ? {} : { option }),
      });
    }).catch((error: SoakError) => {
      expect(error).toMatchObject({ code: 'some-code', remedy: 'Mend it.', exitCode: 4 });
      return error.message.replace(/^\S*experiment\.yaml/, 'experiment.yaml');
    });
  expect(await said({ name: 'runs', value: '0' })).toBe('experiment.yaml:4:7: runs: It is refused.');
  expect(await said({ name: 'runs', value: '0' }, { runs: '0' })).toBe('It is refused.');
  expect(await said({ name: 'arm', value: 'fixx' })).toBe('experiment.yaml:3:5: arms: It is refused.');
  expect(await said({ name: 'arm', value: 'fixx' }, { arms: 'fixx' })).toBe('It is refused.');
  expect(await said({ name: 'notebook', value: join(file.path, '..', 'no.ipynb') })).toBe(
    'experiment.yaml:5:12: notebooks: It is refused.',
  );
  expect(await said(undefined)).toBe('It is refused.');
});

test.each([
  ['arms: [control, fxi]', '1:17: arms: '],
  ['runs: 0', '1:7: runs: '],
  ['notebooks:\n  - absent.ipynb', '2:5: notebooks: '],
  ['latency: slow', '1:10: latency: '],
  ['tuned: absent.json', '1:8: tuned: '],
  ['baseline: absent', '1:11: baseline: '],
  ['client: nbclient\nprefix: 3', '1:9: client: '],
  ['client-timeout: 3', '1:17: client-timeout: '],
  ['fail-on: sometimes', '1:10: fail-on: '],
])('a real refusal names the line of the file: %j', async (text, place) => {
  const { raw, said } = await runInput(await written(text), {}, runCommand());
  const error = await said(async () => {
    const { failOn } = parsedOptions('run', raw);
    if (failOn !== null) failRules(failOn);
    await prepareExperiment(await freshOptions(raw), () => {}, new AbortController().signal);
  }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SoakError);
  expect((error as SoakError).message).toContain(`experiment.yaml:${place}`);
});

test.each(readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml')))('%s can be run', async (name) => {
  const path = join(EXAMPLES, name);
  const { values } = await readExperimentFile(path);
  expect(options(values).arms.length).toBeGreaterThan(2);
  const text = await readFile(path, 'utf8');
  expect(text).toContain('# yaml-language-server: $schema=./experiment.schema.json');
  expect(text).toContain(`npm run soak -- run arms/experiments/${name}`);
});

test('the example of PR #1529 is the experiment of reports/pr-1529, and its command repeats it', async () => {
  const { values } = await readExperimentFile(join(EXAMPLES, 'pr-1529.yaml'));
  const { journal } = await readJournal(join(packageRoot(), 'reports', 'pr-1529'));
  const command = repeatingCommand('run', options(values).given, publicPath);
  expect(command).toBe(journal.experiment.command);

  const run = runCommand();
  run.parseOptions(command.split(' ').slice(4));
  const again = options(run.opts());
  const there = options(values);
  expect({
    ...again,
    notebooks: again.notebooks.map((path) => join(packageRoot(), path)),
    given: there.given,
  }).toEqual(there);
});
