import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';
import { assertCount, type Count, type Interval } from './counts.ts';

/**
 * Intervals for one wedge probability. All are two-sided unless stated, all lie within [0, 1], and all are
 * [0, 1] when there is no run, because nothing is known then.
 */

const NOTHING_KNOWN: Interval = [0, 1];

/**
 * Clopper and Pearson (1934, Biometrika 26:404): exact, covers at least `level` at every rate.
 * 0/n starts at exactly 0, n/n ends at exactly 1.
 */
export function clopperPearson(count: Count, level = 0.95): Interval {
  assertCount(count);
  const { wedged: x, runs: n } = count;
  if (n === 0) return NOTHING_KNOWN;
  const tail = (1 - level) / 2;
  return [x === 0 ? 0 : betaQuantile(tail, x, n - x + 1), x === n ? 1 : betaQuantile(1 - tail, x + 1, n - x)];
}

/**
 * The greatest rate that a count still allows: Clopper and Pearson's one-sided upper bound. For 0/n it is 1 −
 * (1 − level)^(1/n); for n/n and for no run it is 1.
 */
export function upperBound(count: Count, level = 0.95): number {
  assertCount(count);
  const { wedged: x, runs: n } = count;
  return x === n ? 1 : betaQuantile(level, x + 1, n - x);
}

/**
 * Wilson (1927, JASA 22:209), the score interval without continuity correction. It covers `level` on
 * average over rates, not at each. 0/n starts at exactly 0, n/n ends at exactly 1.
 */
export function wilson(count: Count, level = 0.95): Interval {
  assertCount(count);
  const { wedged: x, runs: n } = count;
  if (n === 0) return NOTHING_KNOWN;
  const z = normalQuantile(1 - (1 - level) / 2, 0, 1);
  const share = x / n;
  const scale = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / scale;
  const halfWidth = (z / scale) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [x === 0 ? 0 : centre - halfWidth, x === n ? 1 : centre + halfWidth];
}

/**
 * Equal-tailed credible interval under Jeffreys's prior, Beta(½, ½) (Brown, Cai and DasGupta 2001,
 * Statistical Science 16:101, section 3.1.2), without their adjustment at 0/n and n/n: its lower end is
 * above 0 there, and its upper end below 1.
 */
export function jeffreys(count: Count, level = 0.95): Interval {
  assertCount(count);
  const { wedged: x, runs: n } = count;
  if (n === 0) return NOTHING_KNOWN;
  const tail = (1 - level) / 2;
  return [betaQuantile(tail, x + 0.5, n - x + 0.5), betaQuantile(1 - tail, x + 0.5, n - x + 0.5)];
}

/**
 * P(X ≤ wedged) for X ~ Binomial(runs, p0): how surprising so few wedges are *if p0 is taken as known*. It
 * ignores that p0 was itself estimated, so it is never shown without Fisher's test beside it. 1 for no run.
 */
export function binomialTail(count: Count, p0: number): number {
  assertCount(count);
  return count.runs === 0 ? 1 : binomialCdf(count.wedged, count.runs, p0);
}
