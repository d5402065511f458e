import { assertCount, type Count } from './counts.ts';
import {
  binomialMass,
  fisherRegion,
  fisherTail,
  greatestSize,
  nuisanceAngles,
  type RejectionRegion,
  TIE,
} from './rejection-region.ts';

/**
 * Boschloo's exact unconditional test of two arms (1970, Statistica Neerlandica 24:1). The statistic is
 * Fisher's one-sided p-value. The p-value is the greatest probability, over all common wedge rates, of a
 * result at least as extreme. It is never above Fisher's p-value. 1 when an arm has no run.
 */
export function boschlooLess(reference: Count, treatment: Count): number {
  assertCount(reference);
  assertCount(treatment);
  const n1 = reference.runs;
  const n2 = treatment.runs;
  if (n1 === 0 || n2 === 0) return 1;
  const key = `${reference.wedged}/${n1} ${treatment.wedged}/${n2}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const observed = fisherTail(reference.wedged, n1, treatment.wedged, n2);
  const p = Math.min(observed, greatestSize(fisherRegion(n1, n2, observed), n2));
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, p);
  return p;
}

/**
 * One analysis asks for the same pair several times, and each takes a second at tens of thousands of runs.
 */
const remembered = new Map<string, number>();
const MAX_REMEMBERED = 5000;

/** The same test in the other direction: small when the treatment wedged more. */
export function boschlooGreater(reference: Count, treatment: Count): number {
  return boschlooLess(treatment, reference);
}

/** Twice the smaller one-sided p-value, at most 1, as SciPy defines it. */
export function boschlooTwoSided(reference: Count, treatment: Count): number {
  return Math.min(1, 2 * Math.min(boschlooLess(reference, treatment), boschlooGreater(reference, treatment)));
}

/**
 * Every result that `boschlooLess` rejects at level α. It starts from Fisher's region at α and adds the next
 * Fisher p-values as long as the greatest size stays within α.
 */
export function boschlooRegion(n1: number, n2: number, alpha: number): RejectionRegion {
  const region = fisherRegion(n1, n2, alpha);
  const masses = nuisanceAngles(n1, n2).map((angle) => {
    const p = Math.sin(angle) ** 2;
    const mass1 = binomialMass(n1, p);
    return { mass1, mass2: n1 === n2 ? mass1 : binomialMass(n2, p) };
  });
  const sizes = masses.map(({ mass1, mass2 }) => regionSize(region, mass1, mass2));
  const edges = Float64Array.from(region, (edge, x1) => (edge < n2 ? fisherTail(x1, n1, edge + 1, n2) : 2));
  const groups: number[][] = [];
  for (;;) {
    let next = 2;
    for (const edge of edges) if (edge < next) next = edge;
    if (next > 1) break;
    const group: number[] = [];
    for (let x1 = 0; x1 <= n1; x1 += 1) {
      while ((edges[x1] ?? 2) <= next * TIE) {
        const x2 = (region[x1] ?? -1) + 1;
        region[x1] = x2;
        edges[x1] = x2 < n2 ? fisherTail(x1, n1, x2 + 1, n2) : 2;
        group.push(x1);
        masses.forEach(({ mass1, mass2 }, i) => {
          sizes[i] = (sizes[i] ?? 0) + (mass1[x1] ?? 0) * (mass2[x2] ?? 0);
        });
      }
    }
    groups.push(group);
    if (sizes.some((size) => size > alpha)) break;
  }
  // A peak may lie between two points of the grid. If the refined search finds too great a size, the last
  // additions are removed.
  while (groups.length > 0 && greatestSize(region, n2) > alpha) {
    for (const x1 of groups.pop() ?? []) region[x1] = (region[x1] ?? 0) - 1;
  }
  return region;
}

function regionSize(region: RejectionRegion, mass1: Float64Array, mass2: Float64Array): number {
  let size = 0;
  let below = 0;
  let counted = -1;
  for (let x1 = 0; x1 < region.length; x1 += 1) {
    while (counted < (region[x1] ?? -1)) {
      counted += 1;
      below += mass2[counted] ?? 0;
    }
    size += (mass1[x1] ?? 0) * below;
  }
  return size;
}
