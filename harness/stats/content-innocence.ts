import { seededUniform, type Uniform } from './random.ts';

/** A cell's place in one notebook: how many valid runs sent it, and how many wedged at it. */
export interface CellExposure {
  /** Index into the protocol's notebooks. */
  readonly notebook: number;
  /** 0-based position among the executed code cells, as in `Outcome.cell`. */
  readonly cell: number;
  readonly exposed: number;
  readonly wedges: number;
}

export interface ContentInnocence {
  /** Arms whose wedges were added up for the test. */
  readonly arms: readonly string[];
  /** Pearson's χ² of wedges against exposure; `null` below two wedges or two cells. */
  readonly chiSquare: number | null;
  /** Monte Carlo p-value, (1 + simulated ≥ observed) / (1 + simulations); never 0. `null` with `chiSquare`. */
  readonly p: number | null;
  readonly simulations: number;
  /** The cell with the greatest standardised excess where p < 0.05, else `null`. */
  readonly cluster: { readonly notebook: number; readonly cell: number } | null;
  /** `wanders`, `clusters at cell c` (c counted from 0 like `Outcome.cell`), or `too few wedges to tell`. */
  readonly words: string;
}

/** Largest number of simulated wedges an arm, so that 100,000 runs are still analysed within a second. */
const SIMULATED_WEDGES = 2_000_000;
const CLUSTER_LEVEL = 0.05;

/** The wedges of one arm, by cell. */
export interface ArmCells {
  readonly name: string;
  readonly cells: readonly CellExposure[];
}

/**
 * Whether wedges prefer a cell, over several arms together. The experiment has one test: with two arms, a 5 %
 * test of each would report clustering in one of ten experiments whose wedges wander. Each arm's wedges are
 * expected in proportion to that arm's runs that sent the cell, so arms with different rates can be combined.
 * The statistic is Pearson's χ² (1900) of the sums, with a Monte Carlo p-value (Hope 1968, JRSS B 30:582),
 * since the expected counts are too small for the χ² distribution. `too few wedges to tell` below two wedges
 * or two cells.
 */
export function contentInnocence(arms: readonly ArmCells[], seed: number): ContentInnocence {
  const names = arms.map(({ name }) => name);
  const key = ({ notebook, cell }: CellExposure) => `${notebook}/${cell}`;
  const places = new Map(
    arms.flatMap(({ cells }) =>
      cells.filter(({ exposed }) => exposed > 0).map((cell) => [key(cell), cell] as const),
    ),
  );
  const keys = [...places.keys()];
  const sums = (weigh: (cell: CellExposure) => number) =>
    Float64Array.from(keys, (place) =>
      arms.reduce((sum, { cells }) => {
        const cell = cells.find((each) => key(each) === place);
        return cell === undefined ? sum : sum + weigh(cell);
      }, 0),
    );
  const observed = sums((cell) => cell.wedges);
  const wedges = observed.reduce((sum, count) => sum + count, 0);
  if (wedges < 2 || keys.length < 2) {
    const words = 'too few wedges to tell';
    return { arms: names, chiSquare: null, p: null, simulations: 0, cluster: null, words };
  }
  const strata = arms.flatMap(({ cells }) => {
    const own = cells.reduce((sum, cell) => sum + (cell.exposed > 0 ? cell.wedges : 0), 0);
    const exposure = cells.reduce((sum, cell) => sum + cell.exposed, 0);
    if (own === 0 || exposure === 0) return [];
    const byKey = new Map(cells.map((cell) => [key(cell), (own * cell.exposed) / exposure]));
    return [{ wedges: own, expected: Float64Array.from(keys, (place) => byKey.get(place) ?? 0) }];
  });
  const expected = Float64Array.from(keys, (_, i) =>
    strata.reduce((sum, stratum) => sum + (stratum.expected[i] ?? 0), 0),
  );
  const chiSquare = pearson(observed, expected);
  const simulations = Math.min(9999, Math.max(99, Math.floor(SIMULATED_WEDGES / wedges)));
  const uniform = seededUniform(seed, 'content-innocence');
  const draws = strata.map((stratum) => ({ ...stratum, draw: categorical(stratum.expected, uniform) }));
  const counts = new Float64Array(expected.length);
  let atLeast = 0;
  for (let i = 0; i < simulations; i += 1) {
    counts.fill(0);
    for (const stratum of draws) {
      for (let wedge = 0; wedge < stratum.wedges; wedge += 1) {
        const cell = stratum.draw();
        counts[cell] = (counts[cell] ?? 0) + 1;
      }
    }
    // Equal tables must count as equal, in whatever order their terms were summed.
    if (pearson(counts, expected) >= chiSquare * (1 - 1e-9)) atLeast += 1;
  }
  const p = (1 + atLeast) / (1 + simulations);
  if (p >= CLUSTER_LEVEL) {
    return { arms: names, chiSquare, p, simulations, cluster: null, words: 'wanders' };
  }
  const excess = (i: number) => ((observed[i] ?? 0) - (expected[i] ?? 0)) / Math.sqrt(expected[i] || 1);
  let worst = 0;
  for (let i = 1; i < keys.length; i += 1) if (excess(i) > excess(worst)) worst = i;
  const { notebook, cell } = places.get(keys[worst] ?? '') ?? { notebook: 0, cell: 0 };
  const words = `clusters at cell ${cell}`;
  return { arms: names, chiSquare, p, simulations, cluster: { notebook, cell }, words };
}

function pearson(observed: Float64Array, expected: Float64Array): number {
  let chiSquare = 0;
  for (let i = 0; i < expected.length; i += 1) {
    const e = expected[i] ?? 0;
    // No run of an arm that wedged sent the cell: nothing is expected there, and nothing was drawn.
    if (e > 0) chiSquare += ((observed[i] ?? 0) - e) ** 2 / e;
  }
  return chiSquare;
}

/**
 * Walker's alias method (1977, ACM TOMS 3:253). Each draw takes constant work, whatever the number of cells.
 */
function categorical(weights: Float64Array, uniform: Uniform): () => number {
  const size = weights.length;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const keep = Float64Array.from(weights, (weight) => (weight * size) / total);
  const alias = new Int32Array(size);
  const small: number[] = [];
  const large: number[] = [];
  keep.forEach((share, i) => void (share < 1 ? small : large).push(i));
  while (small.length > 0 && large.length > 0) {
    const low = small.pop() ?? 0;
    const high = large.at(-1) ?? 0;
    alias[low] = high;
    keep[high] = (keep[high] ?? 0) - (1 - (keep[low] ?? 0));
    if ((keep[high] ?? 0) < 1) small.push(large.pop() ?? 0);
  }
  for (const i of [...small, ...large]) keep[i] = 1;
  return () => {
    const place = uniform() * size;
    const cell = Math.floor(place);
    return place - cell < (keep[cell] ?? 1) ? cell : (alias[cell] ?? cell);
  };
}
