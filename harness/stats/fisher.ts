import { assertCount, type Count } from './counts.ts';

/**
 * Fisher's exact test of two arms (Fisher 1935, JRSS 98:39), conditional on the total number of wedges.
 * Every p-value is 1 when an arm has no run, and when no run or every run wedged.
 */

/**
 * Probabilities that k of `total` wedges fall on the treatment, for k from `first`, relative to that of the
 * mode. They are built outwards from the mode by ratios of neighbours, so that no factorial loses digits at
 * 100,000 runs. Shares that would underflow are dropped.
 */
export interface Hypergeometric {
  readonly first: number;
  readonly weights: Float64Array;
  readonly total: number;
}

const NEGLIGIBLE = 1e-300;

export function hypergeometric(reference: Count, treatment: Count): Hypergeometric {
  const wedges = reference.wedged + treatment.wedged;
  const n1 = reference.runs;
  const n2 = treatment.runs;
  const low = Math.max(0, wedges - n1);
  const high = Math.min(n2, wedges);
  const mode = Math.min(high, Math.max(low, Math.floor(((wedges + 1) * (n2 + 1)) / (n1 + n2 + 2))));
  const below: number[] = [];
  for (let k = mode, weight = 1; k > low; k -= 1) {
    weight *= (k * (n1 - wedges + k)) / ((n2 - k + 1) * (wedges - k + 1));
    if (weight < NEGLIGIBLE) break;
    below.push(weight);
  }
  const above: number[] = [];
  for (let k = mode, weight = 1; k < high; k += 1) {
    weight *= ((n2 - k) * (wedges - k)) / ((k + 1) * (n1 - wedges + k + 1));
    if (weight < NEGLIGIBLE) break;
    above.push(weight);
  }
  const weights = Float64Array.from([...below.reverse(), 1, ...above]);
  let total = 0;
  for (const weight of weights) total += weight;
  return { first: mode - below.length, weights, total };
}

/** P(treatment wedges ≤ those observed | total): small when the treatment wedged less. 0 to 1. */
export function fisherLess(reference: Count, treatment: Count): number {
  assertCount(reference);
  assertCount(treatment);
  const { first, weights, total } = hypergeometric(reference, treatment);
  const last = treatment.wedged - first;
  if (last >= weights.length - 1) return 1;
  let tail = 0;
  for (let i = 0; i <= last; i += 1) tail += weights[i] ?? 0;
  return Math.min(1, tail / total);
}

/** P(treatment wedges ≥ those observed | total): small when the treatment wedged more. 0 to 1. */
export function fisherGreater(reference: Count, treatment: Count): number {
  return fisherLess(treatment, reference);
}

/**
 * The total probability of the splits that are at most as likely as the observed one, as R's `fisher.test`
 * and SciPy define it. 0 to 1.
 */
export function fisherTwoSided(reference: Count, treatment: Count): number {
  assertCount(reference);
  assertCount(treatment);
  const { first, weights, total } = hypergeometric(reference, treatment);
  const observed = weights[treatment.wedged - first] ?? 0;
  // Equal probabilities differ in their last digits; the allowance is far below any real difference.
  const bound = observed * (1 + 1e-10);
  let tail = 0;
  for (const weight of weights) if (weight <= bound) tail += weight;
  return Math.min(1, tail / total);
}
