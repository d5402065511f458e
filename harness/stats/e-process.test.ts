import { describe, expect, it } from 'vitest';
import { protocolOf } from '../../tools/testing/stats.ts';
import { BETS, type Bets } from '../model/protocol.ts';
import { decisionQuantile, decisionTimes } from './decision-times.ts';
import { eProcessStart, eProcessStep, logEPath, logMean, RunningE, reachesBound } from './e-process.ts';
import { seededUniform } from './random.ts';
import { sequentialStart, sequentialStep } from './sequential-decision.ts';

describe('e-process', () => {
  it.each(BETS)(
    'is a fair bet whatever it expects: at most 1 is to be won where the rates are equal, %s',
    (bets) => {
      let state = eProcessStart(bets);
      for (const [y1, y2] of [
        [true, false],
        [true, true],
        [false, false],
        [true, false],
      ] as const) {
        for (const p of [0.05, 0.3, 0.5, 0.9]) {
          let expected = 0;
          for (const a of [true, false]) {
            for (const b of [true, false]) {
              const next = eProcessStep(state, a, b);
              expected += (a ? p : 1 - p) * (b ? p : 1 - p) * Math.exp(next.logE - state.logE);
            }
          }
          // E[f] ≤ 1 for every common rate: at most 1 by convexity, which is what Ville's inequality needs.
          expect(expected).toBeLessThanOrEqual(1 + 1e-12);
          expect(expected).toBeGreaterThan(0.4);
        }
        state = eProcessStep(state, y1, y2);
      }
    },
  );

  it('stays finite whatever it is shown', () => {
    const all = new Array<boolean>(100_000).fill(true);
    const none = new Array<boolean>(100_000).fill(false);
    for (const bets of BETS) {
      expect(Number.isFinite(logEPath(all, none, bets).at(-1) ?? Number.NaN)).toBe(true);
      expect(Number.isFinite(logEPath(none, all, bets).at(-1) ?? Number.NaN)).toBe(true);
      expect(logEPath([], [], bets)).toEqual([]);
    }
    expect(logEPath(none, none, 'neutral').at(-1)).toBe(0);
    expect(logMean([5000, -5000])).toBeCloseTo(5000 - Math.LN2, 9);
  });

  it('refuses arms of unequal length', () => {
    expect(() => logEPath([1], [], 'cure')).toThrow(RangeError);
  });

  it('is reached at the bound itself', () => {
    expect(reachesBound(-Math.log(0.001), 0.001)).toBe(true);
    expect(reachesBound(-Math.log(0.001) - 1e-6, 0.001)).toBe(false);
  });

  it('is the same as it runs and as a state a block', () => {
    const uniform = seededUniform(3, 'running e');
    for (const bets of BETS) {
      const running = new RunningE(bets);
      let state = eProcessStart(bets);
      for (let block = 0; block < 200; block += 1) {
        const [y1, y2] = [uniform() < 0.4, uniform() < 0.2];
        running.add(y1, y2);
        state = eProcessStep(state, y1, y2);
        expect(running.logE).toBe(state.logE);
      }
    }
  });

  // docs/statistics.md#bets-that-expect-a-cure, α = 0.001, medians before and now.
  it.each([
    [0.95, 0, 8, 6],
    [0.9, 0, 10, 6],
    [0.7, 0, 14, 11],
    [0.5, 0, 22, 19],
    [0.3, 0, 40, 36],
    [0.5, 0.1, 42, 43],
  ])(
    'decides %d against %d as fast as the contract says, to within simulation error',
    (reference, treatment, before, now) => {
      const median = (bets: Bets) => {
        const rates = { pReference: reference, pTreatment: treatment };
        const times = decisionTimes(rates, 0.001, { simulations: 4000, maxBlocks: 400, seed: 5, bets });
        return decisionQuantile(times, 0.5) ?? Number.NaN;
      };
      const allowance = Math.max(1, 0.05 * before);
      expect(Math.abs(median('neutral') - before)).toBeLessThanOrEqual(allowance);
      expect(Math.abs(median('cure') - now)).toBeLessThanOrEqual(allowance);
    },
  );

  it.each(BETS)('reaches 1/0.01 at equal rates in at most 0.5 % of experiments, bets %s', (bets) => {
    for (const rate of [0.1, 0.3, 0.5, 0.9]) {
      const rates = { pReference: rate, pTreatment: rate };
      const times = decisionTimes(rates, 0.01, { simulations: 4000, maxBlocks: 300, seed: 8, bets });
      // 0.5 % and three standard errors of 4000 experiments.
      expect(times.blocks.length / 4000).toBeLessThanOrEqual(0.0084);
    }
  });

  it('needs both E of both pairs where runs compete: 75 blocks in the median, as the contract says', () => {
    const options = { simulations: 4000, maxBlocks: 600, seed: 5, bets: 'cure', references: 2 } as const;
    const rates = { pReference: 0.3, pTreatment: 0 };
    const competing = decisionQuantile(decisionTimes(rates, 0.001, { ...options, competing: 0.05 }), 0.5);
    expect(Math.abs((competing ?? 0) - 75)).toBeLessThanOrEqual(3);
  });
});

