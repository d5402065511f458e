import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { boschlooLess, boschlooTwoSided } from './boschloo.ts';
import { confidenceSequence } from './confidence-sequence.ts';
import type { Count } from './counts.ts';
import { logEPath } from './e-process.ts';
import { fisherLess, fisherTwoSided } from './fisher.ts';
import { conditionalLess, garwoodInterval } from './hazard.ts';
import { holmAdjusted } from './holm.ts';
import { binomialTail, clopperPearson, jeffreys, upperBound, wilson } from './intervals.ts';
import { newcombeInterval } from './newcombe.ts';
import { exactPower, runsNeeded } from './power.ts';

/** Values of SciPy and statsmodels, and the tolerance to meet. */
interface Golden {
  tolerance: { default: number; boschloo: number };
  twoArm: ({ reference: Count; treatment: Count } & Record<string, number> & {
      clopperPearson95: Pair;
      wilson95: Pair;
      jeffreys95: Pair;
      newcombeDifference95: number[];
    })[];
  powerFisherLess: {
    pReference: number;
    pTreatment: number;
    runsPerArm: number;
    alpha: number;
    power: number;
  }[];
  runsNeededFisherLess: Golden['powerFisherLess'];
  hazard: {
    reference: { wedges: number; replies: number };
    treatment: { wedges: number; replies: number };
    garwood95: Pair;
    conditionalLess: number;
  }[];
  logEPath: { reference: number[]; treatment: number[]; logE: number[] }[];
  logEPathCure: { reference: number[]; treatment: number[]; logE: number[] }[];
  confidenceSequence95: (Count & { interval: number[] })[];
  holm: { p: number[]; adjusted: number[] }[];
}
interface Pair {
  reference: number[];
  treatment: number[];
}

const golden = JSON.parse(
  readFileSync(new URL('./golden/statistics.json', import.meta.url), 'utf8'),
) as unknown as Golden;

/** Relative to values above 1, absolute below: p-values of 1e-12 are checked relatively as well. */
function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    const target = expected[i] ?? Number.NaN;
    expect(Math.abs(value - target), `${value} for ${target}`).toBeLessThanOrEqual(tolerance);
    if (target > 0) {
      expect(Math.abs(value / target - 1), `${value} for ${target}`).toBeLessThanOrEqual(
        Math.max(tolerance, 1e-6),
      );
    }
  });
}

describe('reference values of SciPy and statsmodels', () => {
  const { default: near, boschloo } = golden.tolerance;

  it.each(golden.twoArm)(
    'two arms: $reference.wedged/$reference.runs against $treatment.wedged/$treatment.runs',
    (g) => {
      const { reference, treatment } = g;
      for (const [arm, count] of [
        ['reference', reference],
        ['treatment', treatment],
      ] as const) {
        expectNear(clopperPearson(count), g.clopperPearson95[arm], near);
        expectNear(wilson(count), g.wilson95[arm], near);
        expectNear(jeffreys(count), g.jeffreys95[arm], near);
      }
      expectNear([upperBound(treatment)], [g['upper95Treatment'] ?? Number.NaN], near);
      expectNear(
        [binomialTail(treatment, reference.wedged / reference.runs)],
        [g['binomialTail'] ?? Number.NaN],
        near,
      );
      expectNear([fisherLess(reference, treatment)], [g['fisherLess'] ?? Number.NaN], near);
      expectNear([fisherTwoSided(reference, treatment)], [g['fisherTwoSided'] ?? Number.NaN], near);
      expectNear([boschlooLess(reference, treatment)], [g['boschlooLess'] ?? Number.NaN], boschloo);
      expectNear([boschlooTwoSided(reference, treatment)], [g['boschlooTwoSided'] ?? Number.NaN], boschloo);
      expectNear(newcombeInterval(reference, treatment), g.newcombeDifference95, near);
    },
  );

  it.each(golden.powerFisherLess)('power of Fisher with $runsPerArm runs at $alpha', (g) => {
    const runs = { reference: g.runsPerArm, treatment: g.runsPerArm };
    expectNear([exactPower('fisher', g, runs, g.alpha)], [g.power], near);
  });

  it.each(golden.runsNeededFisherLess)('runs needed at $alpha: $runsPerArm', (g) => {
    expect(runsNeeded('fisher', g, g.alpha, g.power)).toBe(g.runsPerArm);
  });

  it.each(golden.hazard)('hazard of $reference.wedges and $treatment.wedges wedges', (g) => {
    expectNear(garwoodInterval(g.reference) ?? [], g.garwood95.reference, near);
    expectNear(garwoodInterval(g.treatment) ?? [], g.garwood95.treatment, near);
    expectNear([conditionalLess(g.reference, g.treatment) ?? Number.NaN], [g.conditionalLess], near);
  });

  it.each(golden.logEPath)('path of ln E', (g) => {
    expectNear(logEPath(g.reference, g.treatment, 'neutral'), g.logE, near);
  });

  it.each(golden.logEPathCure)('path of ln E whose bets expect a cure', (g) => {
    expectNear(logEPath(g.reference, g.treatment, 'cure'), g.logE, near);
  });

  it.each(golden.confidenceSequence95)('confidence sequence at $wedged/$runs', (g) => {
    expectNear(confidenceSequence(g), g.interval, near);
  });

  it.each(golden.holm)('Holm of $p', (g) => {
    expectNear(holmAdjusted(g.p), g.adjusted, near);
  });
});
