import { boschlooLess } from './boschloo.ts';
import { COMPETING_LEVEL } from './competing.ts';
import type { Count } from './counts.ts';
import { type CountedOutcomes, competingCount, countOf, type StatusesByArm } from './decision-table.ts';
import { type AssumedShares, asymptoticDecisionShare, claimDecisionTimes } from './decision-times.ts';
import { RunningE, reachesBound } from './e-process.ts';
import { fisherLess } from './fisher.ts';
import type { DecisionRule } from './pair-evidence.ts';
import { rejectionRegion } from './power.ts';
import { seededUniform, type Uniform } from './random.ts';
import { binomialMass } from './rejection-region.ts';
import { productLogE, stratifiedLess } from './stratified.ts';

/** Smallest power at which a missing difference is informative. */
export const SUFFICIENT_POWER = 0.8;

/** One arm of a design: its valid runs, and the assumed shares of their outcomes. */
export interface AssumedArm extends AssumedShares {
  readonly runs: number;
}

/** The arms of one claim, in one stratum. */
export interface ClaimArms {
  readonly references: readonly AssumedArm[];
  readonly treatment: AssumedArm;
}

/** How a claim is judged: at `alpha`. Where its power is not exact, it is simulated from `seed`. */
export interface ClaimRule extends DecisionRule {
  readonly alpha: number;
  readonly seed: number;
  /** Largest number of simulated experiments; default: enough for ±1 %. */
  readonly simulations?: number;
}

/**
 * The arms as observed, but with a treatment that has no event and keeps its own competing events. Its power
 * is the chance that an experiment of this size would have seen a cure. One set of arms for each stratum.
 */
export function observedClaim(
  { byArm, strata = [byArm] }: CountedOutcomes,
  references: readonly string[],
  treatment: string,
): ClaimArms[] {
  const observed = (statuses: StatusesByArm, arm: string): AssumedArm => {
    const events = countOf(statuses.get(arm) ?? []).wedged;
    const { wedged: competing, runs } = competingCount(statuses.get(arm) ?? []);
    return runs === 0
      ? { runs, event: 0, competing: 0 }
      : { runs, event: events / runs, competing: competing / runs };
  };
  return strata.map((statuses) => ({
    references: references.map((reference) => observed(statuses, reference)),
    treatment: { ...observed(statuses, treatment), event: 0 },
  }));
}

/**
 * Probability, 0 to 1, that the whole claim holds: the treatment is below every reference, on the endpoint
 * and on the composite, and its competing events are not above the references'. The comparisons share the
 * treatment's runs, so this is not the product of their powers. Exact for a fixed size in one stratum without
 * competing events; simulated otherwise.
 */
export function claimPower(strata: readonly ClaimArms[], rule: ClaimRule): number {
  const [first, ...others] = strata;
  if (first === undefined || first.references.length === 0) return 0;
  // If a reference has no event in any stratum, no treatment can be below it.
  if (first.references.some((_, r) => strata.every(({ references }) => (references[r]?.event ?? 0) === 0)))
    return 0;
  if (others.length > 0) return simulatedStrataPower(strata, rule);
  if (rule.test === 'e-process') return decisionShare(first, rule);
  return hasCompeting(first) ? simulatedPower(first, rule) : exactClaimPower(first, rule.alpha);
}

/** Whether any run is assumed to end in a competing event. */
export function hasCompeting({ references, treatment }: ClaimArms): boolean {
  return [...references, treatment].some(({ competing }) => competing > 0);
}

/**
 * Exact. Given the treatment's events, the references are independent. Each must have enough events for
 * Boschloo's test to reject.
 */
