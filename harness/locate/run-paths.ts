import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { carryOutExperiment, type OpenDisplay } from '../experiment/carry-out.ts';
import { journalState, recordedSeed } from '../journal/state.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import type { RawOptions } from '../options/table.ts';
import { PATHS, type PathName } from './localisation.ts';

/**
 * Run the experiment of each path, in a folder named after the path. An experiment that has finished is left as it
 * is, and one that was interrupted is continued.
 *
 * @param options the same for all paths, except for the path itself; without a seed, all get the same random one
 * @returns the exit code of the first experiment that could not be carried out, else `done`
 */
export async function runPaths(
  out: string,
  options: ReadonlyMap<PathName, RawOptions<'run'>>,
  surroundings: RunSurroundings,
  openDisplay: OpenDisplay,
): Promise<ExitCode> {
  const drawn = (await recordedSeed(PATHS.map((path) => join(out, path)))) ?? String(randomInt(2 ** 31));
  for (const [path, raw] of options) {
    const folder = join(out, path);
    const state = await journalState(folder);
    if (state === 'finished') continue;
    surroundings.write(`\n${path}\n`);
    const given = state === 'begun' ? { resume: folder } : { seed: drawn, ...raw, out: folder };
    const code = await carryOutExperiment(
      { raw: given, said: async (work) => work() },
      surroundings,
      openDisplay,
    );
    // An arm without a valid run is a finding here.
    if (code !== EXIT_CODES.done && code !== EXIT_CODES.invalidExperiment) return code;
  }
  return EXIT_CODES.done;
}
