import type { Count, Interval } from './counts.ts';
import type { Stratum } from './stratified.ts';

/** Standard normal quantile of a two-sided 95 %. */
const Z95 = 1.959963984540054;

/**
 * The difference of wedge probabilities, treatment minus reference, averaged over strata with Mantel and
 * Haenszel's weights n1 n2 / (n1 + n2). The interval is Miettinen and Nurminen's stratified score interval
 * (1985, Statistics in Medicine 4:213). Unlike an interval of summed counts, it does not shift when strata
 * have different rates. Unlike Wald's, it keeps a width when nothing wedged. Without a stratum that has both
 * arms, the difference is `null` and the interval is [−1, 1].
 */
export interface StratifiedDifference {
  readonly difference: number | null;
  readonly interval95: Interval;
}

export function stratifiedDifference(strata: readonly Stratum[]): StratifiedDifference {
  const known = strata.filter(({ reference, treatment }) => reference.runs > 0 && treatment.runs > 0);
  if (known.length === 0) return { difference: null, interval95: [-1, 1] };
  const weight = ({ reference, treatment }: Stratum) =>
    (reference.runs * treatment.runs) / (reference.runs + treatment.runs);
  const total = known.reduce((sum, stratum) => sum + weight(stratum), 0);
  const difference =
    known.reduce((sum, stratum) => sum + weight(stratum) * observedDifference(stratum), 0) / total;
  const z = (delta: number) => {
    let variance = 0;
    for (const stratum of known) {
      variance += (weight(stratum) / total) ** 2 * restrictedVariance(stratum, delta);
    }
    return variance === 0
      ? Math.sign(difference - delta) * Number.MAX_VALUE
      : (difference - delta) / Math.sqrt(variance);
  };
  return {
    difference,
    interval95: [
      crossing((delta) => z(delta) <= Z95, -1, difference),
      crossing((delta) => z(delta) < -Z95, difference, 1),
    ],
  };
}

function observedDifference({ reference, treatment }: Stratum): number {
  return treatment.wedged / treatment.runs - reference.wedged / reference.runs;
}

/** The point between `low` and `high` at which `holds` begins to be true; `high` when it is true nowhere. */
function crossing(holds: (delta: number) => boolean, low: number, high: number): number {
  if (holds(low)) return low;
  let [no, yes] = [low, high];
  for (let i = 0; i < 60; i += 1) {
    const middle = (no + yes) / 2;
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

/**
 * Variance of one stratum's observed difference if the true difference were `delta`. It uses the likeliest
 * rates that differ by `delta`.
 */
function restrictedVariance({ reference, treatment }: Stratum, delta: number): number {
  const [n1, n2] = [reference.runs, treatment.runs];
  const runs = n1 + n2;
  const p1 = restrictedReferenceRate(reference, treatment, delta);
  const p2 = Math.min(1, Math.max(0, p1 + delta));
  // Miettinen and Nurminen's factor. Without it, a stratum with one run of each arm would have no variance.
  return ((p2 * (1 - p2)) / n2 + (p1 * (1 - p1)) / n1) * (runs / (runs - 1));
}

/**
 * Closed form of the restricted maximum likelihood estimate (Farrington and Manning 1990, Statistics in
 * Medicine 9:1447).
 */
function restrictedReferenceRate(reference: Count, treatment: Count, delta: number): number {
  const [n1, n0, x1, x0] = [treatment.runs, reference.runs, treatment.wedged, reference.wedged];
  const runs = n1 + n0;
  const l2 = (n1 + 2 * n0) * delta - runs - (x1 + x0);
  const l1 = (n0 * delta - runs - 2 * x0) * delta + x1 + x0;
  const l0 = x0 * delta * (1 - delta);
  const q = (l2 / (3 * runs)) ** 3 - (l1 * l2) / (6 * runs * runs) + l0 / (2 * runs);
  const root = Math.sqrt(Math.max(0, (l2 / (3 * runs)) ** 2 - l1 / (3 * runs)));
  const p = (q > 0 ? 1 : -1) * root;
  const cosine = p === 0 ? 0 : Math.min(1, Math.max(-1, q / p ** 3));
  const angle = (Math.PI + Math.acos(cosine)) / 3;
  const estimate = 2 * p * Math.cos(angle) - l2 / (3 * runs);
  return Math.min(Math.min(1, 1 - delta), Math.max(Math.max(0, -delta), estimate));
}