function exactClaimPower({ references, treatment }: ClaimArms, alpha: number): number {
  if (treatment.runs === 0 || references.some(({ runs }) => runs === 0)) return 0;
  const mass = binomialMass(treatment.runs, treatment.event);
  const masses = references.map(({ runs, event }) => binomialMass(runs, event));
  const regions = references.map(({ runs }) => rejectionRegion('boschloo', runs, treatment.runs, alpha));
  const least = regions.map((region) => region.length);
  const above = references.map(() => 0);
  let power = 0;
  // The more events the treatment has, the more a reference needs, so both walk down together.
  for (let events = treatment.runs; events >= 0; events -= 1) {
    regions.forEach((region, r) => {
      while ((least[r] ?? 0) > 0 && (region[(least[r] ?? 0) - 1] ?? -1) >= events) {
        least[r] = (least[r] ?? 0) - 1;
        above[r] = (above[r] ?? 0) + (masses[r]?.[least[r] ?? 0] ?? 0);
      }
    });
    power += (mass[events] ?? 0) * above.reduce((all, each) => all * each, 1);
  }
  return Math.min(1, power);
}

const SIMULATIONS = 2000;
/** Largest total of simulated runs. Beyond it, fewer experiments are simulated. */
const SIMULATED_RUNS = 1_000_000;
/**
 * From here on Boschloo's test has hardly more power than Fisher's, and thousands of its p-values take
 * seconds.
 */
const BOSCHLOO_RUNS = 150;

function simulationsOf(strata: readonly ClaimArms[], { simulations = SIMULATIONS }: ClaimRule): number {
  const runs = strata
    .flatMap(({ references, treatment }) => [...references, treatment])
    .reduce((sum, arm) => sum + arm.runs, 0);
  return Math.max(100, Math.min(simulations, Math.floor(SIMULATED_RUNS / Math.max(1, runs))));
}

interface DrawnArm {
  readonly runs: number;
  readonly events: number;
  readonly competing: number;
}

function drawn({ runs, event, competing }: AssumedArm, uniform: Uniform): DrawnArm {
  let [events, others] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const at = uniform();
    if (at < event) events += 1;
    else if (at >= 1 - competing) others += 1;
  }
  return { runs, events, competing: others };
}

const endpointCount = ({ runs, events, competing }: DrawnArm): Count => ({
  wedged: events,
  runs: runs - competing,
});
const compositeCount = ({ runs, events, competing }: DrawnArm): Count => ({
  wedged: events + competing,
  runs,
});
const othersCount = (arms: readonly DrawnArm[]): Count => ({
  wedged: arms.reduce((sum, { competing }) => sum + competing, 0),
  runs: arms.reduce((sum, { runs }) => sum + runs, 0),
});

/** Simulated with Boschloo's test. `alpha` is the level of the claim. */
function simulatedPower(arms: ClaimArms, rule: ClaimRule): number {
  const { alpha } = rule;
  const uniform = seededUniform(rule.seed, 'claim power');
  const simulations = simulationsOf([arms], rule);
  const isLarge = arms.treatment.runs > BOSCHLOO_RUNS;
  const isBelow = (reference: Count, treatment: Count) => {
    // Boschloo's p-value is never above Fisher's, and Fisher's is quick.
    if (fisherLess(reference, treatment) <= alpha) return true;
    return !isLarge && reference.wedged > 0 && boschlooLess(reference, treatment) <= alpha;
  };
  let claimed = 0;
  for (let i = 0; i < simulations; i += 1) {
    const treatment = drawn(arms.treatment, uniform);
    const references = arms.references.map((arm) => drawn(arm, uniform));
    const holds =
      references.every((each) => isBelow(endpointCount(each), endpointCount(treatment))) &&
      references.every((each) => isBelow(compositeCount(each), compositeCount(treatment))) &&
      fisherLess(othersCount([treatment]), othersCount(references)) > COMPETING_LEVEL;
    if (holds) claimed += 1;
  }
  return claimed / simulations;
}

