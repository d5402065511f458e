import { terminalText } from '../../model/clean-text.ts';
import { type OptionReference, SoakError } from '../../model/errors.ts';
import { type GivenOptions, kebabCase, overridden } from '../given.ts';
import type { ExperimentFile, Place } from './read.ts';

/**
 * Do what is made of a file's values. Where one of them is refused, the error says where it stands.
 *
 * @param flags options of the command line: what is refused of those is not the file's
 * @throws what `work` throws, a SoakError with `file:line:column` before it
 */
export async function saidWithPlace<Result>(
  file: ExperimentFile | null,
  flags: GivenOptions,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (file === null || !(error instanceof SoakError) || error.option === undefined) throw error;
    const used = overridden('run', file.values, flags);
    const place = placeOf(
      error.option,
      file.places.filter(({ attribute }) => attribute in used && flags[attribute] === undefined),
    );
    if (place === null) throw error;
    const where = `${terminalText(file.path, 300)}:${place.line}:${place.column}: ${place.key}`;
    const { code, message, remedy, exitCode, option } = error;
    throw new SoakError(code, `${where}: ${message}`, { remedy, exitCode, cause: error, option });
  }
}

/** Where the option's value stands: the value itself, else the first of the option's. */
function placeOf({ name, value }: OptionReference, places: readonly Place[]): Place | null {
  // --try makes the arms of an experiment.
  const own = places.filter(
    ({ attribute }) => kebabCase(attribute) === name || (name === 'arm' && attribute === 'try'),
  );
  return own.find((place) => place.value === value) ?? own[0] ?? null;
}
