import { boschlooRegion } from './boschloo.ts';
import {
  binomialMass,
  fisherRegion,
  type RejectionRegion,
  rejectionProbability,
} from './rejection-region.ts';

export const EXACT_TESTS = ['fisher', 'boschloo'] as const;
export type ExactTest = (typeof EXACT_TESTS)[number];

/** True wedge probabilities that a plan assumes. */
export interface AssumedRates {
  readonly pReference: number;
  readonly pTreatment: number;
}

const MAX_GROWN_RUNS = 1000;

// Several treatments of one experiment share their runs and level, and a region of 20,000 runs takes a second
// to compute.
const KEPT_REGIONS = 8;
const keptRegions = new Map<string, RejectionRegion>();

/**
 * The results that a one-sided exact test rejects at level α, for the given runs of each arm. The region is
 * cached: do not change it.
 */
export function rejectionRegion(
  test: ExactTest,
  referenceRuns: number,
  treatmentRuns: number,
  alpha: number,
): RejectionRegion {
  const key = `${test} ${referenceRuns} ${treatmentRuns} ${alpha}`;
  const kept = keptRegions.get(key);
  if (kept !== undefined) return kept;
  const oldest = keptRegions.keys().next();
  if (keptRegions.size >= KEPT_REGIONS && oldest.done !== true) keptRegions.delete(oldest.value);
  const region = newRegion(test, referenceRuns, treatmentRuns, alpha);
  keptRegions.set(key, region);
  return region;
}

function newRegion(
  test: ExactTest,
  referenceRuns: number,
  treatmentRuns: number,
  alpha: number,
): RejectionRegion {
  // From here on Boschloo's region adds next to nothing, and growing it would take seconds. The power of
  // Fisher's region is a lower bound.
  const grown = test === 'boschloo' && Math.max(referenceRuns, treatmentRuns) <= MAX_GROWN_RUNS;
  return !grown
    ? fisherRegion(referenceRuns, treatmentRuns, alpha)
    : boschlooRegion(referenceRuns, treatmentRuns, alpha);
}

/**
 * Exact probability, 0 to 1, that the one-sided test finds the treatment below the reference at level α. It
 * sums over every pair of counts; nothing is simulated. 0 when an arm has no run. With `references` = 2 it is
 * the probability that the treatment is below both control and sham, each with the reference's rate and runs.
 */
export function exactPower(
  test: ExactTest,
  { pReference, pTreatment }: AssumedRates,
  runs: { readonly reference: number; readonly treatment: number },
  alpha: number,
  references = 1,
): number {
  if (runs.reference === 0 || runs.treatment === 0) return 0;
  const region = rejectionRegion(test, runs.reference, runs.treatment, alpha);
  return references === 1
    ? rejectionProbability(region, runs.treatment, pReference, pTreatment)
    : claimProbability(region, runs.treatment, { pReference, pTreatment }, references);
}

/**
 * Probability that the treatment is found below each of several references that have the same rate and number
 * of runs. The claim against control and sham demands this. The comparisons share the treatment's runs; given
 * the treatment's wedges, the references are independent.
 */
function claimProbability(
  region: RejectionRegion,
  treatmentRuns: number,
  { pReference, pTreatment }: AssumedRates,
  references: number,
): number {
  const reference = binomialMass(region.length - 1, pReference);
  const treatment = binomialMass(treatmentRuns, pTreatment);
  let [x1, above, probability] = [region.length, 0, 0];
  // The more the treatment wedged, the more wedges a reference needs, so both walk down together.
  for (let x2 = treatmentRuns; x2 >= 0; x2 -= 1) {
    while (x1 > 0 && (region[x1 - 1] ?? -1) >= x2) {
      x1 -= 1;
      above += reference[x1] ?? 0;
    }
    probability += (treatment[x2] ?? 0) * above ** references;
  }
  return Math.min(1, probability);
}

/** Up to this many runs an arm, every number is tried: the power curve's teeth are coarse there. */
const TRIED_ONE_BY_ONE = 200;
/** Beyond that, the teeth stay within this much power. */
const TOOTH = 0.005;

/**
 * Smallest number of runs an arm at which the power reaches `power`; `null` beyond `maxRuns`. Exact tests
 * have sawtooth power, so a few more runs can have slightly less power. Beyond 200 runs the search begins
 * where the power is within half a hundredth of the wanted one.
 */
