import type { Bets } from '../model/protocol.ts';
import type { OutcomeStatus } from '../model/run-status.ts';
import type { Interval } from './counts.ts';
import { type CountedOutcomes, countOf } from './decision-table.ts';
import {
  type DecisionRule,
  type EProcessSummary,
  eProcessSummary,
  type PairEvidence,
  pairEvidence,
} from './pair-evidence.ts';
import { stratifiedDifference } from './risk-difference.ts';
import {
  effectHeterogeneity,
  type Heterogeneity,
  productLogE,
  type Stratum,
  stratifiedLess,
} from './stratified.ts';

/** Two arms of a merged experiment. Runs are compared only within their stratum. */
export interface StratifiedSummary {
  /** Weighted over strata (Mantel and Haenszel); `null` when no stratum has a run of both arms. */
  readonly difference: number | null;
  /** Miettinen and Nurminen's stratified score interval. */
  readonly interval95: Interval;
  /** Exact, given each stratum's totals. */
  readonly less: number;
  readonly greater: number;
  readonly twoSided: number;
  /** ln of the product of each stratum's final E. */
  readonly logE: number;
  readonly logEGreater: number;
  /** Whether the effect is the same in every stratum. */
  readonly heterogeneity: Heterogeneity;
  readonly byStratum: readonly (Stratum & { readonly logE: number; readonly logEGreater: number })[];
}

interface PairStratum extends Stratum {
  readonly e: EProcessSummary;
}

/** @param names names of the strata */
export function stratifiedSummary(
  outcomes: CountedOutcomes,
  names: readonly string[],
  reference: string,
  treatment: string,
  { seed, bets }: { readonly seed: number; readonly bets: Bets | undefined },
): StratifiedSummary {
  const strata = pairStrata(outcomes, reference, treatment, bets).map((stratum, i) => ({
    ...stratum,
    name: names[i] ?? stratum.name,
  }));
  const { difference, interval95 } = stratifiedDifference(strata);
  const less = stratifiedLess(strata);
  const greater = stratifiedGreater(strata);
  return {
    difference,
    interval95,
    less,
    greater,
    twoSided: Math.min(1, 2 * Math.min(less, greater)),
    logE: productLogE(strata.map(({ e }) => e.logE)),
    logEGreater: productLogE(strata.map(({ e }) => e.logEGreater)),
    heterogeneity: effectHeterogeneity(strata, seed),
    byStratum: strata.map(({ e, ...stratum }) => ({
      ...stratum,
      logE: e.logE,
      logEGreater: e.logEGreater,
    })),
  };
}

/**
 * The p-values on which verdicts rest. With one stratum they come from the protocol's own test. With several,
 * the exact stratified test replaces Boschloo's, which would add up counts of different hosts. For the
 * e-process, the final E of the strata are multiplied, never their greatest values: a product of those is no
 * E-value.
 */
export function armsEvidence(
  outcomes: CountedOutcomes,
  reference: string,
  treatment: string,
  rule: DecisionRule,
): PairEvidence {
  const statuses = (arm: string) => outcomes.byArm.get(arm) ?? [];
  if (outcomes.strata === undefined) return pairEvidence(statuses(reference), statuses(treatment), rule);
  const counts = { reference: countOf(statuses(reference)), treatment: countOf(statuses(treatment)) };
  const strata = pairStrata(outcomes, reference, treatment, rule.bets);
  if (rule.test === 'e-process') {
    const p = (logEs: readonly number[]) => Math.min(1, Math.exp(-productLogE(logEs)));
    return {
      counts,
      pLess: p(strata.map(({ e }) => e.logE)),
      pGreater: p(strata.map(({ e }) => e.logEGreater)),
      pTwoSided: p(strata.map(({ e }) => e.logETwoSided)),
    };
  }
  const pLess = stratifiedLess(strata);
  const pGreater = stratifiedGreater(strata);
  return { counts, pLess, pGreater, pTwoSided: Math.min(1, 2 * Math.min(pLess, pGreater)) };
}

/**
 * E of a pair over all strata, one after another: each starts anew, and its E multiplies the final E of the
 * earlier ones. With several strata, `maxLogE` is the final product, at least ln 1, because a decision may
 * use only that. The block at which a bound was reached is not reported, because the strata ran side by side.
 */
export function eProcessOver(
  outcomes: CountedOutcomes,
  reference: string,
  treatment: string,
  { alpha, bets = 'neutral' }: { readonly alpha: number; readonly bets?: Bets | undefined },
): EProcessSummary {
  const of = (byArm: CountedOutcomes['byArm'], arm: string): readonly OutcomeStatus[] => byArm.get(arm) ?? [];
  if (outcomes.strata === undefined) {
    return eProcessSummary(of(outcomes.byArm, reference), of(outcomes.byArm, treatment), alpha, bets);
  }
  const parts = pairStrata(outcomes, reference, treatment, bets).map(({ e }) => e);
  let [before, blocksBefore] = [0, 0];
  const path: number[] = [];
  const pathBlocks: number[] = [];
  parts.forEach((part, i) => {
    part.path.forEach((logE, at) => {
      path.push(before + logE);
      pathBlocks.push(blocksBefore + (part.pathBlocks[at] ?? 0));
    });
    before += part.logE;
    blocksBefore += of(outcomes.strata?.[i] ?? new Map(), reference).length;
  });
  const sum = (pick: (part: EProcessSummary) => number) => productLogE(parts.map(pick));
  const logEGreater = sum((part) => part.logEGreater);
  const logETwoSided = sum((part) => part.logETwoSided);
  return {
    bets,
    blocks: parts.reduce((total, { blocks }) => total + blocks, 0),
    logE: before,
    maxLogE: Math.max(0, before),
    reachedAtBlock: null,
    reachedAfter: null,
    logEGreater,
    maxLogEGreater: Math.max(0, logEGreater),
    greaterReachedAtBlock: null,
    logETwoSided,
    maxLogETwoSided: Math.max(0, logETwoSided),
    twoSidedReachedAtBlock: null,
    pathBlocks,
    path,
  };
}

function pairStrata(
  outcomes: CountedOutcomes,
  reference: string,
  treatment: string,
  bets: Bets = 'neutral',
): PairStratum[] {
  return (outcomes.strata ?? []).map((byArm, i) => {
    const [first, second] = [byArm.get(reference) ?? [], byArm.get(treatment) ?? []];
    return {
      name: String(i),
      reference: countOf(first),
      treatment: countOf(second),
      e: eProcessSummary(first, second, 1, bets),
    };
  });
}

function stratifiedGreater(strata: readonly Stratum[]): number {
  return stratifiedLess(
    strata.map(({ name, reference, treatment }) => ({ name, reference: treatment, treatment: reference })),
  );
}
