import chiSquareCdf from '@stdlib/stats-base-dists-chisquare-cdf';
import type { Count } from './counts.ts';
import { hypergeometric } from './fisher.ts';
import { seededUniform, type Uniform } from './random.ts';

/** One host, night or shard of a merged experiment. Its runs are compared with each other only. */
export interface Stratum {
  readonly name: string;
  readonly reference: Count;
  readonly treatment: Count;
}

/**
 * Exact stratified test of "the treatment wedges less": P(treatment wedges in all ≤ those observed | each
 * stratum's totals). This is the permutation form of Cochran, Mantel and Haenszel's test (Cox and Snell 1989,
 * Analysis of Binary Data, section 2.2). With one stratum it is Fisher's test. 1 for no stratum. Summed
 * counts can show a false difference when one host has another rate; this test cannot.
 */
export function stratifiedLess(strata: readonly Stratum[]): number {
  const { first, weights } = convolution(strata);
  const observed = treatmentWedges(strata) - first;
  let [tail, total] = [0, 0];
  weights.forEach((weight, i) => {
    total += weight;
    if (i <= observed) tail += weight;
  });
  return Math.min(1, tail / total);
}

/**
 * The E-value of independent strata: the ln E of each add up (Grünwald, de Heide and Koolen 2024, JRSS B). 0
 * for none.
 */
export function productLogE(logEs: readonly number[]): number {
  return logEs.reduce((sum, logE) => sum + logE, 0);
}

function treatmentWedges(strata: readonly Stratum[]): number {
  return strata.reduce((sum, { treatment }) => sum + treatment.wedged, 0);
}

interface Mass {
  readonly first: number;
  readonly weights: Float64Array;
}

const NOTHING: Mass = { first: 0, weights: Float64Array.of(1) };

/**
 * Distribution of the strata's summed treatment wedges under no difference, with the totals of each stratum
 * fixed.
 */
function convolution(strata: readonly Stratum[]): Mass {
  return strata.reduce(convolved, NOTHING);
}

function convolved(sum: Mass, { reference, treatment }: Stratum): Mass {
  const stratum = hypergeometric(reference, treatment);
  const weights = new Float64Array(sum.weights.length + stratum.weights.length - 1);
  sum.weights.forEach((a, i) => {
    stratum.weights.forEach((b, j) => {
      weights[i + j] = (weights[i + j] ?? 0) + (a * b) / stratum.total;
    });
  });
  return { first: sum.first + stratum.first, weights };
}

export interface Heterogeneity {
  /**
   * Monte Carlo p-value, never 0; 1 with fewer than two strata. A small value warns against reading the
   * strata as one.
   */
  readonly p: number;
  readonly simulations: number;
}

const SIMULATIONS = 9999;
/**
 * Largest total of draws, over all possible counts of all strata. Beyond it, fewer draws are made, but at
 * least 999.
 */
const SIMULATED_COUNTS = 40_000_000;

/**
 * Whether the treatment's effect is the same in every stratum: Zelen's exact test of one common odds ratio
 * (1971, Biometrika 58:129), given every total and the overall treatment wedges, by Monte Carlo. With few
 * wedges it has little power, so a large p does not prove equality.
 */
export function effectHeterogeneity(strata: readonly Stratum[], seed: number): Heterogeneity {
  const masses: Mass[] = strata.map(({ reference, treatment }) => hypergeometric(reference, treatment));
  if (masses.filter(({ weights }) => weights.length > 1).length < 2) return { p: 1, simulations: 0 };
  const uniform = seededUniform(seed, 'effect-heterogeneity');
  const suffixes: Mass[] = [];
  let suffix = NOTHING;
  for (const stratum of [...strata].reverse()) {
    suffix = convolved(suffix, stratum);
    suffixes.unshift(suffix);
  }
  const width = masses.reduce((sum, { weights }) => sum + weights.length, 0);
  const simulations = Math.max(999, Math.min(SIMULATIONS, Math.floor(SIMULATED_COUNTS / width)));
  const total = treatmentWedges(strata);
  const logProbability = (wedges: readonly number[]) =>
    wedges.reduce((sum, k, i) => {
      const mass = masses[i];
      return sum + Math.log(mass?.weights[k - mass.first] ?? 0);
    }, 0);
  const observed = logProbability(strata.map(({ treatment }) => treatment.wedged));
  let atMost = 0;
  for (let i = 0; i < simulations; i += 1) {
    if (logProbability(conditionalDraw(masses, suffixes, total, uniform)) <= observed + 1e-9) atMost += 1;
  }
  return { p: (1 + atMost) / (1 + simulations), simulations };
}

/** Draws the treatment wedges of every stratum once, given their sum. */
function conditionalDraw(
  masses: readonly Mass[],
  suffixes: readonly Mass[],
  total: number,
  uniform: Uniform,
): number[] {
  let left = total;
  return masses.map((mass, i) => {
    const rest = suffixes[i + 1];
    const share = (k: number) => {
      const here = mass.weights[k - mass.first] ?? 0;
      if (rest === undefined) return k === left ? here : 0;
      return here * (rest.weights[left - k - rest.first] ?? 0);
    };
    let sum = 0;
    for (let j = 0; j < mass.weights.length; j += 1) sum += share(mass.first + j);
    let target = uniform() * sum;
    let drawn = mass.first;
    for (let j = 0; j < mass.weights.length; j += 1) {
      const weight = share(mass.first + j);
      if (weight === 0) continue;
      drawn = mass.first + j;
      target -= weight;
      if (target < 0) break;
    }
    left -= drawn;
    return drawn;
  });
}

/**
 * Whether one arm's wedge rate is the same in every stratum: Pearson's χ² on strata − 1 degrees of freedom.
 * Approximate where a stratum expects fewer than five wedges. 1 where nothing can differ: fewer than two
 * strata with runs, no wedge, or nothing but wedges.
 */
export function rateHeterogeneity(counts: readonly Count[]): number {
  const run = counts.filter(({ runs }) => runs > 0);
  const runs = run.reduce((sum, count) => sum + count.runs, 0);
  const share = run.reduce((sum, count) => sum + count.wedged, 0) / Math.max(1, runs);
  if (run.length < 2 || share === 0 || share === 1) return 1;
  const chiSquare = run.reduce(
    (sum, count) => sum + (count.wedged - count.runs * share) ** 2 / (count.runs * share * (1 - share)),
    0,
  );
  return Math.max(0, 1 - chiSquareCdf(chiSquare, run.length - 1));
}
