import { logFactorials } from './log-factorial.ts';

/**
 * The results of two arms that a one-sided test rejects. `region[x1]` is the largest number of treatment
 * wedges that the test rejects beside x1 reference wedges, −1 for none. It never falls as x1 grows: Fisher's
 * p-value falls with every further reference wedge and rises with every further treatment wedge (Barnard's
 * convexity). So walking its edge takes n1 + n2 steps and not n1 × n2.
 */
export type RejectionRegion = Int32Array;

/** Equal results can give p-values that differ in their last digits, when the sums took different orders. */
export const TIE = 1 + 1e-9;

/** Fisher's one-sided p-value of x1 of n1 against x2 of n2, computed quickly for sweeps over many results. */
export function fisherTail(x1: number, n1: number, x2: number, n2: number): number {
  const m = x1 + x2;
  let term = hypergeometric(logFactorials(n1 + n2), x1, n1, x2, n2);
  let tail = term;
  for (let k = x2; k > Math.max(0, m - n1); k -= 1) {
    const ratio = (k * (n1 - m + k)) / ((n2 - k + 1) * (m - k + 1));
    term *= ratio;
    tail += term;
    if (ratio < 1 && term < tail * 1e-17) break;
  }
  return Math.min(1, tail);
}

/** Probability of exactly this split of the x1 + x2 wedges between the arms. */
function hypergeometric(f: Float64Array, x1: number, n1: number, x2: number, n2: number): number {
  const m = x1 + x2;
  return Math.exp(
    (f[n1] ?? 0) -
      (f[x1] ?? 0) -
      (f[n1 - x1] ?? 0) +
      (f[n2] ?? 0) -
      (f[x2] ?? 0) -
      (f[n2 - x2] ?? 0) -
      (f[n1 + n2] ?? 0) +
      (f[m] ?? 0) +
      (f[n1 + n2 - m] ?? 0),
  );
}

/**
 * Whether Fisher's p-value is at most `bound`. It sums only as many terms as the answer needs: the ratios of
 * successive terms fall, so a geometric series with the last ratio bounds the rest of the tail.
 */
function fisherAtMost(
  bound: number,
  f: Float64Array,
  x1: number,
  n1: number,
  x2: number,
  n2: number,
): boolean {
  const m = x1 + x2;
  const low = Math.max(0, m - n1);
  let term = hypergeometric(f, x1, n1, x2, n2);
  let tail = term;
  for (let k = x2; k > low; k -= 1) {
    if (tail > bound) return false;
    const ratio = (k * (n1 - m + k)) / ((n2 - k + 1) * (m - k + 1));
    if (ratio < 1 && tail + (term * ratio) / (1 - ratio) <= bound) return true;
    term *= ratio;
    tail += term;
    if (ratio < 1 && term < tail * 1e-17) break;
  }
  return tail <= bound;
}

/** The results with a Fisher p-value of at most `level`. */
export function fisherRegion(n1: number, n2: number, level: number): RejectionRegion {
  const region = new Int32Array(n1 + 1);
  const bound = level * TIE;
  const f = logFactorials(n1 + n2);
  let edge = -1;
  for (let x1 = 0; x1 <= n1; x1 += 1) {
    while (edge < n2 && fisherAtMost(bound, f, x1, n1, edge + 1, n2)) edge += 1;
    region[x1] = edge;
  }
  return region;
}

/** P(X = k) for X ~ Binomial(n, p), k = 0 … n; values that underflow are 0. */
export function binomialMass(n: number, p: number): Float64Array {
  const { first, mass } = binomialBulk(n, p);
  const whole = new Float64Array(n + 1);
  whole.set(mass, first);
  return whole;
}

/** P(X = first + i) = mass[i]. Outside of it every value underflows. */
interface BinomialBulk {
  readonly first: number;
  readonly mass: Float64Array;
}

