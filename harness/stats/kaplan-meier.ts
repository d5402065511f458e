/** One run: its number of replies when it was last seen, and whether it wedged there. */
export interface Survivor {
  readonly replies: number;
  readonly wedged: boolean;
}

/** A step of the curve. Of the `atRisk` runs that had reached `replies`, `wedges` wedged there. */
export interface SurvivalStep {
  readonly replies: number;
  readonly atRisk: number;
  readonly wedges: number;
  /** Estimated share of runs not yet wedged after this step, 0 to 1. */
  readonly share: number;
}

/**
 * Kaplan and Meier's product-limit estimate (1958, JASA 53:457) of the share of runs not yet wedged, over
 * replies. A completed run is censored at its last reply and still counts as at risk there. There is one step
 * for each number of replies at which a run wedged. Without a wedge there is no step, and the share stays 1.
 */
export function kaplanMeier(runs: readonly Survivor[]): SurvivalStep[] {
  const sorted = [...runs].sort((a, b) => a.replies - b.replies);
  const steps: SurvivalStep[] = [];
  let share = 1;
  for (let i = 0; i < sorted.length; ) {
    const replies = sorted[i]?.replies ?? 0;
    const atRisk = sorted.length - i;
    let wedges = 0;
    for (; sorted[i]?.replies === replies; i += 1) wedges += sorted[i]?.wedged ? 1 : 0;
    if (wedges === 0) continue;
    share *= 1 - wedges / atRisk;
    steps.push({ replies, atRisk, wedges, share });
  }
  return steps;
}
