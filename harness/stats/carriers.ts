import normalCdf from '@stdlib/stats-base-dists-normal-cdf';

/** One run, described by the first cell that has the kind. */
export interface Carrier {
  readonly isArm: boolean;
  /** Number of cells that the run answered. */
  readonly reach: number;
  /** The first answered cell that has the kind; `null`: no cell has it. */
  readonly first: number | null;
}

// With more carrying runs than this, the number that belongs to one arm is near its normal limit.
const MAX_EXACT = 400;

/** Runs that are compared with each other, and the number of cells that are compared. */
export interface CarrierPart {
  readonly runs: readonly Carrier[];
  readonly cells: number;
}

/**
 * One-sided p of "fewer runs of the arm carry the kind". Each carrying run is treated as a random draw from
 * the runs that had answered its cell and had not carried the kind before it, as in a log-rank test (Mantel
 * 1966). So a run that ended early says nothing about later cells, and a run with many of the kind counts
 * once.
 *
 * @returns 1 when no run carries the kind
 */
export function fewerCarriers(parts: readonly CarrierPart[]): number {
  const chances = parts.flatMap(carrierChances);
  const observed = parts.flatMap(({ runs }) => runs).filter(({ isArm, first }) => isArm && first !== null);
  return chances.length === 0 ? 1 : atMost(chances, observed.length);
}

/** For each carrying run, the chance that it belongs to the arm. */
function carrierChances({ runs, cells }: CarrierPart): number[] {
  const atRisk = { arm: 0, reference: 0 };
  // At risk at a cell: the runs that answered it, minus those that carried the kind before it.
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

/** P(X ≤ x), where X counts independent events with these chances (Poisson binomial). */
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
