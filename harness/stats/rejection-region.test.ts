import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binomialMass, fisherRegion, fisherTail, rejectionProbability, TIE } from './rejection-region.ts';

const arms = fc.record({ n1: fc.integer({ min: 1, max: 60 }), n2: fc.integer({ min: 1, max: 60 }) });

describe('fisherRegion', () => {
  it('holds exactly the results whose whole p-value is at most the level, ties included', () => {
    fc.assert(
      fc.property(arms, fc.nat(), fc.nat(), ({ n1, n2 }, a, b) => {
        // The level of a result that there is: the one where rounding could go either way.
        const level = fisherTail(a % (n1 + 1), n1, b % (n2 + 1), n2);
        const region = fisherRegion(n1, n2, level);
        for (let x1 = 0; x1 <= n1; x1 += 1) {
          for (let x2 = 0; x2 <= n2; x2 += 1) {
            expect(x2 <= (region[x1] ?? -1)).toBe(fisherTail(x1, n1, x2, n2) <= level * TIE);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('rejectionProbability', () => {
  it('is the sum over every pair of counts in the region', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(arms, rate, rate, ({ n1, n2 }, p1, p2) => {
        const region = fisherRegion(n1, n2, 0.05);
        const [mass1, mass2] = [binomialMass(n1, p1), binomialMass(n2, p2)];
        let sum = 0;
        for (let x1 = 0; x1 <= n1; x1 += 1) {
          for (let x2 = 0; x2 <= (region[x1] ?? -1); x2 += 1) sum += (mass1[x1] ?? 0) * (mass2[x2] ?? 0);
        }
        expect(rejectionProbability(region, n2, p1, p2)).toBeCloseTo(Math.min(1, sum), 12);
      }),
    );
  });

  it('counts what lies outside the bulk of 20,000 runs as nothing', () => {
    const region = fisherRegion(20_000, 20_000, 0.05);
    expect(rejectionProbability(region, 20_000, 0.3, 0)).toBeCloseTo(1, 12);
    expect(rejectionProbability(region, 20_000, 0, 0.3)).toBe(0);
  });
});
