import gammaQuantile from '@stdlib/stats-base-dists-gamma-quantile';
import type { Uniform } from '../stats/random.ts';
import { type Candidate, isSameCurve, nextLonger } from './candidates.ts';
import { summed, type Tally } from './tally.ts';

/**
 * Which candidate has the next run. First one run of each, in an order drawn from the seed. Then Thompson
 * sampling (Thompson 1933, Biometrika 25:285): wedges per second of wall time, which is what decides how soon
 * a verdict comes, have a Gamma posterior each; one draw of each, and the greatest has the run.
 */

/** Every this many runs of the search, one goes to the least-tried latency of a leading curve. */
const CURVE_TURN = 2;

// Two traffic profiles wedge for two reasons: a curve of the best alone would leave the other's unknown.
const CURVES = 2;

// Prior of a candidate's wedges per second: Jeffreys's shape for a Poisson rate, its mean that of all runs so
// far (empirical Bayes). A single clean run among many then says little, and ten do.
const PRIOR_WEDGES = 0.5;
const PRIOR_SECONDS = 1;

/** Exposure of the prior, seconds: `PRIOR_WEDGES` over the wedges per second of all candidates together. */
function priorSeconds(tallies: readonly Tally[]): number {
  const { wedged, seconds } = summed(tallies);
  return (PRIOR_WEDGES * (seconds + PRIOR_SECONDS)) / (wedged + PRIOR_WEDGES);
}

// A shorter notebook can pay only where the longer one wedges in most runs: else its runs lose more wedges
// than they save time. Fewer runs than this say nothing of "most".
const RUNS_TO_OPEN_SHORTER = 4;
const RATE_TO_OPEN_SHORTER = 0.5;

/** The candidates that may have a run: whole notebooks, and shorter ones where the longer wedges often. */
export function openCandidates(candidates: readonly Candidate[], tallies: readonly Tally[]): number[] {
  return candidates.flatMap((candidate, index) => {
    const longer = nextLonger(candidates, candidate);
    if (longer === null) return [index];
    const { runs = 0, wedged = 0 } = tallies[longer] ?? {};
    return runs >= RUNS_TO_OPEN_SHORTER && wedged > RATE_TO_OPEN_SHORTER * runs ? [index] : [];
  });
}

/** Posterior mean of a candidate's wedges per second. */
function expectedWedgesPerSecond({ wedged, seconds }: Tally, prior: number): number {
  return (wedged + PRIOR_WEDGES) / (seconds + prior);
}

function drawnWedgesPerSecond({ wedged, seconds }: Tally, prior: number, uniform: Uniform): number {
  return gammaQuantile(uniform(), wedged + PRIOR_WEDGES, 1) / (seconds + prior);
}

/** The first of the candidates with the greatest value; `null` when there is none. */
function greatest(indices: readonly number[], value: (index: number) => number): number | null {
  let best: number | null = null;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (const index of indices) {
    const own = value(index);
    if (own > bestValue) [best, bestValue] = [index, own];
  }
  return best;
}

/** Candidates that no run was given to yet, whole notebooks only. */
export function untried(candidates: readonly Candidate[], tallies: readonly Tally[]): number[] {
  return candidates.flatMap((candidate, index) => {
    const { runs = 0, invalid = 0 } = tallies[index] ?? {};
    return nextLonger(candidates, candidate) === null && runs + invalid === 0 ? [index] : [];
  });
}

/**
 * The dose–response curves of whole notebooks that are worth measuring, each as its candidates: those that
 * wedged, the one whose best candidate has most wedges per second first, two at most; the first of all when
 * none wedged yet. Empty without candidates.
 */
function leadingCurves(candidates: readonly Candidate[], tallies: readonly Tally[]): number[][] {
  const curves: number[][] = [];
  for (const [index, candidate] of candidates.entries()) {
    if (nextLonger(candidates, candidate) !== null) continue;
    const curve = curves.find(([first]) => {
      const other = first === undefined ? undefined : candidates[first];
      return other !== undefined && isSameCurve(other, candidate);
    });
    if (curve === undefined) curves.push([index]);
    else curve.push(index);
  }
  const prior = priorSeconds(tallies);
  const best = (curve: readonly number[]) =>
    Math.max(
      ...curve.map((index) => {
        const tally = tallies[index];
        return tally === undefined || tally.wedged === 0 ? 0 : expectedWedgesPerSecond(tally, prior);
      }),
    );
  const wedging = curves.filter((curve) => best(curve) > 0).sort((a, b) => best(b) - best(a));
  return wedging.length === 0 ? curves.slice(0, 1) : wedging.slice(0, CURVES);
}

/**
 * The candidate of the next run of the search; `null` when there is no candidate.
 *
 * @param turn 0-based number of the run within the search
 * @param uniform the search's own stream of seeded numbers; as many are drawn as there are open candidates
 */
export function nextCandidate(
  candidates: readonly Candidate[],
  tallies: readonly Tally[],
  turn: number,
  uniform: Uniform,
): number | null {
  const prior = priorSeconds(tallies);
  const draws = new Map(
    openCandidates(candidates, tallies).map((index) => {
      const tally = tallies[index];
      return [index, tally === undefined ? 0 : drawnWedgesPerSecond(tally, prior, uniform)];
    }),
  );
  // Left to itself the search would leave the curve's low end at one run each: it must be measured too.
  if (turn % CURVE_TURN === CURVE_TURN - 1) {
    const curves = leadingCurves(candidates, tallies);
    const curve = curves[Math.floor(turn / CURVE_TURN) % Math.max(1, curves.length)] ?? [];
    return greatest(curve, (index) => -(tallies[index]?.replies ?? 0));
  }
  return greatest([...draws.keys()], (index) => draws.get(index) ?? 0);
}
