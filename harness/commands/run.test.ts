import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { builtCommand } from '../../tools/testing/built-command.ts';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import { temporaryFolder } from '../../tools/testing/real-experiment.ts';
import { readJournal } from '../journal/read.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import type { RunRecord } from '../model/journal.ts';
import { packageRoot } from '../model/package-root.ts';

// The command as a user starts it: real processes, real kernels, real signals.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let number = 0;
let out: string;

beforeAll(async () => {
  await ensureEnvironment({});
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'tmp'));
});
afterAll(() => folder.remove());
beforeEach(() => {
  number += 1;
  out = join(folder.path, `out-${number}`);
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once standard output matches. */
  said(pattern: RegExp): Promise<void>;
}

function start(args: readonly string[], variables: Record<string, string> = {}): Started {
  const [file, ...rest] = builtCommand(args);
  const child = spawn(file, rest, {
    cwd: packageRoot(),
    env: { ...process.env, TMPDIR: join(folder.path, 'tmp'), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const listener of listeners) listener();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  const said = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => pattern.test(stdout) && resolve();
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`It ended before it said ${pattern}: ${stdout}${stderr}`)));
    });
  return { child, ended, said };
}

function soak(...args: string[]): Promise<Ended> {
  return start(args).ended;
}

async function eventually(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const due = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > due) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Processes whose command line names this test's temporary folder: kernels and their children. */
function kernelsLeft(): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(join(folder.path, 'tmp')) && !line.includes('ps -eo'));
}

function nothingLeft(): boolean {
  return (
    kernelsLeft().length === 0 &&
    readdirSync(join(folder.path, 'tmp')).every((name) => !name.startsWith('soak-'))
  );
}

async function notebook(name: string, ...cells: string[]): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, codeNotebookText(cells, PYTHON_METADATA));
  return path;
}

const QUICK = ['--traffic', 'sequential', '--latency', 'none', '--seed', '1'];

