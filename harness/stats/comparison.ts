import type { Bets } from '../model/protocol.ts';
import { boschlooGreater, boschlooLess } from './boschloo.ts';
import { type Count, type Interval, rate } from './counts.ts';
import { type CountedOutcomes, countOf } from './decision-table.ts';
import { fisherLess, fisherTwoSided } from './fisher.ts';
import { conditionalLess, type Exposure } from './hazard.ts';
import { binomialTail } from './intervals.ts';
import { newcombeInterval } from './newcombe.ts';
import type { EProcessSummary } from './pair-evidence.ts';
import { eProcessOver, type StratifiedSummary, stratifiedSummary } from './stratified-evidence.ts';

/** Every two-arm figure of the contract. "Less" means that the treatment's rate is below the reference's. */
export interface TwoArmSummary {
  readonly counts: { readonly reference: Count; readonly treatment: Count };
  /** Treatment minus reference; `null` when either arm has no run. */
  readonly difference: number | null;
  readonly newcombeDifference95: Interval;
  /**
   * P(so few wedges on the treatment) if p0 is taken as known. Never print it without Fisher's test. `null`
   * when no p0 is given and the reference has no run.
   */
  readonly binomialTail: {
    readonly p: number;
    readonly p0: number;
    readonly p0Source: 'given' | 'reference-rate';
  } | null;
  readonly fisherLess: number;
  readonly fisherTwoSided: number;
  readonly boschlooLess: number;
  readonly boschlooTwoSided: number;
}

/** @param p0 reference rate taken as known, 0 to 1; `null`: the reference's own x/n. */
export function twoArmSummary(reference: Count, treatment: Count, p0: number | null): TwoArmSummary {
  const [p1, p2] = [rate(reference), rate(treatment)];
  const known = p0 ?? p1;
  const less = boschlooLess(reference, treatment);
  const greater = boschlooGreater(reference, treatment);
  return {
    counts: { reference, treatment },
    difference: p1 === null || p2 === null ? null : p2 - p1,
    newcombeDifference95: newcombeInterval(reference, treatment),
    binomialTail:
      known === null
        ? null
        : {
            p: binomialTail(treatment, known),
            p0: known,
            p0Source: p0 === null ? 'reference-rate' : 'given',
          },
    fisherLess: fisherLess(reference, treatment),
    fisherTwoSided: fisherTwoSided(reference, treatment),
    boschlooLess: less,
    boschlooTwoSided: Math.min(1, 2 * Math.min(less, greater)),
  };
}

/** Why two arms are compared. An `a-a` pair is one control under two names, which must not differ. */
export const COMPARISON_KINDS = ['treatment-control', 'treatment-sham', 'sham-control', 'a-a'] as const;
export type ComparisonKind = (typeof COMPARISON_KINDS)[number];

/** Two arms of an experiment, over its counted blocks. */
export interface Comparison extends TwoArmSummary {
  readonly kind: ComparisonKind;
  /** Arm names. */
  readonly reference: string;
  readonly treatment: string;
  readonly hazard: {
    readonly reference: Exposure;
    readonly treatment: Exposure;
    /** `null` when an arm sent no reply. */
    readonly conditionalLess: number | null;
  };
  readonly eProcess: EProcessSummary;
  /**
   * For an experiment with several strata. The figures above then use summed counts, and no verdict rests on
   * them.
   */
  readonly stratified?: StratifiedSummary;
}

/** The data of one arm in a comparison. */
export interface ComparedArm {
  readonly name: string;
  readonly exposure: Exposure;
}

/** The facts about its experiment that a comparison needs. */
export interface ComparisonContext {
  readonly outcomes: CountedOutcomes;
  readonly decision: {
    readonly alpha: number;
    readonly p0: number | null;
    readonly bets?: Bets | undefined;
  };
  /** Names of the strata, in the order of `outcomes`. */
  readonly strata: readonly string[];
  readonly seed: number;
}

export function comparison(
  kind: ComparisonKind,
  reference: ComparedArm,
  treatment: ComparedArm,
  { outcomes, decision, strata, seed }: ComparisonContext,
): Comparison {
  const counts = (arm: string) => countOf(outcomes.byArm.get(arm) ?? []);
  // Only a claim may use bets that expect a cure.
  const bets = kind === 'treatment-control' || kind === 'treatment-sham' ? decision.bets : 'neutral';
  return {
    kind,
    reference: reference.name,
    treatment: treatment.name,
    ...twoArmSummary(counts(reference.name), counts(treatment.name), decision.p0),
    hazard: {
      reference: reference.exposure,
      treatment: treatment.exposure,
      conditionalLess: conditionalLess(reference.exposure, treatment.exposure),
    },
    eProcess: eProcessOver(outcomes, reference.name, treatment.name, { alpha: decision.alpha, bets }),
    ...(outcomes.strata === undefined
      ? {}
      : { stratified: stratifiedSummary(outcomes, strata, reference.name, treatment.name, { seed, bets }) }),
  };
}