export function runsNeeded(
  test: ExactTest,
  rates: AssumedRates,
  alpha: number,
  power: number,
  { maxRuns = 2000, references = 1 } = {},
): number | null {
  if (rates.pTreatment >= rates.pReference) return null;
  const powerAt = (kind: ExactTest, runs: number) =>
    exactPower(kind, rates, { reference: runs, treatment: runs }, alpha, references);
  const first = (kind: ExactTest, from: number, to: number): number | null => {
    for (let runs = from; runs <= Math.min(to, TRIED_ONE_BY_ONE); runs += 1) {
      if (powerAt(kind, runs) >= power) return runs;
    }
    let [low, high] = [Math.max(from, TRIED_ONE_BY_ONE + 1), to];
    if (low > high || powerAt(kind, high) < power - TOOTH) return null;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (powerAt(kind, middle) >= power - TOOTH) high = middle;
      else low = middle + 1;
    }
    for (let runs = low; runs <= to; runs += 1) if (powerAt(kind, runs) >= power) return runs;
    return null;
  };
  const start = runsLowerBound(rates, alpha, power);
  const fisher = first('fisher', start, maxRuns);
  if (test === 'fisher') return fisher;
  // Boschloo's test rejects everything that Fisher's test rejects, so it needs no more runs. Its gain shrinks
  // with the number of runs: below a fifth from 60 runs on, below a tenth from 200.
  const last = fisher ?? maxRuns;
  const share = last > 200 ? 0.9 : last > 60 ? 0.8 : 0;
  return first('boschloo', Math.max(start, Math.floor(last * share)), last) ?? fisher;
}

/**
 * No level-α test of equal rates against these rates can reach the power with fewer runs than this. The
 * overlap of the two hypotheses bounds its error probabilities (Neyman and Pearson; Bhattacharyya's
 * coefficient ρ gives √α √power + √(1−α) √(1−power) ≥ ρ^n against the equal rates that overlap most).
 */
function runsLowerBound({ pReference, pTreatment }: AssumedRates, alpha: number, power: number): number {
  const overlap = Math.sqrt(alpha * power) + Math.sqrt((1 - alpha) * (1 - power));
  if (overlap >= 1 || power <= alpha) return 1;
  let greatest = 0;
  for (let i = 1; i < 200; i += 1) {
    // The rate that overlaps both most lies between them.
    const p = pTreatment + ((pReference - pTreatment) * i) / 200;
    const affinity = (q: number) => Math.sqrt(p * q) + Math.sqrt((1 - p) * (1 - q));
    greatest = Math.max(greatest, affinity(pReference) * affinity(pTreatment));
  }
  if (greatest >= 1) return 1;
  return Math.max(1, Math.floor(0.98 * (Math.log(overlap) / Math.log(greatest))));
}

/** The effect that a fixed number of runs can detect. */
export interface VisibleDrop {
  /** Reference rate minus the greatest treatment rate that would be detected, 0 to 1. */
  readonly drop: number;
  readonly pTreatment: number;
}

/**
 * Smallest drop from the reference rate that a test with this region detects with the given power; `null`
 * when it would miss even a drop to zero.
 */
export function smallestVisibleDrop(
  region: RejectionRegion,
  treatmentRuns: number,
  pReference: number,
  power = 0.8,
): VisibleDrop | null {
  const seen = (pTreatment: number) =>
    rejectionProbability(region, treatmentRuns, pReference, pTreatment) >= power;
  if (!seen(0)) return null;
  let [low, high] = [0, pReference];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (seen(middle)) low = middle;
    else high = middle;
  }
  return { drop: pReference - low, pTreatment: low };
}

/**
 * Smallest reference rate from which the test detects a drop to zero with the given power; `null` when it
 * would miss even a drop from 1.
 */
export function smallestVisibleRate(
  region: RejectionRegion,
  treatmentRuns: number,
  power = 0.8,
): number | null {
  const seen = (pReference: number) => rejectionProbability(region, treatmentRuns, pReference, 0) >= power;
  if (!seen(1)) return null;
  let [low, high] = [0, 1];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (seen(middle)) high = middle;
    else low = middle;
  }
  return high;
}
