import {
  type FileHandle,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeadlinePassed, fileWithDeadline, withDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { ExperimentRecord, JournalRecord } from '../model/journal.ts';
import { makeFolder } from '../model/make-folder.ts';
import { JOURNAL_FILE, type JournalText, readJournal } from './read.ts';

const LOCK_FILE = 'writer.lock';
// Much longer than a writer needs between making its lock and writing its id into it.
const UNSIGNED_LOCK_MS = 1_000;
const LOCK_POLL_MS = 20;

/** Folders that this process writes. Its own id in a lock does not show that: a restarted container has the same id. */
const writtenHere = new Set<string>();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(folder: string, holder: number): SoakError {
  return new SoakError(
    'folder-in-use',
    `The report folder ${folder} is being written by process ${holder}.`,
    {
      remedy: `Wait for it to end, or choose another --out. If that process is not kernel-soak, remove ${join(folder, LOCK_FILE)}.`,
    },
  );
}

async function takeLock(folder: string): Promise<void> {
  let isOver = false;
  try {
    await fileWithDeadline(
      'take-lock',
      lockTaken(folder, () => isOver),
    );
  } finally {
    isOver = true;
  }
}

async function lockTaken(folder: string, isOver: () => boolean): Promise<void> {
  const path = join(folder, LOCK_FILE);
  if (writtenHere.has(resolve(folder))) throw inUse(folder, process.pid);
  let unsignedUntilMs: number | null = null;
  while (!isOver()) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      if (isOver()) await rm(path, { force: true });
      if (isOver()) return;
      writtenHere.add(resolve(folder));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = await lockText(path).catch(() => null);
    if (text === null) {
      // Either it was just released, or it cannot be read, and will not be the next time.
      await delay(LOCK_POLL_MS);
      continue;
    }
    const holder = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    if (holder > 0 && holder !== process.pid && isAlive(holder)) throw inUse(folder, holder);
    if (text === '') {
      unsignedUntilMs ??= performance.now() + UNSIGNED_LOCK_MS;
      if (performance.now() < unsignedUntilMs) {
        await delay(LOCK_POLL_MS);
        continue;
      }
    }
    await removeStaleLock(path, text);
  }
}

/** `null` of what is no file, such as a pipe, which would never be read to its end. */
async function lockText(path: string): Promise<string | null> {
  return (await stat(path)).isFile() ? readFile(path, 'utf8') : null;
}

/** Remove a dead writer's lock, unless another writer has just put its own in its place. */
async function removeStaleLock(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Moving is atomic and reading is not: the moved lock may be newer than the one that was read.
  if ((await readFile(aside, 'utf8')) === text) await rm(aside, { force: true });
  else await rename(aside, path);
}

async function releaseLock(folder: string): Promise<void> {
  writtenHere.delete(resolve(folder));
  await fileWithDeadline('close-journal', rm(join(folder, LOCK_FILE), { force: true }));
}

/** A file-system error of a report folder as a SoakError. */
export function unwritable(folder: string, error: unknown): SoakError {
  if (error instanceof SoakError) return error;
  return new SoakError(
    'cannot-write',
    `The report folder ${folder} cannot be written: ${(error as Error).message}`,
    {
      remedy: 'Free space, or choose another --out. Recorded runs are kept: continue with --resume.',
      exitCode: EXIT_CODES.environment,
      cause: error,
    },
  );
}

/** What every journal's records have in common. */
interface Entry {
  readonly type: string;
}

/** Where a journal's whole lines end, and whether a torn one follows. */
interface Extent {
  readonly wholeBytes: number;
  readonly journal: { readonly torn: boolean };
}

/** A kind of journal: the name of its file, and what reads it. */
export interface JournalKind<Text extends Extent> {
  readonly file: string;
  readonly read: (folder: string) => Promise<Text>;
}

const EXPERIMENT: JournalKind<JournalText> = { file: JOURNAL_FILE, read: readJournal };

/** Appends records, one line each. A run's line is on the disk before the next run's outcome can matter. */
export class JournalWriter<Written extends Entry = JournalRecord> {
  readonly folder: string;
  readonly #path: string;
  readonly #file: FileHandle;
  /** Where the last whole line ends. */
  #wholeBytes: number;
  /** Bytes of a line that was cut short may follow it. */
  #torn = false;
  #writing: Promise<void> = Promise.resolve();
  /** Set when a record was not written in time. It may still be written, so that nothing may follow it. */
  #stuck: DeadlinePassed | null = null;

  private constructor(folder: string, name: string, file: FileHandle, wholeBytes: number) {
    this.folder = folder;
    this.#path = join(folder, name);
    this.#file = file;
    this.#wholeBytes = wholeBytes;
  }

  /**
   * Begin a journal in a folder that holds no other.
   *
   * @param beside further files by name, which are on the disk before the journal's first line
   * @throws SoakError `folder-not-empty`, `folder-in-use`, `cannot-write`
   */
  static create(
    folder: string,
    experiment: ExperimentRecord,
    beside: Readonly<Record<string, string>> = {},
  ): Promise<JournalWriter> {
    return JournalWriter.createAs<JournalRecord>(EXPERIMENT.file, folder, experiment, beside);
  }

