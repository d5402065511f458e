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

// Several treatments of one experiment have the same runs and level, and a region of 20,000 runs takes a second.
const KEPT_REGIONS = 8;
const keptRegions = new Map<string, RejectionRegion>();

/** The results that a one-sided exact test rejects at level α, for given runs of each arm. Not to be changed. */
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
  // From here on Boschloo's region adds next to nothing, and growing it would take seconds: Fisher's is a
  // lower bound of its power.
  const grown = test === 'boschloo' && Math.max(referenceRuns, treatmentRuns) <= MAX_GROWN_RUNS;
  return !grown
    ? fisherRegion(referenceRuns, treatmentRuns, alpha)
    : boschlooRegion(referenceRuns, treatmentRuns, alpha);
}

/**
 * Exact probability, 0 to 1, that the one-sided test finds the treatment below the reference at level α:
 * summed over every pair of counts, not simulated. 0 when an arm has no run. With `references` = 2 it is the
 * probability of finding it below both control and sham, each of the reference's rate and runs.
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
 * Probability that the treatment is found below each of several references of the same rate and number of
 * runs, as the claim against control and sham demands. The comparisons share the treatment's runs: given its
 * wedges, the references are independent.
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
  // The more the treatment wedged, the more a reference must have: walk both down together.
  for (let x2 = treatmentRuns; x2 >= 0; x2 -= 1) {
    while (x1 > 0 && (region[x1 - 1] ?? -1) >= x2) {
      x1 -= 1;
      above += reference[x1] ?? 0;
    }
    probability += (treatment[x2] ?? 0) * above ** references;
  }
  return Math.min(1, probability);
}

/** Runs an arm up to which every number is tried: the teeth of the power curve are coarse there. */
const TRIED_ONE_BY_ONE = 200;
/** Power within which the teeth stay beyond that. */
const TOOTH = 0.005;

/**
 * Smallest number of runs an arm at which the power reaches `power`; `null` beyond `maxRuns`. Exact tests
 * have sawtooth power, so a few more runs can have a little less; beyond 200 runs the search begins where the power
 * is within half a hundredth of what is wanted.
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
  // Boschloo's test rejects whatever Fisher's does, so it needs no more runs; its gain shrinks with the number
  // of runs: below a fifth from 60 runs on, below a tenth from 200.
  const last = fisher ?? maxRuns;
  const share = last > 200 ? 0.9 : last > 60 ? 0.8 : 0;
  return first('boschloo', Math.max(start, Math.floor(last * share)), last) ?? fisher;
}

/**
 * No level-α test of equal rates against these can have the power below this number of runs: its error
 * probabilities are bounded by the overlap of the two hypotheses (Neyman and Pearson; Bhattacharyya's
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

/** What a fixed number of runs can see. */
export interface VisibleDrop {
  /** Reference rate minus the greatest treatment rate that would be seen, 0 to 1. */
  readonly drop: number;
  readonly pTreatment: number;
}

/**
 * Smallest drop from the reference rate that a test with this region sees with the given power; `null` when
 * not even a drop to zero would be seen.
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
 * Smallest reference rate from which a drop to zero is seen with the given power; `null` when not even a
 * drop from 1 would be.
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