test('control, sham and fix on real kernels give evidence that the journal bears out', async () => {
  const path = join(packageRoot(), 'notebooks', 'plain.ipynb');
  const { code, stdout, stderr } = await soak(
    '--runs',
    '2',
    '--notebook',
    path,
    ...QUICK,
    '--save-notebooks',
    '--out',
    out,
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^run \d of \d, b001-/m);
  expect(stdout).toContain(join(out, 'evidence.md'));
  const { journal } = await readJournal(out);
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(Array(6).fill('completed'));
  for (const run of journal.runs) {
    // Every request sent was delivered, begun, finished and answered, and the arm's change was in.
    expect(run.client).toMatchObject({ sent: run.client.idles, replies: run.client.idles, rejected: 0 });
    expect(run.kernel).toMatchObject({
      delivered: run.client.sent,
      begun: run.client.sent,
      ended: run.client.sent,
    });
    expect(run.kernel?.replies).toBe(run.client.sent);
    expect(run.kernel?.rearms).toBe(run.arm === 'fix' ? run.client.sent : 0);
    expect(run.kernel?.callbacks).toBe(run.arm === 'control' ? 0 : run.client.sent);
    expect(run.kernel).toMatchObject({ missing: 0, mismatched: 0 });
  }
  const evidence = await readFile(join(out, 'evidence.md'), 'utf8');
  expect(evidence).toMatch(/inconclusive/i);
  expect(evidence).toContain(journal.experiment.protocolSha256);
  const { patches, protocol } = journal.experiment;
  const patched = protocol.arms.flatMap(({ patchSha256 }) => patchSha256 ?? []);
  expect(Object.keys(patches ?? {}).sort()).toEqual([...patched].sort());
  expect(patched).toHaveLength(2);
  expect(evidence).toMatch(/`fix`, SHA-256 of the diff `[0-9a-f]{64}`:\n\n```diff\n--- a\/ipykernel\//);
  expect((await readFile(join(out, 'comment.md'), 'utf8')).length).toBeLessThanOrEqual(2_500);
  expect(readdirSync(join(out, 'notebooks'))).toHaveLength(6);
  expect(existsSync(join(out, 'resume.json'))).toBe(false);
  expect(nothingLeft()).toBe(true);
});

test('Ctrl-C leaves a whole journal, a partial report and no kernel; --resume goes on where it stopped', async () => {
  const path = await notebook('slow.ipynb', ...Array(5).fill('import time; time.sleep(0.2)'));
  const args = ['--arms', 'control,fix', '--runs', '3', '--notebook', path, ...QUICK, '--out', out];
  const first = start(args);
  await first.said(/, b000-.*\n.*, b000-/);
  first.child.kill('SIGINT');
  const interrupted = await first.ended;
  expect(interrupted.code).toBe(130);
  expect(interrupted.stdout).toContain(`--resume ${out}`);
  expect(nothingLeft()).toBe(true);
  const partial = (await readJournal(out)).journal;
  expect(partial.runs.length).toBeGreaterThanOrEqual(2);
  expect(partial.runs.length).toBeLessThan(6);
  expect(partial.sessions.at(-1)).toMatchObject({ event: 'interrupted' });
  expect(existsSync(join(out, 'evidence.md'))).toBe(true);

  const resumed = await soak('--resume', out);
  expect(resumed.stderr).toBe('');
  expect(resumed.code).toBe(0);
  const { journal } = await readJournal(out);
  expect(journal.runs.map(({ run }) => run).sort()).toEqual(
    [0, 1, 2].flatMap((block) => [`b00${block}-control`, `b00${block}-fix`]),
  );
  // What was recorded before the interruption is untouched, byte for byte in meaning.
  expect(journal.runs.slice(0, partial.runs.length)).toEqual(partial.runs);
});

test('kill -9 of the harness leaves no kernel, child or folder, and --resume runs the abandoned run again', async () => {
  const path = await notebook(
    'children.ipynb',
    '1 + 1',
    'import subprocess; p = subprocess.Popen(["sleep", "300"]); import time; time.sleep(1.5)',
    'p.kill()',
  );
  const first = start(['--arms', 'control', '--runs', '3', '--notebook', path, ...QUICK, '--out', out]);
  await first.said(/, b000-/);
  const journalText = () => readFileSync(join(out, 'journal.jsonl'), 'utf8');
  await eventually('the second run has begun', () => journalText().includes('"begin","run":"b001'));
  await eventually('its kernel is there', () => kernelsLeft().length > 0);
  first.child.kill('SIGKILL');
  await first.ended;
  await eventually('kernels, children and folders are gone', nothingLeft);
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toMatch(/^sleep 300$/m);

  const resumed = await soak('--resume', out);
  expect(resumed.code).toBe(0);
  const { journal } = await readJournal(out);
  expect(journal.runs).toHaveLength(3);
  expect(journal.sessions[0]).toMatchObject({ event: 'resumed', abandoned: ['b001-control'] });
  expect(await readFile(join(out, 'evidence.md'), 'utf8')).toContain('b001-control');
});

test('--resume refuses a notebook that changed, and a finished experiment', async () => {
  const path = await notebook('changing.ipynb', ...Array(4).fill('import time; time.sleep(0.2)'));
  const first = start(['--arms', 'control', '--runs', '3', '--notebook', path, ...QUICK, '--out', out]);
  await first.said(/, b000-/);
  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(130);
  const original = await readFile(path, 'utf8');
  await notebook('changing.ipynb', '2 + 2');
  const changed = await soak('--resume', out);
  expect(changed.code).toBe(2);
  expect(changed.stderr).toMatch(/cannot go on: notebook changing\.ipynb: .* changed since/);
  await writeFile(path, original);
  expect((await soak('--resume', out)).code).toBe(0);
  const finished = await soak('--resume', out);
  expect(finished.code).toBe(2);
  expect(finished.stderr).toMatch(/has finished/);
});

test('an experiment file is run, flags before what it says; a word that is neither file nor command is refused', async () => {
  const path = await notebook('of-file.ipynb', '1 + 1');
  const file = join(folder.path, 'experiment.yaml');
  await writeFile(
    file,
    `arms: [control, fix]\nruns: 5\nnotebooks: of-file.ipynb\ntraffic: sequential\nseed: 3\n`,
  );
  const { code, stderr } = await soak('run', file, '--runs', '1', '--latency', 'none', '--out', out);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { journal } = await readJournal(out);
  expect(journal.runs).toHaveLength(2);
  expect(journal.experiment.protocol).toMatchObject({ seed: 3, blocks: 1, traffic: ['sequential'] });
  expect(journal.experiment.protocol.notebooks[0]?.name).toContain('of-file.ipynb');
  expect(path).toContain('of-file.ipynb');

  const mistyped = await soak('mechanismm');
  expect(mistyped.code).toBe(2);
  expect(mistyped.stderr).toMatch(/no command and no experiment file "mechanismm"[\s\S]*"mechanism"/);
  await writeFile(file, 'arms: [control, fixx]\nruns: 1\n');
  const refused = await soak('run', file, '--out', out);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/experiment\.yaml:1:17: arms: .*"fixx"/);
});

test('one arm alone is reported against p0, and against the control of an earlier report', async () => {
  const path = await notebook('tiny.ipynb', '1 + 1');
  const control = join(folder.path, 'baseline');
  expect(
    (await soak('--arms', 'control', '--runs', '2', '--notebook', path, ...QUICK, '--out', control)).code,
  ).toBe(0);
  const args = [
    '--arm',
    'fix',
    '--runs',
    '2',
    '--notebook',
    path,
    ...QUICK,
    '--p0',
    '0.3',
    '--baseline',
    control,
  ];
  const { code, stdout } = await soak(...args, '--out', out);
  expect(code).toBe(0);
  expect(stdout).toContain('0.49'); // 0.7 squared
  const evidence = await readFile(join(out, 'evidence.md'), 'utf8');
  expect(evidence).toMatch(/nothing was interleaved/i);
  expect(evidence).toContain('only the arm differs between the two');
  const elsewhere = join(folder.path, 'elsewhere');
  const other = ['--arm', 'fix', '--runs', '1', '--notebook', await notebook('other.ipynb', '2', '3')];
  const setting = ['--latency', 'fixed:1ms', '--launch', 'fork', '--baseline', control];
  const incomparable = await soak(...other, ...setting, '--out', elsewhere);
  expect(incomparable.code).toBe(0);
  expect(incomparable.stdout).toMatch(
    /Not comparable with the baseline, control[^:]*: notebook, length \(code cells\), traffic, latency and launch differ/,
  );
  expect(incomparable.stdout).not.toMatch(/Fisher/);
});

test('what a kernel or notebook does wrong is a counted outcome, never a crash', async () => {
  const noisy = await notebook(
    'noisy.ipynb',
    'import os; os.write(1, b"x" * 3_000_000); os.write(2, b"y" * 3_000_000)',
    'for i in range(3_000): print(i, flush=True)',
  );
  const raising = await notebook('raising.ipynb', '1 / 0');
  const exiting = await notebook('exiting.ipynb', 'import os; os._exit(3)');
  const busy = await notebook('busy.ipynb', 'while True: pass');
  const args = ['--arms', 'control', '--runs', '4', ...QUICK, '--timeout', '10', '--out', out];
  const { code, stderr } = await soak(
    ...args,
    ...[noisy, raising, exiting, busy].flatMap((path) => ['--notebook', path]),
  );
  expect(stderr).toBe('');
  const { journal } = await readJournal(out);
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual([
    'completed',
    'cell-error',
    'died',
    'busy',
  ]);
  expect(journal.runs[1]?.outcome.error?.ename).toBe('ZeroDivisionError');
  expect(journal.runs[2]?.outcome.exit?.code).toBe(3);
  expect(code).toBe(0);
  expect(nothingLeft()).toBe(true);
});

test('an experiment without a valid run is invalid', async () => {
  const raising = await notebook('raising.ipynb', '1 / 0');
  const { code, stdout } = await soak(
    '--arms',
    'control',
    '--runs',
    '1',
    ...QUICK,
    '--notebook',
    raising,
    '--out',
    out,
  );
  expect(code).toBe(3);
  expect(stdout).toMatch(/no valid run|no verdict/i);
});

test('bad input is refused with the value, the reason and the remedy, and without a stack trace', async () => {
  const unreadable = join(folder.path, 'unreadable.ipynb');
  await writeFile(unreadable, '{"cells": [');
  const text = join(folder.path, 'text.ipynb');
  await writeFile(
    text,
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: [{ cell_type: 'markdown', id: 'a', metadata: {}, source: 'words' }],
    }),
  );
  const old = join(folder.path, 'old.ipynb');
  await writeFile(old, JSON.stringify({ nbformat: 1, nbformat_minor: 0, cells: [] }));
  const misfit = join(folder.path, 'misfit');
  await mkdir(misfit, { recursive: true });
  const fix = join(packageRoot(), 'arms', 'fix');
  await copyFile(join(fix, 'arm.json'), join(misfit, 'arm.json'));
  const patch = await readFile(join(fix, 'change.patch'), 'utf8');
  await writeFile(
    join(misfit, 'change.patch'),
    patch.replace('self._shell_socket.send_multipart(msg)', 'self._other_socket.send(msg)'),
  );
  const occupied = join(folder.path, 'occupied');
  await mkdir(occupied, { recursive: true });
  await writeFile(join(occupied, 'notes.txt'), 'mine');
  const cases: [string[], number, RegExp][] = [
    [['--arm', 'fixx'], 2, /no arm named "fixx"[\s\S]*control[\s\S]*fix/],
    [['--arm', 'fix', '--arm', 'fix'], 2, /fix is given twice/],
    [
      ['--arm', misfit],
      2,
      /misfit does not apply to ipykernel 7\.3\.0: hunk \d of \d of ipykernel\/subshell_manager\.py/,
    ],
    [['--runs', '0'], 2, /--runs cannot be "0"/],
    [['--runs', '-3'], 2, /--runs cannot be "-3"/],
    [['--traffic', 'jam'], 2, /"jam"[\s\S]*widgets, sequential, overlap, pipeline/],
    [['--latency', 'soon'], 2, /"soon" is not a front-end latency/],
    [['--notebook', join(folder.path, 'absent.ipynb')], 2, /absent\.ipynb/],
    [['--notebook', unreadable], 2, /unreadable\.ipynb/],
    [['--notebook', text], 2, /text\.ipynb/],
    [['--notebook', old], 2, /old\.ipynb[\s\S]*nbconvert/],
    [['--python', join(folder.path, 'no-python')], 4, /no-python/],
    [['--env', folder.path], 4, /soak-test-/],
    [['--out', occupied, '--arms', 'control'], 2, /occupied is not empty/],
    [['--resume', folder.path], 2, /There is no journal at/],
    [['--baseline', folder.path], 2, /There is no journal at/],
    [['--no-such-option'], 2, /no-such-option/],
  ];
  for (const [args, exitCode, message] of cases) {
    const { code, stderr } = await soak(
      ...args,
      ...(args.includes('--out') ? [] : args.includes('--resume') ? [] : ['--out', out]),
    );
    expect({ args, stderr }).toEqual({ args, stderr: expect.stringMatching(message) as unknown });
    expect({ args, code }).toEqual({ args, code: exitCode });
    expect(stderr).not.toMatch(/^\s+at .*\(/m);
  }
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(occupied)).toEqual(['notes.txt']);
});

test('a report folder that holds another experiment is left alone', async () => {
  const path = await notebook('tiny.ipynb', '1 + 1');
  const args = ['--arms', 'control', '--runs', '1', '--notebook', path, ...QUICK, '--out', out];
  expect((await soak(...args)).code).toBe(0);
  const before = await readFile(join(out, 'journal.jsonl'), 'utf8');
  const again = await soak(...args);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/holds another experiment/);
  expect(await readFile(join(out, 'journal.jsonl'), 'utf8')).toBe(before);
});

test('ports in use are passed over', async () => {
  // The first ports that a process would try depend on its pid: occupy a broad band of them.
  const servers = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const one = createServer();
      one.listen(20_000 + index * 40, '127.0.0.1');
      // One that is taken already serves as well.
      await once(one, 'listening').catch(() => undefined);
      return one;
    }),
  );
  const path = await notebook('tiny.ipynb', '1 + 1');
  const { code } = await soak('--arms', 'control', '--runs', '5', '--notebook', path, ...QUICK, '--out', out);
  for (const one of servers) one.close();
  expect(code).toBe(0);
  expect((await readJournal(out)).journal.runs.every(({ outcome }) => outcome.kind === 'completed')).toBe(
    true,
  );
});

test('--help is worth reading', async () => {
  const { code, stdout } = await soak('run', '--help');
  expect(code).toBe(0);
  for (const word of [
    '--arm',
    '--runs',
    '--traffic',
    '--latency',
    '--until-decided',
    '--resume',
    'Examples',
    'Exit codes',
  ]) {
    expect(stdout).toContain(word);
  }
});

test('on ipykernel 7.3.0 control wedges, each wedge certified and revived by the re-arm, and fix does not', async () => {
  // At this latency control wedges in about four of five runs, and in far fewer on a machine that is overloaded:
  // there, none in eight was seen.
  let stdout = '';
  let wedged: RunRecord[] = [];
  for (let attempt = 0; attempt < 3 && wedged.length === 0; attempt += 1) {
    await rm(out, { recursive: true, force: true });
    const args = ['--arms', 'control,fix', '--runs', '8', '--latency', 'uniform:0-20ms', '--seed', '1'];
    const soaked = await soak(...args, '--out', out);
    expect(soaked.code).toBe(0);
    ({ stdout } = soaked);
    const { journal } = await readJournal(out);
    const of = (arm: string) => journal.runs.filter((run) => run.arm === arm);
    expect(of('fix').map(({ outcome }) => outcome.kind)).toEqual(Array(8).fill('completed'));
    wedged = of('control').filter(({ outcome }) => outcome.kind !== 'completed');
  }
  expect(wedged.length).toBeGreaterThan(0);
  for (const { outcome, client, kernel } of wedged) {
    expect(outcome).toMatchObject({ kind: 'wedged-stranded', source: 'kernel' });
    expect(outcome.observations).toMatchObject({ revivedByRearm: true });
    expect(outcome.waitedMs).toBeLessThan(5_000);
    expect(kernel?.delivered).toBeLessThan(client.sent);
  }
  expect(stdout).toContain('wedged-stranded');
  expect(await readFile(join(out, 'evidence.md'), 'utf8')).toMatch(
    /made the stream look for requests at 240 of 240 replies/,
  );
}, 360_000);

test('goes on and keeps everything when whoever reads its output leaves', async () => {
  const { child, ended, said } = start(['--arm', 'stream', '--runs', '3', '--prefix', '3', '--out', out]);
  await said(/, b000-/);
  child.stdout?.destroy();
  expect((await ended).code).toBe(0);
  expect((await readJournal(out)).journal.runs).toHaveLength(3);
});

test('--max-minutes begins no block after its time, and --resume goes on to the end', async () => {
  const args = ['--arms', 'control,stream', '--runs', '300', '--prefix', '2', '--seed', '3', '--out', out];
  const first = await soak(...args, '--max-minutes', '0.1');
  expect(first.code).toBe(0);
  expect(first.stdout).toContain('Go on with: npm run soak -- --resume');
  const { journal } = await readJournal(out);
  expect(journal.sessions.at(-1)).toMatchObject({ event: 'time-over' });
  expect(await readFile(join(out, 'evidence.md'), 'utf8')).toContain('Stopped by its time limit');
  // Whole blocks, and not all of them.
  expect(journal.runs.length % 2).toBe(0);
  expect(journal.runs.length).toBeGreaterThan(0);
  expect(journal.runs.length).toBeLessThan(600);
  const second = await soak('--resume', out, '--max-minutes', '0.1');
  expect(second.code).toBe(0);
  const runs = (await readJournal(out)).journal.runs.map(({ run }) => run);
  expect(runs.length).toBeGreaterThan(journal.runs.length);
  expect(new Set(runs).size).toBe(runs.length);
  for (const bad of ['0', '-1', 'soon']) {
    const refused = await soak('--arm', 'control', '--max-minutes', bad);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--max-minutes')]);
  }
});
