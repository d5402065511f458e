import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import { temporaryFolder } from '../testing/real-experiment.ts';
import { runSoak } from '../testing/run-soak.ts';

// `soak run --encrypt --ipc` from end to end: on Windows, without the second.
const FLAGS = process.platform === 'win32' ? ['--encrypt'] : ['--encrypt', '--ipc'];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let temporary: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  temporary = join(folder.path, 't');
  await mkdir(temporary);
});

afterAll(() => folder.remove());

const soak = (...args: string[]) => runSoak(args, { TMPDIR: temporary, TEMP: temporary, TMP: temporary });

test('an experiment is resumed as it was begun, says so in its evidence, and leaves nothing', async () => {
  const out = join(folder.path, 'out');
  const size = ['--arms', 'fix', '--runs', '3', '--prefix', '3'];
  const first = await soak(...size, ...FLAGS, '--max-minutes', '0.01', '--out', out);
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
  const way = FLAGS.includes('--ipc') ? ', over Unix sockets' : '';
  expect(first.stdout).toContain(`traffic, encrypted${way}, seed`);
  const second = await soak('--resume', out);
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' });
  const { journal } = await readJournal(out);
  expect(journal.experiment.protocol.sockets).toEqual({
    encryption: 'curve',
    ...(FLAGS.includes('--ipc') ? { transport: 'ipc' } : {}),
  });
  expect(journal.experiment.command).toContain(FLAGS.join(' '));
  expect(journal.sessions.map(({ event }) => event)).toContain('resumed');
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(Array(3).fill('completed'));
  expect(await readFile(join(out, 'evidence.md'), 'utf8')).toContain('CurveZMQ encrypts all five channels');
  expect((await soak('verify', out)).code).toBe(0);
  expect((await readdir(temporary)).filter((name) => name.startsWith('soak-'))).toEqual([]);
}, 120_000);

test.skipIf(process.platform === 'win32')(
  'a folder with no room for a socket is said before anything is run',
  async () => {
    const long = join(folder.path, 'x'.repeat(90));
    await mkdir(long);
    const { code, stderr } = await runSoak(
      ['--arms', 'control', '--runs', '1', '--ipc', '--out', join(folder.path, 'refused')],
      { TMPDIR: long },
    );
    expect(code).toBe(4);
    expect(stderr).toMatch(/--ipc needs a socket at .*Set TMPDIR to a shorter folder/s);
    expect((await readdir(long)).filter((name) => name.startsWith('soak-'))).toEqual([]);
  },
);