/** Built from the mode by ratios: with 20,000 runs, only a few thousand counts have a probability above 0. */
function binomialBulk(n: number, p: number): BinomialBulk {
  if (p <= 0 || p >= 1) return { first: p <= 0 ? 0 : n, mass: Float64Array.of(1) };
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const odds = p / (1 - p);
  let first = mode;
  for (let term = 1; first > 0 && term > 1e-300; first -= 1) term *= first / (n - first + 1) / odds;
  let last = mode;
  for (let term = 1; last < n && term > 1e-300; last += 1) term *= ((n - last) / (last + 1)) * odds;
  const mass = new Float64Array(last - first + 1);
  let total = 1;
  mass[mode - first] = 1;
  for (let k = mode, term = 1; k < last; k += 1) {
    term *= ((n - k) / (k + 1)) * odds;
    mass[k + 1 - first] = term;
    total += term;
  }
  for (let k = mode, term = 1; k > first; k -= 1) {
    term *= k / (n - k + 1) / odds;
    mass[k - 1 - first] = term;
    total += term;
  }
  for (let i = 0; i < mass.length; i += 1) mass[i] = (mass[i] ?? 0) / total;
  return { first, mass };
}

/**
 * P(the test rejects) when the arms wedge with probabilities p1 and p2: the test's power, or its size when p1
 * and p2 are equal.
 */
export function rejectionProbability(region: RejectionRegion, n2: number, p1: number, p2: number): number {
  const reference = binomialBulk(region.length - 1, p1);
  const treatment = region.length - 1 === n2 && p1 === p2 ? reference : binomialBulk(n2, p2);
  let probability = 0;
  let below = 0;
  let counted = 0;
  for (let i = 0; i < reference.mass.length; i += 1) {
    const rejected = (region[reference.first + i] ?? -1) - treatment.first;
    while (counted <= rejected && counted < treatment.mass.length) {
      below += treatment.mass[counted] ?? 0;
      counted += 1;
    }
    probability += (reference.mass[i] ?? 0) * below;
  }
  return Math.min(1, probability);
}

/**
 * The greatest size over all common wedge probabilities, 0 to 1. This maximum makes the test unconditional.
 */
export function greatestSize(region: RejectionRegion, n2: number): number {
  const n1 = region.length - 1;
  const size = (angle: number) => {
    const p = Math.sin(angle) ** 2;
    return rejectionProbability(region, n2, p, p);
  };
  const angles = nuisanceAngles(n1, n2);
  const sizes = angles.map(size);
  const step = Math.PI / 2 / angles.length;
  let greatest = Math.max(...sizes);
  const peaks = angles
    .map((angle, i) => ({ angle, size: sizes[i] ?? 0, before: sizes[i - 1] ?? 0, after: sizes[i + 1] ?? 0 }))
    .filter((peak) => peak.size >= peak.before && peak.size >= peak.after && peak.size > greatest * 0.95)
    .sort((a, b) => b.size - a.size)
    .slice(0, 4);
  for (const peak of peaks) greatest = Math.max(greatest, peakSize(size, peak.angle, step));
  return greatest;
}

/**
 * Common probabilities p = sin² θ at equal steps of θ. In θ, the standard deviation of a share is 1/(2√n) at
 * every p, and the size cannot change direction faster than that. So eight steps per standard deviation miss
 * no peak.
 */
export function nuisanceAngles(n1: number, n2: number): number[] {
  const points = Math.min(600, Math.max(48, Math.ceil(12 * Math.sqrt(Math.max(n1, n2)))));
  return Array.from({ length: points }, (_, i) => ((i + 0.5) / points) * (Math.PI / 2));
}

/** Golden-section search for the peak within one step of `angle`. */
function peakSize(size: (angle: number) => number, angle: number, step: number): number {
  const shrink = (Math.sqrt(5) - 1) / 2;
  let low = Math.max(0, angle - step);
  let high = Math.min(Math.PI / 2, angle + step);
  let left = high - shrink * (high - low);
  let right = low + shrink * (high - low);
  let atLeft = size(left);
  let atRight = size(right);
  // 24 golden-section steps narrow the peak to 1e-5 of a step, where its height is flat to 1e-10.
  for (let i = 0; i < 24; i += 1) {
    if (atLeft > atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - shrink * (high - low);
      atLeft = size(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + shrink * (high - low);
      atRight = size(right);
    }
  }
  return Math.max(atLeft, atRight);
}
