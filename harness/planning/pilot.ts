import { mean } from 'simple-statistics';
import { readJournal } from '../journal/read.ts';
import { SoakError } from '../model/errors.ts';

/** Mean seconds of a recorded run, kernel start included. @throws SoakError `bad-pilot` when no kernel started */
export async function pilotSeconds(folder: string): Promise<number> {
  const { journal } = await readJournal(folder);
  const seconds = journal.runs.flatMap(({ startMs, notebookMs }) =>
    startMs === null || notebookMs === null ? [] : [(startMs + notebookMs) / 1000],
  );
  if (seconds.length > 0) return mean(seconds);
  throw new SoakError('bad-pilot', `The report ${folder} has no run whose kernel started.`, {
    remedy: 'Give the folder of an experiment with a few runs, such as `soak --runs 3` writes.',
  });
}
