import { describe, expect, it } from 'vitest';
import { COMPETING_LEVEL } from '../../harness/stats/competing.ts';
import { decisionTimes } from '../../harness/stats/decision-times.ts';
import {
  COMPETING_SCENARIOS,
  type CompetingDesign,
  competingMarkdown,
  competingResult,
  SHARE_BOUNDS,
} from './competing-calibration.ts';

/** The committed calibration, shorter. */
const DESIGN: CompetingDesign = { experiments: 1000, runs: 40, alpha: 0.05, seed: 5 };
const results = COMPETING_SCENARIOS.map((scenario) => competingResult(scenario, DESIGN));
const [bare, cure, deaths, , equal] = results;
const rule = SHARE_BOUNDS.indexOf(COMPETING_LEVEL);

describe('the rule for competing events', () => {
  it('keeps the claim in at least 90 % of perfect cures at 40 runs and 0.3, with 5 % in every arm', () => {
    expect(bare?.byBound[rule]).toBeGreaterThan(0.98);
    // Three standard errors of 1000 experiments at 0.91.
    expect(cure?.byBound[rule]).toBeGreaterThanOrEqual(0.9 - 0.027);
    expect((cure?.byBound[rule] ?? 0) / (bare?.byBound[rule] ?? 1)).toBeGreaterThanOrEqual(0.9 - 0.027);
    // The rule that it replaces as a temptation: at their worst they cost nearly every cure its word.
    expect(cure?.worstCase).toBeLessThan(0.15);
  });

  it('gives it to a change that turns every wedge into a death in at most 0.5 % of experiments', () => {
    expect(deaths?.leftOut).toBeGreaterThan(0.9);
    // 0.5 % and three standard errors of 1000 experiments.
    expect(deaths?.byBound[rule]).toBeLessThanOrEqual(0.0117);
  });

  it('errs at most at its level where nothing differs', () => {
    for (const share of equal?.byBound ?? [1]) expect(share).toBeLessThanOrEqual(0.05);
    const options = { simulations: 2000, maxBlocks: 150, seed: 4, bets: 'cure' } as const;
    const rates = { pReference: 0.3, pTreatment: 0.3 };
    const times = decisionTimes(rates, 0.05, { ...options, competing: 0.05 });
    expect(times.blocks.length / 2000).toBeLessThanOrEqual(0.05);
  });

  it('is stricter the higher the bound, and repeats itself', () => {
    for (const { byBound } of results) {
      byBound.slice(1).forEach((share, i) => {
        expect(share).toBeLessThanOrEqual(byBound[i] ?? 0);
      });
    }
    const again = COMPETING_SCENARIOS.map((scenario) => competingResult(scenario, DESIGN));
    expect(competingMarkdown(again, DESIGN)).toBe(competingMarkdown(results, DESIGN));
  });
});
