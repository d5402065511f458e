import { describe, expect, it } from 'vitest';
import { fisherLess } from './fisher.ts';
import {
  effectHeterogeneity,
  productLogE,
  rateHeterogeneity,
  type Stratum,
  stratifiedLess,
} from './stratified.ts';

const stratum = (x1: number, n1: number, x2: number, n2: number): Stratum => ({
  name: `${x1}/${n1} ${x2}/${n2}`,
  reference: { wedged: x1, runs: n1 },
  treatment: { wedged: x2, runs: n2 },
});

describe('stratifiedLess', () => {
  it("is Fisher's test with one stratum, and 1 without any", () => {
    const one = stratum(6, 20, 1, 18);
    expect(stratifiedLess([one])).toBeCloseTo(fisherLess(one.reference, one.treatment), 12);
    expect(stratifiedLess([])).toBe(1);
  });

  it('is the exact convolution, worked by hand for two strata of one run each', () => {
    // Each stratum: one wedge among two runs, on either arm with ½. Both on the reference: ¼.
    expect(stratifiedLess([stratum(1, 1, 0, 1), stratum(1, 1, 0, 1)])).toBeCloseTo(0.25, 12);
    expect(stratifiedLess([stratum(1, 1, 0, 1), stratum(0, 1, 1, 1)])).toBeCloseTo(0.75, 12);
  });

  it("is not fooled by a host with another rate, as adding the counts is (Simpson's paradox)", () => {
    const strata = [stratum(18, 20, 4, 5), stratum(1, 5, 4, 20)];
    expect(fisherLess({ wedged: 19, runs: 25 }, { wedged: 8, runs: 25 })).toBeLessThan(0.01);
    expect(stratifiedLess(strata)).toBeGreaterThan(0.3);
  });

  it('takes nothing from an empty stratum', () => {
    const one = stratum(6, 20, 1, 18);
    expect(stratifiedLess([one, stratum(0, 0, 3, 9)])).toBeCloseTo(stratifiedLess([one]), 12);
  });
});

describe('heterogeneity', () => {
  it('finds an effect that turns over between hosts, and none where it is alike', () => {
    expect(effectHeterogeneity([stratum(18, 20, 2, 20), stratum(2, 20, 18, 20)], 1).p).toBeLessThan(0.001);
    expect(effectHeterogeneity([stratum(9, 20, 3, 20), stratum(8, 20, 3, 20)], 1).p).toBeGreaterThan(0.3);
    expect(effectHeterogeneity([stratum(9, 20, 3, 20)], 1)).toEqual({ p: 1, simulations: 0 });
  });

  it('finds hosts of different rates, and says nothing where nothing can differ', () => {
    expect(
      rateHeterogeneity([
        { wedged: 0, runs: 20 },
        { wedged: 14, runs: 20 },
      ]),
    ).toBeLessThan(1e-5);
    expect(
      rateHeterogeneity([
        { wedged: 7, runs: 20 },
        { wedged: 7, runs: 20 },
      ]),
    ).toBeCloseTo(1, 12);
    expect(
      rateHeterogeneity([
        { wedged: 0, runs: 20 },
        { wedged: 0, runs: 9 },
      ]),
    ).toBe(1);
    expect(rateHeterogeneity([{ wedged: 3, runs: 20 }])).toBe(1);
  });

  it('multiplies E by adding logarithms', () => {
    expect(productLogE([])).toBe(0);
    expect(productLogE([Math.log(4), Math.log(25)])).toBeCloseTo(Math.log(100), 12);
  });
});
