import { SoakError } from '../model/errors.ts';

/** Wedged runs among the valid runs of one arm: `0 ≤ wedged ≤ runs`, both whole. */
export interface Count {
  readonly wedged: number;
  readonly runs: number;
}

/** `[lower, upper]`, `lower ≤ upper`. */
export type Interval = readonly [number, number];

/** Observed share of wedged runs, 0 to 1; `null` when there is no run. */
export function rate(count: Count): number | null {
  return count.runs === 0 ? null : count.wedged / count.runs;
}

/**
 * Rejects a count that is not two whole numbers with `0 ≤ wedged ≤ runs`. Such a count is the caller's
 * mistake.
 */
export function assertCount({ wedged, runs }: Count): void {
  if (!(Number.isSafeInteger(wedged) && Number.isSafeInteger(runs) && wedged >= 0 && wedged <= runs)) {
    throw new RangeError(`not a count of wedged runs: ${wedged} of ${runs}`);
  }
}

/**
 * Parses a count as a person writes it: `6/20` means six wedged runs of twenty.
 *
 * @throws SoakError `bad-count` when the text is no such pair, when there are no runs, or when more runs
 *   wedged than were made.
 */
export function parseCount(text: string, flag: string): Count {
  const remedy = 'Write wedged runs, a slash and all valid runs, for example 6/20.';
  const match = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text);
  if (match === null) {
    throw new SoakError('bad-count', `${flag} ${text} is not a count of wedged runs.`, { remedy });
  }
  const count = { wedged: Number(match[1]), runs: Number(match[2]) };
  if (count.runs === 0) {
    throw new SoakError('bad-count', `${flag} ${text} has no run, and therefore no rate.`, { remedy });
  }
  if (count.wedged > count.runs) {
    throw new SoakError('bad-count', `${flag} ${text} has more wedged runs than runs.`, { remedy });
  }
  if (count.runs > MAX_RUNS) {
    throw new SoakError('bad-count', `${flag} ${text} has more than ${MAX_RUNS} runs.`, {
      remedy: `The exact tests would take minutes. Give the counts of at most ${MAX_RUNS} runs of each arm.`,
    });
  }
  return count;
}

/**
 * Up to this many runs an arm, an answer takes at most two seconds. Boschloo's test of a million runs takes
 * minutes.
 */
const MAX_RUNS = 20_000;
