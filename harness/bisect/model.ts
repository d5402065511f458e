import { z } from 'zod';

/**
 * The model of a bisect, stated once and printed with every result.
 *
 * Releases are in order: `good` first, `bad` somewhere, `fixed` last if there is one. The wedge was brought
 * with release i (1 … bad) and cured with release j (bad + 1 … fixed); the releases from i to before j have it.
 * The labels are claims too: i = 0, "the good release has it already", and j after the last, "the fixed one still has
 * it", are as likely beforehand as each release in between. That `bad` has it, the bisect takes from its user and checks
 * in every batch.
 *
 * A batch is one run of `bad`, the positive control, and one to four runs of one other release, the probe,
 * in random order. The rates are unknown and are integrated out:
 * - p, of the control: uniform on 0 to 1.
 * - of another release that has the wedge: around p, Beta(`likeness` p, `likeness` (1 − p)), as if `likeness` runs
 *   said so. A bug that only became rarer must not pass for a cured one.
 * - q, false wedges of a release that has not got it: Beta(1, `falseRateBeta`), one q for all.
 * - b, the share of blind batches: Beta(1, `blindBeta`). In a blind batch nothing can wedge but falsely,
 *   whatever the release. So how much a clean probe means depends on whether the control of its batch wedges.
 *
 * Without blind batches the likelihood of a release's runs, given p, is the Beta-binomial distribution (Skellam
 * 1948, Journal of the Royal Statistical Society B 10:257); with them a mixture of such.
 */
export const modelSchema = z.object({
  likeness: z.number().positive(),
  falseRateBeta: z.number().positive(),
  blindBeta: z.number().positive(),
});
export type BisectModel = z.infer<typeof modelSchema>;

export const DEFAULT_MODEL: BisectModel = { likeness: 4, falseRateBeta: 49, blindBeta: 9 };

/** What is bisected: how many releases, and which of them is called bad. */
export interface Span {
  /** Releases in order, at least 2; the first is called good. */
  readonly releases: number;
  /** Index of the one called bad, the positive control: 1 to the last. Releases after it: the last is called fixed. */
  readonly bad: number;
}

/** What a complete batch showed. Invalid runs are left out of it. */
export interface BatchResult {
  /** Index of the release that was probed; never that of the control. */
  readonly probe: number;
  /** Whether the control wedged; `null`: its run was invalid. */
  readonly controlWedged: boolean | null;
  /** Valid runs of the probe, and how many of them wedged. */
  readonly runs: number;
  readonly wedged: number;
}

/** Most runs of the probe in one batch. More would be far from their control. */
export const MOST_PROBES = 4;

/** How many change points there are to find: a cure too where there are releases after the bad one. */
export function hasCure({ releases, bad }: Span): boolean {
  return releases - 1 > bad;
}
