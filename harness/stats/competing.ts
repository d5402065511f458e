import type { Count } from './counts.ts';
import { type CountedOutcomes, competingCount, type StatusesByArm } from './decision-table.ts';
import { stratifiedLess } from './stratified.ts';

/**
 * One-sided level at which competing events count as more frequent on a treatment than on its references. It
 * guards a claim and is not a claim itself, so it is not divided over the treatments.
 */
export const COMPETING_LEVEL = 0.05;

/**
 * Competing events of a treatment, and of its references together. `wedged` holds the number of competing
 * events among all valid runs.
 */
export interface CompetingShare {
  readonly treatment: Count;
  readonly references: Count;
  /**
   * P-value of Fisher's exact test, one-sided, "more on the treatment"; with several strata, of the
   * stratified test.
   */
  readonly p: number;
}

export function competingShare(
  outcomes: CountedOutcomes,
  references: readonly string[],
  treatment: string,
): CompetingShare {
  const counted = (byArm: StatusesByArm, arms: readonly string[]) =>
    competingCount(arms.flatMap((arm) => byArm.get(arm) ?? []));
  const strata = outcomes.strata ?? [outcomes.byArm];
  return {
    treatment: counted(outcomes.byArm, [treatment]),
    references: counted(outcomes.byArm, references),
    // With one stratum this is Fisher's test. The roles are swapped: "the references have fewer".
    p: stratifiedLess(
      strata.map((byArm, i) => ({
        name: String(i),
        reference: counted(byArm, [treatment]),
        treatment: counted(byArm, references),
      })),
    ),
  };
}
