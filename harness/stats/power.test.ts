import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../model/package-root.ts';
import { notebookLengths, powerCurve, runPlan, soonestLength } from '../planning/run-plan.ts';
import { asymptoticDecisionShare, decisionTimes } from './decision-times.ts';
import { fisherLess } from './fisher.ts';
import {
  exactPower,
  rejectionRegion,
  runsNeeded,
  smallestVisibleDrop,
  smallestVisibleRate,
} from './power.ts';
import { seededUniform } from './random.ts';

const RATES = { pReference: 0.3, pTreatment: 0.05 };

describe('exactPower', () => {
  it('agrees with simulation, against one reference and against two', () => {
    const uniform = seededUniform(11, 'power test');
    const runs = 25;
    const wedged = (p: number) => Array.from({ length: runs }, () => uniform() < p).filter(Boolean).length;
    let [one, two] = [0, 0];
    const experiments = 4000;
    for (let i = 0; i < experiments; i += 1) {
      const treatment = { wedged: wedged(RATES.pTreatment), runs };
      const control = fisherLess({ wedged: wedged(RATES.pReference), runs }, treatment) <= 0.05;
      const sham = fisherLess({ wedged: wedged(RATES.pReference), runs }, treatment) <= 0.05;
      one += control ? 1 : 0;
      two += control && sham ? 1 : 0;
    }
    const power = (references: number) =>
      exactPower('fisher', RATES, { reference: runs, treatment: runs }, 0.05, references);
    expect(Math.abs(power(1) - one / experiments)).toBeLessThan(0.03);
    expect(Math.abs(power(2) - two / experiments)).toBeLessThan(0.03);
    expect(power(2)).toBeLessThan(power(1));
  });

  it('is 0 without runs and at most α where nothing differs', () => {
    expect(exactPower('boschloo', RATES, { reference: 0, treatment: 9 }, 0.05)).toBe(0);
    const same = { pReference: 0.4, pTreatment: 0.4 };
    expect(exactPower('boschloo', same, { reference: 30, treatment: 30 }, 0.05)).toBeLessThanOrEqual(0.05);
  });
});

describe('runsNeeded', () => {
  // What a search through every number from 1 to 2000 gave, in up to ten seconds for one of them.
  it.each([
    [0.0003, 0, null],
    [0.0035, 0, 1919],
    [0.01, 0, 671],
    [0.02, 0, 335],
    [0.05, 0, 110],
    [0.3, 0, 18],
    [0.02, 0.01, 1982],
    [0.1, 0.08, null],
  ])('finds for %d against %d the %s runs that trying each number finds', (pReference, pTreatment, runs) => {
    expect(runsNeeded('boschloo', { pReference, pTreatment }, 0.05, 0.8)).toBe(runs);
  });

  it.each(['fisher', 'boschloo'] as const)('is the first number of runs with the power (%s)', (test) => {
    const needed = runsNeeded(test, RATES, 0.05, 0.8) ?? 0;
    expect(needed).toBeGreaterThan(10);
    for (let runs = 1; runs <= needed; runs += 1) {
      const power = exactPower(test, RATES, { reference: runs, treatment: runs }, 0.05);
      expect(power >= 0.8, `${runs} runs: ${power}`).toBe(runs === needed);
    }
  });

  it('does not exist where the treatment is not below, or beyond the limit', () => {
    expect(runsNeeded('fisher', { pReference: 0.3, pTreatment: 0.3 }, 0.05, 0.8)).toBeNull();
    expect(runsNeeded('boschloo', RATES, 0.05, 0.8, { maxRuns: 10 })).toBeNull();
  });

  it('computes the power for every N up to 500 in less than 2 s of processor time', () => {
    const before = process.cpuUsage();
    for (let runs = 1; runs <= 500; runs += 1) {
      exactPower('fisher', RATES, { reference: runs, treatment: runs }, 0.001);
    }
    const goal = {
      ...RATES,
      alpha: 0.001,
      alphaUntilDecided: 0.001,
      power: 0.9,
      simulations: 100,
      seed: 1,
      competing: 0,
    };
    const curve = powerCurve(goal, 500);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
    curve.boschloo.forEach((point, i) => {
      expect(point.power).toBeGreaterThanOrEqual((curve.fisher[i]?.power ?? 1) - 1e-12);
    });
  });
});

