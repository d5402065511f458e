import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtCommand } from '../../tools/testing/built-command.ts';
import { LOSSES, losingNotebook } from '../../tools/testing/losing-notebook.ts';
import { temporaryFolder } from '../../tools/testing/real-experiment.ts';
import { tunedOptions, tuningCitation } from '../experiment/tuned.ts';
import { parseLatency } from '../frontend/latency.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { readJournal } from '../journal/read.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import { packageRoot } from '../model/package-root.ts';
import { repeatingCommand } from '../options/repeat.ts';
import { parsedRunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { readRecord, type TuningRecord } from '../tune/record.ts';

const COMMITTED = join(packageRoot(), 'reports', 'tune-7.3.0', 'tuning.json');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** The command as a user starts it; a signal is sent once standard output matches. */
async function soak(args: readonly string[], interruptAt?: RegExp) {
  const [file, ...rest] = builtCommand(args);
  const child = spawn(file, rest, { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    const before = stdout;
    stdout += chunk.toString();
    if (interruptAt?.test(stdout) && !interruptAt.test(before)) child.kill('SIGINT');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, stdout, stderr };
}

test.each([
  [['--arm', 'fix'], /role is treatment/],
  [['--arm', 'sham'], /role is sham/],
  [['--latencies', 'file:mine.json'], /cannot carry/],
  [['--latencies', ','], /--latencies cannot be ","/],
  [['--traffic', ','], /--traffic cannot be ","/],
  [['--minutes', '0'], /--minutes/],
  [['--prefix', '0'], /--prefix/],
  [['--endpoint', 'lost-output', '--expect', 'reference'], /each run decides what is run next/],
  [['--endpoint', 'died', '--expect', 'saved'], /outputs of cells, which are not compared/],
])('refused before anything is made: soak tune %j', async (args, reason) => {
  const { code, stderr } = await soak(['tune', '--out', join(folder.path, 'refused'), ...args]);
  expect(stderr).toMatch(reason);
  expect(code).toBe(2);
  expect(existsSync(join(folder.path, 'refused'))).toBe(false);
});

test('Ctrl-C keeps the runs recorded until then, and the table of them', async () => {
  await ensureEnvironment({});
  const out = join(folder.path, 'interrupted');
  const args = ['tune', '--minutes', '5', '--traffic', 'overlap', '--seed', '1', '--out', out];
  const { code, stdout } = await soak(args, /^run 3 /m);
  expect(code).toBe(130);
  const record = await readRecord(join(out, 'tuning.json'));
  expect(record.end).toBe('interrupted');
  expect(record.runs.length).toBeGreaterThanOrEqual(3);
  expect(record.arm.role).toBe('control');
  expect(record.command).toBe('npm run soak -- tune --traffic overlap --seed 1 --minutes 5');
  expect(await readFile(join(out, 'tuning.md'), 'utf8')).toContain('**Interrupted**');
  expect(stdout).toMatch(/^Traffic +Latency/m);
});

test('an experiment with tuned settings cites the record in its protocol', async () => {
  const out = join(folder.path, 'tuned');
  const { code, stderr } = await soak([
    '--tuned',
    COMMITTED,
    '--arm',
    'control',
    '--runs',
    '1',
    '--out',
    out,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { protocol, command } = (await readJournal(out)).journal.experiment;
  const record = await readRecord(COMMITTED);
  const candidate = record.candidates[record.chosen as number];
  expect(protocol.tuning?.sha256).toBe(record.sha256);
  expect(protocol.traffic).toEqual([candidate?.traffic]);
  expect(protocol.latency.spec).toBe(candidate?.latency.spec);
  expect(protocol.notebooks[0]?.codeCells).toHaveLength(candidate?.cells as number);
  expect(command).toContain('--tuned reports/tune-7.3.0/tuning.json');
  expect(await readFile(join(out, 'evidence.md'), 'utf8')).toContain(record.sha256);
});

test('a tuning of lost output compares its runs, and an experiment must expect what was tuned', async () => {
  const out = join(folder.path, 'lost');
  const notebook = join(folder.path, 'lost.ipynb');
  await writeFile(notebook, losingNotebook());
  const quick = [
    '--traffic',
    'sequential',
    '--latencies',
    'none',
    '--minutes',
    '0.1',
    '--prefix',
    '2',
    '--seed',
    '1',
  ];
  const tuned = await soak([
    'tune',
    '--endpoint',
    'lost-output',
    '--notebook',
    notebook,
    ...quick,
    '--out',
    out,
  ]);
  expect(tuned).toMatchObject({ code: 0, stderr: '' });
  const path = join(out, 'tuning.json');
  const record = await readRecord(path);
  expect(record.expected).toMatchObject({ kind: 'saved', expect: 'saved', sanitize: null });
  expect(record.runs.length).toBeGreaterThanOrEqual(3);
  for (const { kind, status, losses } of record.runs) {
    expect({ kind, status, losses }).toEqual({ kind: 'completed', status: 'wedged', losses: LOSSES });
  }
  const cite = async (expected: TuningRecord['expected']) =>
    tuningCitation(
      path,
      [await readNotebook(notebook)],
      await parseLatency('none'),
      { endpoint: 'lost-output' },
      expected,
    );
  expect((await cite(record.expected)).sha256).toBe(record.sha256);
  const { outputs: _, ...other } = record.expected ?? { rulesSha256: '', expect: '', sanitize: null };
  await expect(cite({ ...other, kind: 'reference' })).rejects.toMatchObject({
    code: 'tuned-expected',
    remedy: 'Give --expect saved, or tune again.',
  });
}, 60_000);

const options = (raw: RawOptions<'run'>) => parsedRunOptions(raw, 'default.ipynb', () => 1);

test.each([
  { traffic: 'widgets' },
  { latency: 'none' },
  { prefix: '3' },
  { notebook: ['a.ipynb', 'b.ipynb'] },
])('--tuned does not go with %j', (raw) => {
  expect(() => options({ ...raw, tuned: COMMITTED })).toThrow(/--tuned/);
});

test('a notebook that changed since, or is not there, is refused', async () => {
  const record = await readRecord(COMMITTED);
  const published = record.notebooks[0]?.path as string;
  const latency = await parseLatency('none');
  const changed = join(folder.path, 'changed.ipynb');
  await copyFile(join(packageRoot(), published), changed);
  await writeFile(changed, `${await readFile(changed, 'utf8')} `);
  await expect(
    tuningCitation(COMMITTED, [await readNotebook(changed)], latency, {}, undefined),
  ).rejects.toThrow(/has the SHA-256/);
  await expect(
    tuningCitation(COMMITTED, [await readNotebook(changed)], latency, { endpoint: 'died' }, undefined),
  ).rejects.toThrow(/looked for the event wedged, and this experiment counts died/);
  const tuned = await tunedOptions(options({ tuned: COMMITTED }), COMMITTED, null);
  expect(tuned.notebooks).toEqual([join(packageRoot(), published)]);
});

test('--prefix is part of the experiment and of the command that repeats it', () => {
  const given = options({ prefix: '12' });
  expect(given.prefix).toBe(12);
  expect(repeatingCommand('run', given.given, (path) => path)).toContain('--prefix 12');
  expect(() => options({ prefix: '0' })).toThrow(/--prefix/);
});
