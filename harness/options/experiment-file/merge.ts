import { terminalText } from '../../model/clean-text.ts';
import { SoakError } from '../../model/errors.ts';
import type { ExperimentFile, OptionValues, Place } from './read.ts';

/** What a flag sets aside of a file besides its own key: two ways to say one thing. */
const SETS_ASIDE: Readonly<Record<string, readonly string[]>> = {
  arms: ['arm', 'kernel'],
  try: ['arm', 'kernel'],
  arm: ['try', 'kernel'],
  kernel: ['arm', 'try', 'client', 'clientTimeout', 'env', 'python'],
  runs: ['untilDecided', 'maxRuns'],
  untilDecided: ['runs'],
  maxRuns: ['runs'],
  tuned: ['traffic', 'latency', 'prefix', 'notebook'],
  python: ['env'],
  env: ['python'],
  // Another front end than the file's own is described by that program alone.
  client: [
    'traffic',
    'latency',
    'prefix',
    'tuned',
    'pipelineDepth',
    'autopsy',
    'transport',
    'serverUrl',
    'launch',
  ],
  transport: ['client', 'clientTimeout', 'serverUrl', 'launch'],
  serverUrl: ['client', 'clientTimeout', 'transport', 'launch'],
  launch: ['client', 'clientTimeout', 'transport', 'serverUrl', 'kernel'],
};

/** The options of a file with those of the command line, which win. */
export function overridden(file: OptionValues, flags: OptionValues): OptionValues {
  const aside = new Set(Object.keys(flags).flatMap((flag) => SETS_ASIDE[flag] ?? []));
  const kept = Object.entries(file).filter(([attribute]) => !aside.has(attribute));
  return { ...Object.fromEntries(kept), ...flags };
}

/**
 * Do what is made of a file's values, and where one of them is refused say where it stands.
 *
 * @param flags options of the command line: what is refused of those is not the file's
 * @throws what `work` throws, a SoakError with `file:line:column` before it
 */
export async function saidWithPlace<Result>(
  file: ExperimentFile | null,
  flags: OptionValues,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (file === null || !(error instanceof SoakError)) throw error;
    const aside = new Set([
      ...Object.keys(flags),
      ...Object.keys(flags).flatMap((flag) => SETS_ASIDE[flag] ?? []),
    ]);
    const place = placeOf(
      error.message,
      file.places.filter(({ attribute }) => !aside.has(attribute)),
    );
    if (place === null) throw error;
    const where = `${terminalText(file.path, 300)}:${place.line}:${place.column}: ${place.key}`;
    throw new SoakError(error.code, `${where}: ${error.message}`, {
      remedy: error.remedy,
      exitCode: error.exitCode,
      cause: error,
    });
  }
}

/** The value that a message is about: the one whose flag it begins with, else the longest that it names. */
function placeOf(message: string, places: readonly Place[]): Place | null {
  const flag = /^--([a-z0-9][a-z0-9-]*)/.exec(message)?.[1];
  const named = places
    .filter(({ value }) => value !== null && mentions(message, value))
    .sort((a, b) => (b.value?.length ?? 0) - (a.value?.length ?? 0));
  const byFlag = places.filter(({ key }) => key === flag || key === `${flag}s`);
  return named.find((place) => byFlag.includes(place)) ?? byFlag[0] ?? named[0] ?? null;
}

/** As a word of its own: `fix` is not named by "prefix", and one digit is not named by any number. */
function mentions(message: string, value: string): boolean {
  if (value.length < 2) return false;
  for (let index = message.indexOf(value); index >= 0; index = message.indexOf(value, index + 1)) {
    const before = message[index - 1] ?? ' ';
    const after = message.slice(index + value.length).replace(/^[.,:]+(?=\s|$)/, '')[0] ?? ' ';
    if (!/[\w.-]/.test(before) && !/[\w.-]/.test(after)) return true;
  }
  return false;
}
