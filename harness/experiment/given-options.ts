import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { readJournal } from '../journal/read.ts';
import { packageRoot } from '../model/package-root.ts';
import { assertResumedAlone, keptOptions } from '../options/kept-options.ts';
import {
  parsedRunOptions,
  type RawRunOptions,
  type RunOptions,
  runOptionsSchema,
} from '../options/run-options.ts';
import { tunedOptions } from './tuned.ts';

/** What `soak run` was given, options of the call included. */
export interface RawRunCommand extends RawRunOptions {
  readonly out?: string;
  readonly resume?: string;
  readonly failOn?: string;
  readonly maxMinutes?: string;
}

export async function freshOptions(raw: RawRunOptions): Promise<RunOptions> {
  const notebook = join(packageRoot(), 'notebooks', 'widgets.ipynb');
  const options = parsedRunOptions(raw, notebook, () => randomInt(2 ** 31));
  return options.tuned === null ? options : tunedOptions(options, options.tuned, raw.notebook?.[0] ?? null);
}

export async function resumedOptions(raw: RawRunCommand): Promise<RunOptions> {
  const folder = raw.resume ?? '';
  const beside = ['resume', 'failOn', 'maxMinutes'];
  assertResumedAlone(
    Object.keys(raw).filter((key) => !beside.includes(key)),
    'experiment',
  );
  const { journal } = await readJournal(folder);
  return keptOptions(runOptionsSchema, {
    name: 'experiment',
    folder,
    hasFinished: journal.sessions.at(-1)?.event === 'finished',
    remedy: `Read its evidence.md (soak report ${folder} writes it anew), or begin a new experiment.`,
  });
}