describe('what a number of runs can see', () => {
  it('sees exactly the smallest drop and the smallest rate with the wanted power', () => {
    const region = rejectionRegion('boschloo', 40, 40, 0.05);
    const visible = smallestVisibleDrop(region, 40, 0.5);
    const runs = { reference: 40, treatment: 40 };
    const atDrop = { pReference: 0.5, pTreatment: visible?.pTreatment ?? 0 };
    expect(exactPower('boschloo', atDrop, runs, 0.05)).toBeCloseTo(0.8, 4);
    const rate = smallestVisibleRate(region, 40) ?? 0;
    expect(exactPower('boschloo', { pReference: rate, pTreatment: 0 }, runs, 0.05)).toBeCloseTo(0.8, 4);
  });

  it('sees nothing with one run of each arm', () => {
    const region = rejectionRegion('boschloo', 1, 1, 0.05);
    expect(smallestVisibleDrop(region, 1, 0.9)).toBeNull();
    expect(smallestVisibleRate(region, 1)).toBeNull();
  });
});

describe('plans', () => {
  it('needs more for control and sham than for one reference', () => {
    const plan = runPlan({
      pReference: 0.3,
      pTreatment: 0,
      alpha: 0.001,
      alphaUntilDecided: 0.001,
      power: 0.9,
      simulations: 1000,
      seed: 1,
      competing: 0,
    });
    expect(plan.fisher).toEqual({ oneReference: 45, controlAndSham: 49 });
    expect(plan.boschloo.oneReference).toBeLessThan(45);
    expect(plan.eProcess.controlAndSham.median ?? 0).toBeGreaterThan(plan.eProcess.oneReference.median ?? 0);
  });

  it('finds the soonest notebook length, neither the shortest nor the longest when cells cost most', () => {
    const lengths = notebookLengths(
      0.02,
      [1, 5, 25, 125, 1000],
      1,
      { startSeconds: 0.5, cellSeconds: 0.5, wedgeSeconds: 1 },
      { alpha: 0.01, alphaUntilDecided: 0.01, power: 0.9, simulations: 200, seed: 1, competing: 0 },
    );
    expect([5, 25, 125]).toContain(soonestLength(lengths)?.cells);
    expect(lengths[0]?.pReference).toBeCloseTo(0.02, 12);
  });

  it.each([
    [{ pReference: 0.02, pTreatment: 0 }, [450, 550, 700]],
    [{ pReference: 0.3, pTreatment: 0.2 }, [400, 700, 1100]],
  ])('has a limit law that agrees with simulation where both can be had: %j', (rates, sizes) => {
    const times = decisionTimes(rates, 0.01, {
      simulations: 600,
      maxBlocks: 1100,
      seed: 3,
      bets: 'neutral',
    });
    for (const blocks of sizes) {
      const simulated = times.blocks.filter((block) => block <= blocks).length / 600;
      expect(Math.abs(simulated - asymptoticDecisionShare(rates, 0.01, blocks))).toBeLessThan(0.1);
    }
  });
});

it('runs that are added after a look break the level by as much as docs/statistics.md says', () => {
  const [runs, rate] = [20, 0.3];
  const look = (n: number) => {
    const region = rejectionRegion('boschloo', n, n, 0.05);
    return (reference: number, treatment: number) => treatment <= (region[reference] ?? -1);
  };
  const [first, second] = [look(runs), look(2 * runs)];
  const chance: number[] = [(1 - rate) ** runs];
  for (let x = 0; x < runs; x += 1) {
    chance.push(((chance[x] ?? 0) * (runs - x) * rate) / ((x + 1) * (1 - rate)));
  }
  let falsely = 0;
  chance.forEach((p1, x1) => {
    chance.forEach((p2, x2) => {
      if (first(x1, x2)) falsely += p1 * p2;
      else {
        chance.forEach((q1, y1) => {
          chance.forEach((q2, y2) => {
            if (second(x1 + y1, x2 + y2)) falsely += p1 * p2 * q1 * q2;
          });
        });
      }
    });
  });
  const page = readFileSync(join(packageRoot(), 'docs', 'statistics.md'), 'utf8');
  expect(falsely).toBeGreaterThan(0.05);
  expect(page).toContain(`a difference that is not there in ${(100 * falsely).toFixed(1)} % of experiments`);
});
