import { describe, expect, it } from 'vitest';
import { E_PROCESS_START, eProcessStep, logEPath, logMean, reachesBound } from './e-process.ts';
import { decisionQuantile, decisionTimes } from './power.ts';
import { sequentialStart, sequentialStep } from './sequential-decision.ts';
import { protocolOf } from './testing.ts';

describe('e-process', () => {
  it('is a fair bet: the expected factor of the next block is 1 wherever the rates are equal', () => {
    let state = E_PROCESS_START;
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
        expect(expected).toBeGreaterThan(0.5);
      }
      state = eProcessStep(state, y1, y2);
    }
  });

  it('stays finite whatever it is shown', () => {
    const all = new Array<boolean>(100_000).fill(true);
    const none = new Array<boolean>(100_000).fill(false);
    expect(Number.isFinite(logEPath(all, none).at(-1) ?? Number.NaN)).toBe(true);
    expect(logEPath(none, none).at(-1)).toBe(0);
    expect(logEPath([], [])).toEqual([]);
    expect(logMean(5000, -5000)).toBeCloseTo(5000 - Math.LN2, 9);
  });

  it('refuses arms of unequal length', () => {
    expect(() => logEPath([1], [])).toThrow(RangeError);
  });

  it('is reached at the bound itself', () => {
    expect(reachesBound(-Math.log(0.001), 0.001)).toBe(true);
    expect(reachesBound(-Math.log(0.001) - 1e-6, 0.001)).toBe(false);
  });

  it('decides as fast as the contract says, to within simulation error', () => {
    const simulate = (pReference: number, alpha: number) =>
      decisionTimes({ pReference, pTreatment: 0 }, alpha, { simulations: 4000, maxBlocks: 300, seed: 5 });
    expect(decisionQuantile(simulate(0.3, 0.001), 0.5)).toBeGreaterThanOrEqual(39);
    expect(decisionQuantile(simulate(0.3, 0.001), 0.5)).toBeLessThanOrEqual(41);
    expect(decisionQuantile(simulate(0.3, 0.001), 0.9)).toBeLessThanOrEqual(55);
    expect(decisionQuantile(simulate(0.9, 0.001), 0.5)).toBeLessThanOrEqual(10);
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
    expect(state.decisions).toEqual([{ arm: 'fix', decision: 'below' }]);
    expect(state.isDecided).toBe(true);
  });

  it('decides that a treatment is worse', () => {
    let state = sequentialStart(protocol);
    for (let i = 0; i < 20; i += 1) state = sequentialStep(protocol, state, block(false, false, true));
    expect(state.decisions).toEqual([{ arm: 'fix', decision: 'above' }]);
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
    expect(apart.decisions).toEqual([{ arm: 'again', decision: 'differs' }]);
  });

  it('never decides a single arm', () => {
    const one = protocolOf([['control', 'control']], { test: 'e-process' });
    expect(sequentialStep(one, sequentialStart(one), new Map([['control', 'wedged']])).isDecided).toBe(false);
  });
});
