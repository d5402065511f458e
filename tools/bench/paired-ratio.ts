import { median, quantile, type Ratio } from './figures.ts';

const RESAMPLES = 2_000;

/** Two times of one pair: what was measured with the thing, and right beside it without. */
export interface Pair {
  readonly withMs: number;
  readonly withoutMs: number;
}

/**
 * Ratio of the medians of paired times, with its 95 % percentile bootstrap interval. Whole pairs are drawn again, since
 * what else the machine does falls on both times of a pair.
 *
 * @param random uniform on [0, 1), seeded so that a result can be computed again
 */
export function pairedRatio(pairs: readonly Pair[], random: () => number): Ratio {
  const ratioOf = (drawn: readonly Pair[]) =>
    median(drawn.map(({ withMs }) => withMs)) / median(drawn.map(({ withoutMs }) => withoutMs));
  const ratios = Array.from({ length: RESAMPLES }, () =>
    ratioOf(pairs.map((pair) => pairs[Math.floor(random() * pairs.length)] ?? pair)),
  );
  return { value: ratioOf(pairs), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}
