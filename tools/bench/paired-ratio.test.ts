import { expect, test } from 'vitest';
import { seededUniform } from '../../harness/stats/random.ts';
import { pairedRatio } from './paired-ratio.ts';

test('what falls on both times of a pair widens no interval around 1', () => {
  const noise = seededUniform(1, 'noise');
  const pairs = Array.from({ length: 100 }, () => {
    const ms = 100 + 400 * noise();
    return { withMs: ms, withoutMs: ms };
  });
  expect(pairedRatio(pairs, seededUniform(1, 'draws'))).toEqual({ value: 1, low: 1, high: 1 });
});

test('a cost of a tenth lies in the interval, and the same seed gives the same figures', () => {
  const noise = seededUniform(2, 'noise');
  const pairs = Array.from({ length: 200 }, () => ({
    withMs: 110 + 10 * noise(),
    withoutMs: 100 + 10 * noise(),
  }));
  const ratio = pairedRatio(pairs, seededUniform(1, 'draws'));
  expect(ratio.low).toBeGreaterThan(1.05);
  expect(ratio.high).toBeLessThan(1.15);
  expect(pairedRatio(pairs, seededUniform(1, 'draws'))).toEqual(ratio);
});
