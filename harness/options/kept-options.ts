import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fileWithDeadline } from '../model/deadlines.ts';
import { SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import { shellWord } from '../model/shell-word.ts';
import { kebabCase, parsedOptions } from './given.ts';
import type { CommandName } from './row.ts';
import type { RawOptions } from './table.ts';

/** What an unfinished experiment or bisect is made from; removed when it has finished, since it may hold private paths. */
export const RESUME_FILE = 'resume.json';

/** Whose options were kept, for what is said of them. */
export interface Resumable {
  readonly name: 'experiment' | 'bisect';
  readonly folder: string;
  readonly hasFinished: boolean;
  /** What to do with one that has finished. */
  readonly remedy: string;
}

/**
 * Refuse what is given beside `--resume`.
 *
 * @param given names of the options, as commander has them
 * @param folder that is resumed
 * @throws SoakError `bad-option`
 */
export function assertResumedAlone(
  given: readonly string[],
  { name, folder }: Pick<Resumable, 'name' | 'folder'>,
): void {
  const [first] = given;
  if (first === undefined) return;
  if (name === 'experiment') assertNoRunsAdded(given, folder);
  throw new SoakError(
    'bad-option',
    `--resume goes on with a frozen protocol, which --${kebabCase(first)} would change.`,
    {
      remedy: `Give --resume alone, or begin a new ${name}.`,
    },
  );
}

/** Options that set how many runs there are. */
const SIZES = ['runs', 'maxRuns', 'untilDecided'];

/** More runs are asked for so often that the answer is more than a refusal (docs/statistics.md#may-i-add-runs). */
function assertNoRunsAdded(given: readonly string[], folder: string): void {
  const size = given.find((each) => SIZES.includes(each));
  if (size === undefined) return;
  throw new SoakError(
    'bad-option',
    `--resume finishes the runs that were planned, and --${kebabCase(size)} would change how many. Their number was fixed before the first run: whoever adds runs after a look at the result finds a difference that is not there more often than α says.`,
    {
      remedy: `To finish what was planned, give --resume ${shellWord(folder)} alone. For more runs, begin a new experiment: soak plan --pilot ${shellWord(folder)} says how many it needs, and with --until-decided it may look after every block. What else is allowed: docs/statistics.md, "May I add runs?".`,
      option: { name: kebabCase(size) },
    },
  );
}

const keptSchema = z.record(z.string(), z.union([z.string(), z.array(z.string()), z.boolean()]));

/** The options that it was begun with, as given then. @throws SoakError `cannot-resume`; DeadlinePassed */
export async function keptOptions<Command extends CommandName>(
  command: Command,
  { name, folder, hasFinished, remedy }: Resumable,
): Promise<RawOptions<Command>> {
  const path = join(folder, RESUME_FILE);
  const refused = (why: string, how: string, cause: unknown) =>
    new SoakError('cannot-resume', why, { remedy: how, cause });
  const text = await readInput(path)
    .then(String)
    .catch((error: unknown) => {
      if (hasFinished) throw refused(`The ${name} in ${folder} has finished.`, remedy, error);
      throw refused(`${path} cannot be read.`, `Begin a new ${name}.`, error);
    });
  try {
    const kept = keptSchema.parse(JSON.parse(text)) as RawOptions<Command>;
    parsedOptions(command, kept);
    return kept;
  } catch (error) {
    throw refused(
      `${path} was changed or cut short: it is not what this version writes.`,
      `Begin a new ${name}; soak report ${folder} shows what was recorded.`,
      error,
    );
  }
}

/** Forget them: it has finished. @throws DeadlinePassed */
export function forgetOptions(folder: string): Promise<void> {
  return fileWithDeadline('close-journal', rm(join(folder, RESUME_FILE), { force: true }));
}
