import { type FileHandle, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { ExperimentRecord, JournalRecord } from '../model/journal.ts';
import { JOURNAL_FILE, type JournalText, readJournal } from './read.ts';

const LOCK_FILE = 'writer.lock';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function takeLock(folder: string): Promise<void> {
  const path = join(folder, LOCK_FILE);
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
    if (holder > 0 && holder !== process.pid && isAlive(holder)) {
      throw new SoakError(
        'folder-in-use',
        `The report folder ${folder} is being written by process ${holder}.`,
        {
          remedy: 'Wait for it to end, or choose another --out.',
        },
      );
    }
    await rm(path, { force: true });
  }
}

function unwritable(folder: string, error: unknown): SoakError {
  if (error instanceof SoakError) return error;
  return new SoakError(
    'cannot-write',
    `The report folder ${folder} cannot be written: ${(error as Error).message}`,
    {
      remedy: 'Free space or choose another --out. What is recorded already stays; go on with --resume.',
      exitCode: EXIT_CODES.environment,
      cause: error,
    },
  );
}

/** Appends records, one line each; a run's line is on the disk before the next run's outcome can matter. */
export class JournalWriter {
  readonly folder: string;
  readonly #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string, file: FileHandle) {
    this.folder = folder;
    this.#file = file;
  }

  /**
   * Begin a journal in a folder that holds no other.
   *
   * @throws SoakError `folder-not-empty`, `folder-in-use`, `cannot-write`
   */
  static async create(folder: string, experiment: ExperimentRecord): Promise<JournalWriter> {
    try {
      await mkdir(folder, { recursive: true });
      const found = (await readdir(folder)).filter((name) => name !== LOCK_FILE);
      if (found.length > 0) {
        const other = found.includes(JOURNAL_FILE)
          ? 'holds another experiment'
          : `is not empty (${found[0]})`;
        throw new SoakError('folder-not-empty', `The report folder ${folder} ${other}.`, {
          remedy: `Choose another --out, or go on with that experiment: --resume ${folder}.`,
        });
      }
      await takeLock(folder);
      const writer = new JournalWriter(folder, await open(join(folder, JOURNAL_FILE), 'ax'));
      await writer.append(experiment);
      return writer;
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /**
   * Go on with a journal: a torn last line is cut off first, since it was never acknowledged.
   *
   * @throws SoakError `no-journal`, `bad-journal`, `folder-in-use`, `cannot-write`
   */
  static async resume(folder: string): Promise<{ writer: JournalWriter; text: JournalText }> {
    // Read before the lock: a folder without a journal must not get a lock file.
    await readJournal(folder);
    try {
      await takeLock(folder);
      const text = await readJournal(folder);
      const path = join(folder, JOURNAL_FILE);
      if (text.journal.torn) await truncate(path, text.wholeBytes);
      return { writer: new JournalWriter(folder, await open(path, 'a')), text };
    } catch (error) {
      throw unwritable(folder, error);
    }
  }

  /** Append one record, in call order. A begin may still be in the page cache; anything else is on the disk. */
  append(record: JournalRecord): Promise<void> {
    const line = `${JSON.stringify(record)}\n`;
    const written = this.#writing.then(async () => {
      await this.#file.appendFile(line);
      if (record.type !== 'begin') await this.#file.datasync();
    });
    // The next append must not be refused for this one's failure, which its own caller is told of.
    this.#writing = written.catch(() => {});
    return written.catch((error: unknown) => {
      throw unwritable(this.folder, error);
    });
  }

  /** Close the file and give the folder free. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    await rm(join(this.folder, LOCK_FILE), { force: true });
  }
}
