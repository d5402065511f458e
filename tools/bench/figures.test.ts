import { expect, test } from 'vitest';
import { seededUniform } from '../../harness/stats/random.ts';
import { median, medianRatio, quantile } from './figures.ts';

test('quantiles are of the sorted values', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(quantile([4, 3, 2, 1], 0.99)).toBe(4);
  expect(median([])).toBeNaN();
});

test('a ratio of medians has an interval that holds it, and narrows with more values', () => {
  const values = (count: number, centre: number, seed: number) => {
    const uniform = seededUniform(seed, 'figures');
    return Array.from({ length: count }, () => centre * (0.8 + 0.4 * uniform()));
  };
  const few = medianRatio(values(9, 3, 1), values(9, 10, 2), seededUniform(3, 'ratio'));
  const many = medianRatio(values(400, 3, 1), values(400, 10, 2), seededUniform(3, 'ratio'));
  for (const { value, low, high } of [few, many]) {
    expect(low).toBeLessThanOrEqual(value);
    expect(value).toBeLessThanOrEqual(high);
  }
  expect(many.high - many.low).toBeLessThan((few.high - few.low) / 2);
  expect(many.value).toBeCloseTo(0.3, 1);
  expect(medianRatio([1, 2], [2, 4], seededUniform(3, 'ratio'))).toEqual(
    medianRatio([1, 2], [2, 4], seededUniform(3, 'ratio')),
  );
});
