import { SoakError } from '../model/errors.ts';
import { readJournal } from './read.ts';

/** How far an experiment is that several calls of one command carry out: each folder is left, continued or begun. */
export async function journalState(folder: string): Promise<'absent' | 'begun' | 'finished'> {
  const read = await readJournal(folder).catch((error: unknown) => {
    if (error instanceof SoakError && error.code === 'no-journal') return null;
    throw error;
  });
  if (read === null) return 'absent';
  return read.journal.sessions.at(-1)?.event === 'finished' ? 'finished' : 'begun';
}

/** The seed of the first of these experiments that was begun: all are to have the same. `null`: none was. */
export async function recordedSeed(folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    if ((await journalState(folder)) === 'absent') continue;
    const { journal } = await readJournal(folder);
    return String(journal.experiment.protocol.seed);
  }
  return null;
}
