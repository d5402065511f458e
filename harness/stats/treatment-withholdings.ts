import type { EngagementSummary } from './engagement.ts';
import { type ExposureComparison, shortKinds } from './exposure.ts';
import type { Withholding } from './withholding.ts';

/**
 * Reasons to withhold an arm's word that do not follow from its outcomes: short exposure, and a change that
 * was not in.
 */
export function treatmentWithholdings(
  arms: readonly { readonly name: string; readonly engagement: EngagementSummary }[],
  exposures: readonly ExposureComparison[],
): Map<string, Withholding[]> {
  return new Map(
    arms.map(({ name, engagement }) => [
      name,
      [
        ...exposures.filter(({ arm }) => arm === name).flatMap(exposureWithholding),
        ...engagementWithholding(engagement),
      ],
    ]),
  );
}

function exposureWithholding(comparison: ExposureComparison): Withholding[] {
  const kinds = shortKinds(comparison);
  if (kinds.length === 0) return [];
  return [
    {
      reason: 'exposure',
      kinds: kinds.map(({ kind, referencePerRun, armPerRun, p, short }) => ({
        kind,
        reference: comparison.reference,
        referencePerRun,
        treatmentPerRun: armPerRun,
        p: short === 'ratio' ? p : null,
      })),
    },
  ];
}

function engagementWithholding({ neverIn, partly }: EngagementSummary): Withholding[] {
  if (neverIn !== null) return [{ reason: 'never-in', why: neverIn }];
  return partly === null ? [] : [{ reason: 'not-engaged', ...partly }];
}
