import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/real-experiment.ts';
import { runSoak, type Soaked } from '../../tools/testing/run-soak.ts';
import { readJournal } from '../journal/read.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';

// Kernels by their kernelspecs, as `soak run --kernel` takes them: real ones, started by what a kernel.json says.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const { python } = await ensureEnvironment({});
  const argv = [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
  await spec('plain', { argv, display_name: 'Plain', language: 'python' });
  await spec('quiet', { argv: [...argv, '--quiet'], display_name: 'Quiet', language: 'python' });
  await spec('offers', { argv, language: 'python', metadata: { supported_encryption: 'curve' } });
  await spec('dead', {
    argv: [python, '-c', 'raise SystemExit("no such luck")', '{connection_file}'],
    language: 'python',
  });
  await spec('other', { argv, display_name: 'Says R', language: 'R' });
}, 300_000);

afterAll(() => folder.remove());

async function spec(name: string, content: object): Promise<void> {
  const place = join(folder.path, 'kernels', name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'kernel.json'), JSON.stringify(content));
}

function soak(...args: readonly string[]): Promise<Soaked> {
  return runSoak(args, { JUPYTER_PATH: folder.path });
}

test('two kernels are compared as they are, and the protocol says which they are', async () => {
  const out = join(folder.path, 'out');
  const args = ['--kernel', 'plain', '--kernel', 'quiet', '--runs', '2', '--prefix', '3', '--out', out];
  const { code, stderr, stdout } = await soak(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^kernels: plain \(ipython \d[\d.]*, python\), quiet/);
  const { journal } = await readJournal(out);
  const { arms } = journal.experiment.protocol;
  expect(arms.map(({ name, role }) => [name, role])).toEqual([
    ['plain', 'control'],
    ['quiet', 'treatment'],
  ]);
  expect(stdout).toMatch(/Inconclusive for quiet: plain never wedged/);
  expect(arms.map(({ kernelspec }) => kernelspec)).toMatchObject([
    { name: 'plain', displayName: 'Plain', implementation: 'ipython', language: 'python' },
    { name: 'quiet', displayName: 'Quiet', implementation: 'ipython', language: 'python' },
  ]);
  expect(journal.runs.map(({ outcome, kernel }) => [outcome.kind, kernel])).toEqual(
    Array(4).fill(['completed', null]),
  );
  const evidence = await readFile(join(out, 'evidence.md'), 'utf8');
  expect(evidence).toMatch(/^# Kernel wedges by kernel, `plain` and `quiet`$/m);
  expect(evidence).toContain('started by their kernelspecs with nothing injected');
  expect(journal.experiment.command).toContain('--kernel plain --kernel quiet --runs 2');
  for (const name of ['plain', 'quiet']) {
    const probe = JSON.parse(await readFile(join(out, `probe-${name}.json`), 'utf8'));
    expect(probe).toMatchObject({ kernel: name, implementation: 'ipython', notReady: null });
    expect(await readFile(join(out, `probe-${name}.md`), 'utf8')).toContain(`### \`${name}\`, \`ipython`);
  }
});

test('a kernel is probed by its name, as a table, as JSON and as Markdown', async () => {
  const [table, json, markdown] = await Promise.all(
    [[], ['--json'], ['--markdown']].map((flags) => soak('kernels', '--probe', 'plain', ...flags)),
  );
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table?.stdout).toMatch(/^plain, ipython [\d.]+, python [\d.]+\n\nstart +answers after \d+ ms/);
  expect(JSON.parse(json?.stdout ?? '')).toMatchObject({ kernel: 'plain', controlInfo: { busy: true } });
  expect(markdown?.stdout).toMatch(/^\| cells behind an error +\| queued cells `aborted` and `aborted`; /m);
});

test('what cannot be probed is refused with the reason', async () => {
  const dead = await soak('kernels', '--probe', 'dead');
  expect(dead.stdout).toContain('the process ended before it answered');
  const unknown = await soak('kernels', '--probe', 'plian');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('plain');
  const list = await soak('kernels', '--markdown');
  expect(list.code).toBe(2);
  expect(list.stderr).toContain('--markdown needs --probe');
});

test('a kernel whose kernelspec offers it is encrypted, once it has shown that it is', async () => {
  const out = join(folder.path, 'encrypted');
  const args = ['--kernel', 'offers', '--runs', '1', '--prefix', '3', '--encrypt', '--out', out];
  const { code, stderr } = await soak(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { journal } = await readJournal(out);
  expect(journal.experiment.protocol.sockets).toEqual({ encryption: 'curve' });
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(['completed']);
}, 120_000);

test.each([
  ['a name that is none', ['--kernel', 'plian'], 2, /no kernelspec named "plian"/],
  [
    'a notebook of another language',
    ['--kernel', 'other'],
    2,
    /written in python, and the kernel other runs another: r/,
  ],
  [
    'a kernel that does not start',
    ['--kernel', 'dead'],
    4,
    /The kernel dead does not start[\s\S]*no such luck/,
  ],
  ['arms besides', ['--kernel', 'plain', '--arms', 'control'], 2, /--kernel plain cannot be used with --arms control/],
  ['a client besides', ['--kernel', 'plain', '--client', 'nbclient'], 2, /--kernel plain cannot be used with --client nbclient/],
  ['a kernel twice', ['--kernel', 'plain', '--kernel', 'plain'], 2, /plain is given twice/],
  [
    'encryption that its kernelspec does not offer',
    ['--kernel', 'plain', '--encrypt'],
    2,
    /kernelspec of plain does not say that its kernel offers it/,
  ],
  [
    'until it is decided, where there is nothing to compare',
    ['--kernel', 'plain', '--until-decided', '--max-runs', '200'],
    2,
    /--until-decided can never decide: plain is the only arm[\s\S]*--runs/,
  ],
  ['a server of our own', ['--kernel', 'plain', '--transport', 'server'], 2, /--kernel plain cannot be used with --transport server/],
])('is refused: %s', async (_what, args, exit, words) => {
  const { code, stderr } = await soak(
    ...args,
    ...(args.includes('--until-decided') ? [] : ['--runs', '1']),
    '--out',
    join(folder.path, 'refused'),
  );
  expect(code).toBe(exit);
  expect(stderr).toMatch(words);
});
