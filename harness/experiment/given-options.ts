import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { readJournal } from '../journal/read.ts';
import { about } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { assertResumedAlone, keptOptions } from '../options/kept-options.ts';
import { parsedRunOptions, type RunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { tunedOptions } from './tuned.ts';

/** Options allowed beside `--resume`: they change the call, not the experiment. */
const BESIDE_RESUME = ['resume', 'failOn', 'maxMinutes'];

/** The options of a new experiment. @throws SoakError `bad-option`, `bad-tuning`, `tuned-notebook` */
export async function freshOptions(raw: RawOptions<'run'>): Promise<RunOptions> {
  const notebook = join(packageRoot(), 'notebooks', 'widgets.ipynb');
  const options = parsedRunOptions(raw, notebook, () => randomInt(2 ** 31));
  const { tuned } = options;
  if (tuned === null) return options;
  return about({ name: 'tuned' }, () => tunedOptions(options, tuned, raw.notebook?.[0] ?? null));
}

/** The options with which an experiment was started. @throws SoakError `bad-option`, `cannot-resume` */
export async function resumedOptions(raw: RawOptions<'run'>): Promise<RunOptions> {
  const folder = raw.resume ?? '';
  assertResumedAlone(
    Object.keys(raw).filter((key) => !BESIDE_RESUME.includes(key)),
    { name: 'experiment', folder },
  );
  const { journal } = await readJournal(folder);
  const kept = await keptOptions('run', {
    name: 'experiment',
    folder,
    hasFinished: journal.sessions.at(-1)?.event === 'finished',
    remedy: `Read its evidence.md (soak report ${folder} writes it anew), or begin a new experiment: soak plan --pilot ${folder} says how many runs it needs. Runs cannot be added to one that has finished (docs/statistics.md, "May I add runs?").`,
  });
  return freshOptions(kept);
}
