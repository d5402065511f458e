import normalCdf from '@stdlib/stats-base-dists-normal-cdf';

/** A run as the first thing of a kind meets it. */
export interface Carrier {
  readonly isArm: boolean;
  /** Cells that it answered. */
  readonly reach: number;
  /** The first of them that has the kind; `null`: none has. */
  readonly first: number | null;
}

// Beyond so many runs that carry a kind, their number on one arm is near its normal limit.
const MAX_EXACT = 400;

/** Runs that are compared with each other, and how many cells are. */
export interface CarrierPart {
  readonly runs: readonly Carrier[];
  readonly cells: number;
}

/**
 * One-sided p of "fewer runs of the arm carry the kind": each carrying run is one of those that had answered its cell
 * and carried none before, drawn by lot, as in a log-rank test (Mantel 1966). Runs that ended early so say nothing of
 * later cells, and what one run has many of counts once.
 *
 * @returns 1 where no run carries the kind
 */
export function fewerCarriers(parts: readonly CarrierPart[]): number {
  const chances = parts.flatMap(carrierChances);
  const observed = parts.flatMap(({ runs }) => runs).filter(({ isArm, first }) => isArm && first !== null);
  return chances.length === 0 ? 1 : atMost(chances, observed.length);
}

/** For each carrying run the chance that it is one of the arm. */
function carrierChances({ runs, cells }: CarrierPart): number[] {
  const atRisk = { arm: 0, reference: 0 };
  // Who is at risk at a cell: those that answered it, less those that carried the kind before it.
  const leaving = Array.from({ length: cells + 1 }, () => ({ arm: 0, reference: 0 }));
  const carrying = new Array<number>(cells).fill(0);
  for (const { isArm, reach, first } of runs) {
    const side = isArm ? 'arm' : 'reference';
    atRisk[side] += 1;
    const leaves = leaving[first === null ? Math.min(reach, cells) : first + 1];
    if (leaves !== undefined) leaves[side] += 1;
    if (first !== null) carrying[first] = (carrying[first] ?? 0) + 1;
  }
  return carrying.flatMap((count, cell) => {
    atRisk.arm -= leaving[cell]?.arm ?? 0;
    atRisk.reference -= leaving[cell]?.reference ?? 0;
    return new Array<number>(count).fill(atRisk.arm / Math.max(1, atRisk.arm + atRisk.reference));
  });
}

/** P(X ≤ x) of a sum of independent events with these chances (Poisson binomial). */
function atMost(chances: readonly number[], x: number): number {
  if (chances.length > MAX_EXACT) {
    const mean = chances.reduce((sum, p) => sum + p, 0);
    const variance = chances.reduce((sum, p) => sum + p * (1 - p), 0);
    return variance === 0 ? 1 : normalCdf((x + 0.5 - mean) / Math.sqrt(variance), 0, 1);
  }
  const share = new Float64Array(chances.length + 1);
  share[0] = 1;
  chances.forEach((p, index) => {
    for (let k = index + 1; k > 0; k -= 1) share[k] = (share[k] ?? 0) * (1 - p) + (share[k - 1] ?? 0) * p;
    share[0] = (share[0] ?? 0) * (1 - p);
  });
  let total = 0;
  for (let k = 0; k <= x; k += 1) total += share[k] ?? 0;
  return Math.min(1, total);
}
