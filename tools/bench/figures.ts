/** Figures of a benchmark: medians, quantiles, ratios with intervals. All times are of one run of the script. */

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A ratio of medians with its 95 % percentile bootstrap interval. */
export interface Ratio {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/** @param random uniform on [0, 1), seeded so that a result can be computed again */
export function medianRatio(of: readonly number[], to: readonly number[], random: () => number): Ratio {
  const drawn = (values: readonly number[]) =>
    values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN);
  const ratios = Array.from({ length: RESAMPLES }, () => median(drawn(of)) / median(drawn(to)));
  return { value: median(of) / median(to), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}
