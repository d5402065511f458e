import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import type { Uniform } from './random.ts';

/**
 * Scores of two arms' runs in one part of an experiment. The arms' labels may be exchanged among these runs.
 */
export interface LabelledScores {
  readonly arm: readonly number[];
  readonly reference: readonly number[];
}

/** Up to this many divisions into two arms, the test enumerates all of them. */
const MAX_DIVISIONS = 20_000;
/** With more divisions, the test draws this many. The smallest p is then 1 in 5,000. */
const DRAWS = 4_999;
/** From this many runs on, the distribution over divisions is treated as normal. */
const MAX_RUNS = 400;
// Tolerance for sums of the same scores added in another order.
const ROUNDING = 1e-9;

/**
 * One-sided p of "the arm's scores are lower". The runs of each part are divided into two arms again; p is
 * the share of divisions that give the arm a sum as low as the observed one. All divisions are enumerated up
 * to 20,000 divisions of a single part, and sampled up to 400 runs. Beyond that, the normal distribution with
 * the exact mean and variance over divisions is used (Hájek 1960).
 *
 * @returns 1 when an arm has no run, or when all scores are equal
 */
export function permutationLess(parts: readonly LabelledScores[], uniform: Uniform): number {
  const usable = parts.filter(({ arm, reference }) => arm.length > 0 && reference.length > 0);
  const observed = usable.reduce((total, { arm }) => total + sum(arm), 0);
  const runs = usable.reduce((count, { arm, reference }) => count + arm.length + reference.length, 0);
  const [only, ...others] = usable;
  if (only === undefined) return 1;
  if (others.length === 0 && divisions(runs, only.arm.length) <= MAX_DIVISIONS) {
    return exactShare([...only.arm, ...only.reference], only.arm.length, observed);
  }
  return runs <= MAX_RUNS ? drawnShare(usable, observed, uniform) : normalShare(usable, observed);
}

/**
 * The smallest p that the test can give for this number of runs: that of the one division that separates the
 * arms.
 */
export function smallestP(parts: readonly LabelledScores[]): number {
  return parts.reduce((p, { arm, reference }) => p / divisions(arm.length + reference.length, arm.length), 1);
}

/** Whether every run of the arm is below every run of the reference, within each part. */
export function areApart(parts: readonly LabelledScores[]): boolean {
  const greatest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Infinity);
  return parts.every(({ arm, reference }) => greatest(arm) < least(reference) - ROUNDING);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function divisions(runs: number, chosen: number): number {
  let count = 1;
  for (let i = 0; i < chosen && count <= MAX_DIVISIONS; i += 1) count = (count * (runs - i)) / (i + 1);
  return count;
}

function exactShare(scores: readonly number[], chosen: number, observed: number): number {
  let [all, low] = [0, 0];
  const choose = (from: number, left: number, total: number): void => {
    if (left === 0) {
      all += 1;
      if (total <= observed + ROUNDING) low += 1;
      return;
    }
    for (let i = from; i <= scores.length - left; i += 1) choose(i + 1, left - 1, total + (scores[i] ?? 0));
  };
  choose(0, chosen, 0);
  return low / all;
}

function drawnShare(parts: readonly LabelledScores[], observed: number, uniform: Uniform): number {
  const pools = parts.map(({ arm, reference }) => ({
    scores: Float64Array.from([...arm, ...reference]),
    chosen: arm.length,
  }));
  let low = 1;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    let total = 0;
    for (const { scores, chosen } of pools) {
      // The first steps of Fisher and Yates' shuffle: every choice of runs for the arm is equally likely.
      for (let i = 0; i < chosen; i += 1) {
        const other = i + Math.floor(uniform() * (scores.length - i));
        const score = scores[other] ?? 0;
        scores[other] = scores[i] ?? 0;
        scores[i] = score;
        total += score;
      }
    }
    if (total <= observed + ROUNDING) low += 1;
  }
  return low / (DRAWS + 1);
}

function normalShare(parts: readonly LabelledScores[], observed: number): number {
  let [mean, variance] = [0, 0];
  for (const { arm, reference } of parts) {
    const runs = arm.length + reference.length;
    const average = (sum(arm) + sum(reference)) / runs;
    let squares = 0;
    for (const score of arm) squares += (score - average) ** 2;
    for (const score of reference) squares += (score - average) ** 2;
    mean += arm.length * average;
    variance += (arm.length * reference.length * squares) / (runs * (runs - 1));
  }
  return variance <= ROUNDING ? 1 : normalCdf((observed - mean) / Math.sqrt(variance), 0, 1);
}
