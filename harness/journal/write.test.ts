import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import type { SessionRecord } from '../model/journal.ts';
import { packageRoot } from '../model/package-root.ts';
import { begunRun, experimentRecord, journalBytes } from './journal.fixture.ts';
import { JOURNAL_FILE, readJournal } from './read.ts';
import { JournalWriter } from './write.ts';

const SESSION: SessionRecord = {
  type: 'session',
  at: 'now',
  event: 'resumed',
  reason: 'test',
  abandoned: [],
};

let folder: string;
let journal: string;
let lock: string;

beforeEach(() => {
  folder = join(temporaryFolder(), 'report');
  journal = join(folder, JOURNAL_FILE);
  lock = join(folder, 'writer.lock');
});

async function finished(): Promise<void> {
  const writer = await JournalWriter.create(folder, experimentRecord());
  for (const record of [...begunRun(0, 'fix', 0), ...begunRun(0, 'control', 1)]) await writer.append(record);
  await writer.close();
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('what is written', () => {
  test('is what is read, and the folder then holds the journal alone', async () => {
    await finished();
    const records = [experimentRecord(), ...begunRun(0, 'fix', 0), ...begunRun(0, 'control', 1)];
    expect(readFileSync(journal).equals(journalBytes(records))).toBe(true);
    expect((await readJournal(folder)).journal.runs).toHaveLength(2);
    expect(readdirSync(folder)).toEqual([JOURNAL_FILE]);
  });

  test('keeps the order of calls that were not awaited', async () => {
    const writer = await JournalWriter.create(folder, experimentRecord());
    const records = Array.from({ length: 50 }, (_, block) => begunRun(block, 'fix')).flat();
    await Promise.all(records.map((record) => writer.append(record)));
    await writer.close();
    expect(readFileSync(journal).equals(journalBytes([experimentRecord(), ...records]))).toBe(true);
  });

  test('is on the file when append resolves', async () => {
    const writer = await JournalWriter.create(folder, experimentRecord());
    for (const record of begunRun(0, 'fix')) await writer.append(record);
    expect((await readJournal(folder)).journal.runs).toHaveLength(1);
    await writer.close();
  });

  test('is refused after close, as an error that a person can act on', async () => {
    const writer = await JournalWriter.create(folder, experimentRecord());
    await writer.close();
    const error = await soakErrorOf(() => writer.append(SESSION));
    expect(error.code).toBe('cannot-write');
    expect(error.message).toContain(folder);
  });
});

describe('resume', () => {
  test.each([0, 1, 2, 100, 101])(
    'with %i bytes of the last line kept cuts them off and goes on',
    async (kept) => {
      await finished();
      const whole = readFileSync(journal);
      const begun = journalBytes(begunRun(1, 'fix'));
      appendFileSync(journal, begun.subarray(0, kept));
      const { writer, text } = await JournalWriter.resume(folder);
      expect(text.journal.torn).toBe(kept > 0 && begun[kept - 1] !== 0x0a);
      await writer.append(SESSION);
      await writer.close();
      const expected = Buffer.concat([
        whole,
        begun.subarray(0, begun.subarray(0, kept).lastIndexOf('\n') + 1),
      ]);
      expect(readFileSync(journal).equals(Buffer.concat([expected, journalBytes([SESSION])]))).toBe(true);
      const { journal: read } = await readJournal(folder);
      expect(read.sessions).toEqual([SESSION]);
      expect(read.torn).toBe(false);
    },
  );

  test('of a folder without a journal leaves nothing there', async () => {
    const empty = temporaryFolder();
    expect((await soakErrorOf(() => JournalWriter.resume(empty))).code).toBe('no-journal');
    expect(readdirSync(empty)).toEqual([]);
  });

  test('of a damaged journal changes nothing and leaves no lock', async () => {
    await finished();
    appendFileSync(journal, 'not a record\n');
    const before = readFileSync(journal);
    expect((await soakErrorOf(() => JournalWriter.resume(folder))).code).toBe('bad-journal');
    expect(readFileSync(journal).equals(before)).toBe(true);
    expect(existsSync(lock)).toBe(false);
  });
});

describe('a folder', () => {
  test('that holds an experiment or anything else is refused and left as it is', async () => {
    await finished();
    const error = await soakErrorOf(() => JournalWriter.create(folder, experimentRecord()));
    expect(error.code).toBe('folder-not-empty');
    expect(error.message).toContain('holds another experiment');
    expect(error.remedy).toContain(`--resume ${folder}`);
    const other = temporaryFolder();
    writeFileSync(join(other, 'thesis.tex'), '');
    expect((await soakErrorOf(() => JournalWriter.create(other, experimentRecord()))).message).toContain(
      'thesis.tex',
    );
    expect(readdirSync(other)).toEqual(['thesis.tex']);
  });

  test('that is a file cannot be written', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect((await soakErrorOf(() => JournalWriter.create(file, experimentRecord()))).code).toBe(
      'cannot-write',
    );
  });

  test('has one writer at a time in a process', async () => {
    const writer = await JournalWriter.create(folder, experimentRecord());
    const error = await soakErrorOf(() => JournalWriter.resume(folder));
    expect(error.code).toBe('folder-in-use');
    expect(error.message).toContain(String(process.pid));
    await writer.close();
    await (await JournalWriter.resume(folder)).writer.close();
  });

  test('has one writer at a time among processes', async () => {
    await finished();
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(other, 'spawn');
    writeFileSync(lock, String(other.pid));
    const error = await soakErrorOf(() => JournalWriter.resume(folder));
    expect(error.code).toBe('folder-in-use');
    expect(error.message).toContain(String(other.pid));
    expect(error.remedy).toContain(lock);
    expect(existsSync(lock)).toBe(true);
    const exited = once(other, 'exit');
    other.kill('SIGKILL');
    await exited;
    await (await JournalWriter.resume(folder)).writer.close();
  });

  test.each([
    ['of a process that has ended', async () => String(await deadPid())],
    ['of a process that had our id, in a container before', () => String(process.pid)],
    ['whose writer ended before it had signed it', () => ''],
    ['that was damaged', () => 'x'.repeat(10)],
    ['of no process that there can be', () => '99999999999999999999'],
  ])('is taken over from a lock %s', async (_what, content) => {
    await finished();
    writeFileSync(lock, await content());
    const { writer } = await JournalWriter.resume(folder);
    expect(readFileSync(lock, 'utf8')).toBe(String(process.pid));
    await writer.close();
    expect(readdirSync(folder)).toEqual([JOURNAL_FILE]);
  });
});

// Windows has no limit on the size of a process's files.
test.skipIf(process.platform === 'win32')(
  'a disk that is full in the middle of a line costs that record and nothing else',
  async () => {
    const fixture = fileURLToPath(new URL('./full-disk.fixture.ts', import.meta.url));
    const limit = 'ulimit -f 16; exec "$@"';
    const stdout = execFileSync(
      'bash',
      ['-c', limit, 'bash', process.execPath, '--import', 'tsx', fixture, folder],
      { cwd: packageRoot(), encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
    );
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ code: 'cannot-write', exitCode: 4 });
    expect(told.written).toBeGreaterThan(2);
    const { journal: read } = await readJournal(folder);
    expect(read.runs).toHaveLength(told.written);
    expect(read.torn).toBe(false);
    expect(read.sessions).toHaveLength(told.ended ? 1 : 0);
    expect(statSync(journal).size).toBeLessThanOrEqual(16 * 1024);
    expect(readdirSync(folder)).toEqual([JOURNAL_FILE]);
  },
);