  /** The same for another kind of journal. */
  static async createAs<Written extends Entry>(
    name: string,
    folder: string,
    first: Written,
    beside: Readonly<Record<string, string>> = {},
  ): Promise<JournalWriter<Written>> {
    try {
      await fileWithDeadline('open-journal', makeFolder(folder));
      return await withLock(folder, async () => {
        const file = await openFile(beginFile(folder, name, beside));
        const writer = new JournalWriter<Written>(folder, name, file, 0);
        await writer.append(first).catch(async (error: unknown) => {
          await file.close();
          throw error;
        });
        return writer;
      });
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /**
   * Continue a journal. A torn last line is cut off first, since it was never acknowledged.
   *
   * @throws SoakError `no-journal`, `bad-journal`, `folder-in-use`, `cannot-write`
   */
  static resume(folder: string): Promise<{ writer: JournalWriter; text: JournalText }> {
    return JournalWriter.resumeAs<JournalRecord, JournalText>(EXPERIMENT, folder);
  }

  /** The same for another kind of journal. */
  static async resumeAs<Written extends Entry, Text extends Extent>(
    kind: JournalKind<Text>,
    folder: string,
  ): Promise<{ writer: JournalWriter<Written>; text: Text }> {
    // Read before the lock: a folder without a journal must not get a lock file.
    await kind.read(folder);
    try {
      return await withLock(folder, async () => {
        const text = await kind.read(folder);
        const file = await openFile(open(join(folder, kind.file), 'a'));
        const writer = new JournalWriter<Written>(folder, kind.file, file, text.wholeBytes);
        writer.#torn = text.journal.torn;
        await writer.#cutTorn();
        return { writer, text };
      });
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /**
   * Append one record, in call order. A begin may still be in the page cache; every other record is on the disk. A record
   * that could not be written whole leaves nothing behind: the next one begins on a new line.
   *
   * @throws SoakError `cannot-write`; the writer can still be used. DeadlinePassed; it cannot
   */
  append(record: Written): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    const written = this.#writing.then(async () => {
      if (this.#stuck !== null) throw this.#stuck;
      await fileWithDeadline('append-journal', this.#write(line, record.type !== 'begin')).catch(
        (error: unknown) => {
          if (error instanceof DeadlinePassed) this.#stuck = error;
          throw error;
        },
      );
    });
    // This failure goes to its own caller, and must not make the next append fail.
    this.#writing = written.catch(() => {});
    return written.catch((error: unknown) => {
      throw unwritable(this.folder, error);
    });
  }

  /** Close the file and release the folder. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#stuck !== null) {
      // Closing would wait for the stuck write. The lock stays: the record may still be written.
      this.#file.close().catch(() => {});
      return;
    }
    try {
      await fileWithDeadline('close-journal', this.#cutTorn());
    } finally {
      await fileWithDeadline('close-journal', this.#file.close());
      await releaseLock(this.folder);
    }
  }

  async #write(line: Buffer, isSynced: boolean): Promise<void> {
    await this.#cutTorn();
    this.#torn = true;
    await this.#file.appendFile(line);
    this.#wholeBytes += line.length;
    this.#torn = false;
    if (isSynced) await this.#file.datasync();
  }

  /** Cut off what a failed write left. Another line after it would make the whole journal unreadable. */
  async #cutTorn(): Promise<void> {
    if (!this.#torn) return;
    // By its path: on Windows a handle that may only append cannot cut a file.
    await truncate(this.#path, this.#wholeBytes);
    this.#torn = false;
  }
}

/**
 * Whether a journal can begin here: the folder is empty, or holds only what a journal leaves that was killed before its
 * first line was whole.
 *
 * @throws SoakError `folder-not-empty`
 */
async function assertUnused(folder: string, name: string, beside: readonly string[]): Promise<void> {
  const found = (await readdir(folder)).filter((each) => each !== LOCK_FILE);
  const isBegun = found.includes(name) && (await readFile(join(folder, name))).includes('\n');
  const other = found.find((each) => each !== name && !beside.includes(each));
  if (!isBegun && other === undefined) return;
  throw new SoakError(
    'folder-not-empty',
    `The report folder ${folder} ${isBegun ? 'holds another experiment' : `is not empty (${other})`}.`,
    { remedy: `Choose another --out, or continue that experiment with --resume ${folder}.` },
  );
}

/** A journal's file. If it opens too late, it is closed again. */
function openFile(file: Promise<FileHandle>): Promise<FileHandle> {
  return withDeadline('open-journal', file, { isFile: true, onLate: (late) => void late.close() });
}

/** A new journal's file, written after the files beside it. @throws SoakError `folder-not-empty` */
async function beginFile(
  folder: string,
  name: string,
  beside: Readonly<Record<string, string>>,
): Promise<FileHandle> {
  await assertUnused(folder, name, Object.keys(beside));
  for (const [other, text] of Object.entries(beside)) {
    await writeFile(join(folder, other), text, { mode: 0o600, flush: true });
  }
  await rm(join(folder, name), { force: true }); // whoever began it ended before its first line was whole
  return open(join(folder, name), 'ax');
}

/** The lock stays with the result of `begin`, and is released if `begin` fails. */
async function withLock<T>(folder: string, begin: () => Promise<T>): Promise<T> {
  await takeLock(folder);
  try {
    return await begin();
  } catch (error) {
    await releaseLock(folder);
    throw error;
  }
}
