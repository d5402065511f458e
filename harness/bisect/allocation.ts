import type { Uniform } from '../stats/random.ts';
import { nextBatch } from './likelihood.ts';
import { MOST_PROBES } from './model.ts';
import type { Belief } from './posterior.ts';

/** A batch that could be next. */
export interface BatchChoice {
  /** Index of the release to probe. */
  readonly probe: number;
  /** Runs of it, beside one of the control. */
  readonly runs: number;
  /** The expected information about the change point on its side of the bad release. */
  readonly bits: number;
}

function entropyBits(weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let bits = 0;
  for (const weight of weights) if (weight > 0) bits -= (weight / total) * Math.log2(weight / total);
  return bits;
}

/** The hypotheses about one change point, weighted by the belief about the other. */
interface Side {
  /** By hypothesis: weights of the combinations of shared rates. */
  readonly joint: readonly Float64Array[];
  readonly total: number;
  readonly bits: number;
}

function sideOf(rows: readonly Float64Array[], others: Float64Array): Side {
  const joint = rows.map((row) => row.map((value, at) => value * (others[at] as number)));
  const prior = joint.map((row) => row.reduce((sum, value) => sum + value, 0));
  return { joint, total: prior.reduce((sum, weight) => sum + weight, 0), bits: entropyBits(prior) };
}

/** The change points before and after the bad release. */
interface Sides {
  readonly before: Side;
  readonly after: Side;
}

function sidesOf({ brought, cured, broughtSum, curedSum }: Belief): Sides {
  return { before: sideOf(brought, curedSum), after: sideOf(cured, broughtSum) };
}

/**
 * Expected information gain of a batch (Lindley 1956, Annals of Mathematical Statistics 27:986): the mutual
 * information of its outcome and the change point on its side, rates integrated out, in bits.
 *
 * @param runs of the probe, beside one of the control
 */
export function expectedBits(
  belief: Belief,
  probe: number,
  runs: number,
  sides: Sides = sidesOf(belief),
): number {
  const { span, rates } = belief;
  const evidence = belief.evidence[probe];
  if (evidence === undefined || probe === span.bad) return 0;
  const isBefore = probe < span.bad;
  const { joint, total, bits } = isBefore ? sides.before : sides.after;
  // Of hypotheses about the bringing release, those up to the probe have it affected; about the curing one, those after.
  const isAffected = (hypothesis: number) =>
    isBefore ? hypothesis <= probe : span.bad + 1 + hypothesis > probe;
  let after = 0;
  for (const controlWedged of [true, false]) {
    for (let wedged = 0; wedged <= runs; wedged += 1) {
      const outcome = nextBatch(rates, evidence, { controlWedged, runs, wedged });
      const weights = joint.map((row, hypothesis) => {
        const likelihood = isAffected(hypothesis) ? outcome.affected : outcome.clean;
        let sum = 0;
        for (let at = 0; at < row.length; at += 1) sum += (row[at] as number) * (likelihood[at] as number);
        return sum;
      });
      const mass = weights.reduce((sum, weight) => sum + weight, 0);
      if (mass > 0) after += (mass / total) * entropyBits(weights);
    }
  }
  return Math.max(0, bits - after);
}

// Bits that differ by less differ only by rounding. The seed breaks such a tie.
const TIE = 1e-9;

/**
 * The batch that tells most per run, with one to `MOST_PROBES` runs of one release and one of the control. Among equals
 * one is drawn. `null` if no release can be probed.
 *
 * @param skipped releases that cannot be run
 */
export function nextChoice(
  belief: Belief,
  skipped: ReadonlySet<number>,
  uniform: Uniform,
): BatchChoice | null {
  let best: BatchChoice[] = [];
  let greatest = Number.NEGATIVE_INFINITY;
  const sides = sidesOf(belief);
  for (let probe = 0; probe < belief.span.releases; probe += 1) {
    if (probe === belief.span.bad || skipped.has(probe)) continue;
    for (let runs = 1; runs <= MOST_PROBES; runs += 1) {
      const bits = expectedBits(belief, probe, runs, sides);
      const value = bits / (runs + 1);
      if (value > greatest + TIE) [best, greatest] = [[], value];
      if (value >= greatest - TIE) best.push({ probe, runs, bits });
    }
  }
  return best[Math.floor(uniform() * best.length)] ?? null;
}