describe('sequentialStep', () => {
  const arms = [
    ['control', 'control'],
    ['sham', 'sham'],
    ['fix', 'treatment'],
  ] as const;
  const protocol = protocolOf(arms, { test: 'e-process', stopping: 'until-decided', alpha: 0.001 });
  const block = (control: boolean, sham: boolean, fix: boolean) =>
    new Map(
      [
        ['control', control],
        ['sham', sham],
        ['fix', fix],
      ].map(([arm, wedged]) => [arm as string, wedged ? 'wedged' : 'completed'] as const),
    );

  it('decides when both comparisons have, and not before', () => {
    let state = sequentialStart(protocol);
    expect(state.isDecided).toBe(false);
    for (let i = 0; i < 40; i += 1) state = sequentialStep(protocol, state, block(true, false, false));
    expect(state.isDecided).toBe(false);
    for (let i = 0; i < 40; i += 1) state = sequentialStep(protocol, state, block(true, true, false));
    expect(state.decisions).toEqual([
      { arm: 'fix', decision: 'below', evidence: { direction: 'below', share: 1 } },
    ]);
    expect(state.isDecided).toBe(true);
  });

  it('decides that a treatment is worse when it is above the sham too', () => {
    let state = sequentialStart(protocol);
    for (let i = 0; i < 20; i += 1) state = sequentialStep(protocol, state, block(false, true, true));
    expect(state.decisions).toMatchObject([{ arm: 'fix', decision: null }]);
    for (let i = 0; i < 60; i += 1) state = sequentialStep(protocol, state, block(false, false, true));
    expect(state.decisions).toEqual([
      { arm: 'fix', decision: 'above', evidence: { direction: 'above', share: 1 } },
    ]);
  });

  it('does not decide for a change that trades each wedge for another ending', () => {
    let state = sequentialStart(protocol);
    for (let i = 0; i < 100; i += 1) {
      const wedges = i % 2 === 0;
      const traded = new Map([
        ...block(wedges, wedges, false),
        ['fix', wedges ? 'competing' : 'completed'] as const,
      ]);
      state = sequentialStep(protocol, state, traded);
    }
    expect(state.decisions).toMatchObject([{ arm: 'fix', decision: null }]);
    // What is left of the blocks shows no difference of the endpoint, and all of them none of the composite.
    expect(state.pairs.every(({ less, composite }) => less.blocks === 50 && composite.blocks === 100)).toBe(
      true,
    );
  });

  it('says which share of the evidence there is: ln E over ln 1/α, of the weaker comparison, after Holm', () => {
    let state = sequentialStart(protocol);
    expect(state.decisions[0]?.evidence).toEqual({ direction: 'below', share: 0 });
    const shares: number[] = [];
    for (let i = 0; !state.isDecided; i += 1) {
      state = sequentialStep(protocol, state, block(true, i % 2 === 0, false));
      shares.push(state.decisions[0]?.evidence.share ?? Number.NaN);
      if (state.isDecided) break;
      const weakest = Math.min(...state.pairs.map(({ less }) => less.maxLogE));
      expect(shares.at(-1)).toBeCloseTo(weakest / Math.log(1000), 12);
      expect(shares.at(-1)).toBeLessThan(1);
    }
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.length).toBeGreaterThan(3);
    expect(shares.at(-1)).toBe(1);

    // Two treatments that do the same need twice the evidence each.
    const two = protocolOf([...arms, ['flush', 'treatment']], { ...protocol.decision });
    const one = sequentialStep(protocol, sequentialStart(protocol), block(true, true, false));
    const both = sequentialStep(
      two,
      sequentialStart(two),
      new Map([...block(true, true, false), ['flush', 'completed']]),
    );
    const p = Math.exp(-Math.min(...one.pairs.map(({ less }) => less.maxLogE)));
    expect(both.decisions[1]?.evidence.share).toBeCloseTo(
      Math.max(0, Math.log(Math.min(1, 2 * p)) / Math.log(0.001)),
      12,
    );
  });

  it('takes nothing from a block with an invalid run', () => {
    const state = sequentialStart(protocol);
    const invalid = new Map([...block(true, true, false), ['fix', 'invalid' as const]]);
    expect(sequentialStep(protocol, state, invalid).pairs).toEqual(state.pairs);
  });

  it('decides an A/A experiment only if its arms differ', () => {
    const aa = protocolOf(
      [
        ['control', 'control'],
        ['again', 'control'],
      ],
      { test: 'e-process', alpha: 0.01 },
    );
    let [same, apart] = [sequentialStart(aa), sequentialStart(aa)];
    for (let i = 0; i < 60; i += 1) {
      const wedged = i % 3 === 0 ? 'wedged' : 'completed';
      same = sequentialStep(
        aa,
        same,
        new Map([
          ['control', wedged],
          ['again', wedged],
        ]),
      );
      apart = sequentialStep(
        aa,
        apart,
        new Map([
          ['control', 'completed'],
          ['again', wedged],
        ]),
      );
    }
    expect(same.isDecided).toBe(false);
    expect(apart.decisions).toEqual([
      { arm: 'again', decision: 'differs', evidence: { direction: 'differs', share: 1 } },
    ]);
  });

  it('never decides a single arm', () => {
    const one = protocolOf([['control', 'control']], { test: 'e-process' });
    expect(sequentialStep(one, sequentialStart(one), new Map([['control', 'wedged']])).isDecided).toBe(false);
  });
});