/** Simulated with the exact stratified test, or with the product of each stratum's final E. */
function simulatedStrataPower(strata: readonly ClaimArms[], rule: ClaimRule): number {
  const uniform = seededUniform(rule.seed, 'stratified power');
  const simulations = simulationsOf(strata, rule);
  let claimed = 0;
  for (let i = 0; i < simulations; i += 1) {
    if (rule.test === 'e-process' ? eProcessClaim(strata, rule, uniform) : exactClaim(strata, rule, uniform))
      claimed += 1;
  }
  return claimed / simulations;
}

function exactClaim(strata: readonly ClaimArms[], { alpha }: ClaimRule, uniform: Uniform): boolean {
  const draws = strata.map(({ references, treatment }) => ({
    treatment: drawn(treatment, uniform),
    references: references.map((arm) => drawn(arm, uniform)),
  }));
  const isBelow = (count: (arm: DrawnArm) => Count, r: number) =>
    stratifiedLess(
      draws.flatMap(({ references, treatment }, i) => {
        const reference = references[r];
        return reference === undefined
          ? []
          : [{ name: String(i), reference: count(reference), treatment: count(treatment) }];
      }),
    ) <= alpha;
  const areBelow = (count: (arm: DrawnArm) => Count) =>
    strata[0]?.references.every((_, r) => isBelow(count, r)) === true;
  const others = stratifiedLess(
    draws.map(({ references, treatment }, i) => ({
      name: String(i),
      reference: othersCount([treatment]),
      treatment: othersCount(references),
    })),
  );
  return areBelow(endpointCount) && areBelow(compositeCount) && others > COMPETING_LEVEL;
}

function eProcessClaim(
  strata: readonly ClaimArms[],
  { alpha, bets = 'neutral' }: ClaimRule,
  uniform: Uniform,
): boolean {
  const logEs = strata.map(({ references, treatment }) => {
    const pairs = references.map(() => ({ endpoint: new RunningE(bets), composite: new RunningE(bets) }));
    const blocks = Math.min(treatment.runs, ...references.map(({ runs }) => runs));
    for (let block = 0; block < blocks; block += 1) {
      const second = uniform();
      const [y2, c2] = [second < treatment.event, second >= 1 - treatment.competing];
      pairs.forEach(({ endpoint, composite }, r) => {
        const arm = references[r];
        const first = uniform();
        const [y1, c1] = [first < (arm?.event ?? 0), first >= 1 - (arm?.competing ?? 0)];
        if (!c1 && !c2) endpoint.add(y1, y2);
        composite.add(y1 || c1, y2 || c2);
      });
    }
    return pairs.map(({ endpoint, composite }) => [endpoint.logE, composite.logE] as const);
  });
  return (logEs[0] ?? []).every((_, r) =>
    [0, 1].every((which) => reachesBound(productLogE(logEs.map((pairs) => pairs[r]?.[which] ?? 0)), alpha)),
  );
}

/** From this many blocks on, simulation would take seconds, and the growth of E is near its limit law. */
const ASYMPTOTIC_BLOCKS = 2000;

/** Share of e-process experiments that decide within the available blocks. */
function decisionShare(
  { references, treatment }: ClaimArms,
  { alpha, seed, bets = 'neutral', simulations: most = SIMULATIONS }: ClaimRule,
): number {
  const blocks = Math.min(treatment.runs, ...references.map(({ runs }) => runs));
  if (blocks > ASYMPTOTIC_BLOCKS) {
    // A lower bound is the product of the pairs' shares, because the pairs share the treatment's runs.
    return references
      .map(({ event }) =>
        asymptoticDecisionShare({ pReference: event, pTreatment: treatment.event }, alpha, blocks),
      )
      .reduce((all, each) => all * each, 1);
  }
  const simulations = Math.max(200, Math.min(most, Math.floor(400_000 / Math.max(1, blocks))));
  const times = claimDecisionTimes(references, treatment, alpha, {
    simulations,
    maxBlocks: blocks,
    seed,
    bets,
  });
  return times.blocks.length / simulations;
}
