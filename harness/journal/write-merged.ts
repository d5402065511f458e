import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileWithDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { JournalRecord } from '../model/journal.ts';
import { makeFolder } from '../model/make-folder.ts';
import { writeWhole } from '../model/write-whole.ts';
import type { MergedJournal } from './merge.ts';
import { JOURNAL_FILE } from './read.ts';

const PIECE_CHARACTERS = 1 << 20;

/**
 * Write a merged journal into a folder that is new or empty. It appears whole or not at all.
 *
 * @throws SoakError `folder-not-empty`, `cannot-write`
 */
export async function writeMergedJournal(folder: string, merged: MergedJournal): Promise<void> {
  try {
    await fileWithDeadline('write-report', writeInto(folder, merged));
  } catch (error) {
    if (error instanceof SoakError) throw error;
    throw new SoakError(
      'cannot-write',
      `The folder ${folder} cannot be written: ${(error as Error).message}`,
      {
        remedy: 'Free space or choose another --out.',
        exitCode: EXIT_CODES.environment,
        cause: error,
      },
    );
  }
}

async function writeInto(folder: string, merged: MergedJournal): Promise<void> {
  await makeFolder(folder);
  const [found] = await readdir(folder);
  if (found !== undefined) {
    throw new SoakError('folder-not-empty', `The folder ${folder} is not empty (${found}).`, {
      remedy: 'Choose another --out: a merge never writes over what is there.',
    });
  }
  await writeWhole('write-report', join(folder, JOURNAL_FILE), pieces(merged));
}

/** The file's text: 100,000 runs are not held as one. */
function* pieces({ experiment, records }: MergedJournal): Iterable<string> {
  let piece = `${JSON.stringify(experiment)}\n`;
  const line = (record: JournalRecord) => `${JSON.stringify(record)}\n`;
  for (const record of records()) {
    piece += line(record);
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
