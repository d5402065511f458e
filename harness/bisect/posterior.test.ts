import { describe, expect, test } from 'vitest';
import { seededUniform, type Uniform } from '../stats/random.ts';
import { expectedBits, nextChoice } from './allocation.ts';
import { RESOLUTION, ratesOf } from './likelihood.ts';
import { type BatchResult, type BisectModel, DEFAULT_MODEL, type Span } from './model.ts';
import { belief, beliefAfter } from './posterior.ts';
import { gaussLegendre } from './quadrature.ts';

const batch = (probe: number, controlWedged: boolean | null, wedged: number, runs: number): BatchResult => ({
  probe,
  controlWedged,
  wedged,
  runs,
});

/** Beta-binomial probability of w wedges in n runs in a given order, prior Beta(a, b). */
function betaBinomial(a: number, b: number, w: number, n: number): number {
  const rising = (from: number, factors: number) =>
    Array.from({ length: factors }, (_, i) => from + i).reduce((product, value) => product * value, 1);
  return (rising(a, w) * rising(b, n - w)) / rising(a + b, n);
}

test('Gauss–Legendre integrates polynomials exactly and its weights sum to one', () => {
  const { nodes, weights } = gaussLegendre(16);
  const integral = (power: number) =>
    nodes.reduce((sum, node, i) => sum + (weights[i] as number) * node ** power, 0);
  for (const power of [0, 1, 7, 31]) expect(integral(power)).toBeCloseTo(1 / (power + 1), 12);
});

describe('against the Beta-binomial formula, where nothing is blind or false', () => {
  const model: BisectModel = { likeness: 4, falseRateBeta: 1e7, blindBeta: 1e7 };
  // Good 0, then 1, 2; bad 3; then 4, fixed 5.
  const span: Span = { releases: 6, bad: 3 };
  const batches = [
    batch(1, true, 0, 3),
    batch(2, true, 1, 2),
    batch(5, false, 0, 4),
    batch(4, true, 0, 1),
    batch(0, true, 0, 2),
  ];

  /** Σ over a fine grid of the control's rate, every hypothesis written out. */
  function bruteForce(): Map<string, number> {
    const of = new Map<string, number>();
    const steps = 4000;
    for (let step = 0; step < steps; step += 1) {
      const p = (step + 0.5) / steps;
      const control = batches.reduce((l, { controlWedged }) => l * (controlWedged === true ? p : 1 - p), 1);
      for (let i = 0; i <= 3; i += 1) {
        for (let j = 4; j <= 6; j += 1) {
          let likelihood = control;
          for (let release = 0; release < 6; release += 1) {
            if (release === 3) continue;
            const own = batches.filter(({ probe }) => probe === release);
            const runs = own.reduce((sum, each) => sum + each.runs, 0);
            const wedged = own.reduce((sum, each) => sum + each.wedged, 0);
            const affected = release >= i && release < j;
            if (affected) likelihood *= betaBinomial(4 * p, 4 * (1 - p), wedged, runs);
            else if (wedged > 0) likelihood = 0;
          }
          const key = `${i} ${j}`;
          of.set(key, (of.get(key) ?? 0) + likelihood);
        }
      }
    }
    const total = [...of.values()].reduce((sum, value) => sum + value, 0);
    return new Map([...of].map(([key, value]) => [key, value / total]));
  }

  test('every hypothesis has the same probability', () => {
    const { posterior } = belief(span, model, batches);
    const exact = bruteForce();
    const marginal = (place: 0 | 1, value: number) =>
      [...exact].reduce((sum, [key, p]) => sum + (Number(key.split(' ')[place]) === value ? p : 0), 0);
    for (let i = 0; i <= 3; i += 1) expect(posterior.brought[i]).toBeCloseTo(marginal(0, i), 3);
    for (let j = 4; j <= 6; j += 1) expect(posterior.cured[j - 4]).toBeCloseTo(marginal(1, j), 3);
    const best = Math.max(...exact.values());
    expect(posterior.best.probability).toBeCloseTo(best, 3);
    expect(exact.get(`${posterior.best.brought} ${posterior.best.cured}`)).toBe(best);
  });
});

/** A draw from Beta(a, b), by Jöhnk (1964, Metrika 8:5): exact, and quick where a and b are not large. */
function betaDraw(a: number, b: number, uniform: Uniform): number {
  for (;;) {
    const x = uniform() ** (1 / a);
    const y = uniform() ** (1 / b);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

describe('against simulation of the whole model', () => {
  const model: BisectModel = { likeness: 4, falseRateBeta: 9, blindBeta: 2 };
  const span: Span = { releases: 5, bad: 2 };
  const design = [
    { probe: 1, runs: 2 },
    { probe: 1, runs: 1 },
    { probe: 3, runs: 2 },
  ];

  function simulate(uniform: Uniform, order = design): { i: number; j: number; batches: BatchResult[] } {
    const i = Math.floor(uniform() * 3);
    const j = 3 + Math.floor(uniform() * 3);
    const p = uniform();
    const q = betaDraw(1, model.falseRateBeta, uniform);
    const blindShare = betaDraw(1, model.blindBeta, uniform);
    const rates = Array.from({ length: 5 }, (_, release) =>
      release === 2
        ? p
        : release >= i && release < j
          ? betaDraw(model.likeness * p, model.likeness * (1 - p), uniform)
          : q,
    );
    const batches = order.map(({ probe, runs }) => {
      const blind = uniform() < blindShare;
      const rate = (release: number) => (blind ? q : (rates[release] as number));
      let wedged = 0;
      const controlWedged = uniform() < rate(2);
      for (let run = 0; run < runs; run += 1) if (uniform() < rate(probe)) wedged += 1;
      return batch(probe, controlWedged, wedged, runs);
    });
    return { i, j, batches };
  }

  test('what was believed is what was so', () => {
    const uniform = seededUniform(7, 'bisect model');
    const groups = new Map<string, { batches: BatchResult[]; truths: { i: number; j: number }[] }>();
    for (let n = 0; n < 60_000; n += 1) {
      const { i, j, batches } = simulate(uniform);
      const key = JSON.stringify(batches);
      const group = groups.get(key) ?? { batches, truths: [] };
      group.truths.push({ i, j });
      groups.set(key, group);
    }
    const common = [...groups.values()].sort((a, b) => b.truths.length - a.truths.length).slice(0, 12);
    expect(common.at(-1)?.truths.length).toBeGreaterThan(500);
    for (const { batches, truths } of common) {
      const { posterior } = belief(span, model, batches);
      const share = (is: (truth: { i: number; j: number }) => boolean) =>
        truths.filter(is).length / truths.length;
      const tolerance = 4.5 * Math.sqrt(0.25 / truths.length);
      for (let i = 0; i < 3; i += 1) {
        expect(Math.abs((posterior.brought[i] as number) - share((t) => t.i === i))).toBeLessThan(tolerance);
      }
      for (let j = 3; j < 6; j += 1) {
        expect(Math.abs((posterior.cured[j - 3] as number) - share((t) => t.j === j))).toBeLessThan(
          tolerance,
        );
      }
    }
  });

  test('a batch tells as many bits as it was expected to', () => {
    const known = [batch(1, true, 0, 1)];
    const before = belief(span, model, known);
    const expected = expectedBits(before, 1, 2);
    const uniform = seededUniform(8, 'bisect bits');
    const told = new Map<string, readonly number[]>();
    const gains: number[] = [];
    while (gains.length < 4000) {
      const { i, batches } = simulate(uniform, [design[1], design[0]] as typeof design);
      if (batches[0]?.controlWedged !== true || batches[0].wedged !== 0) continue;
      const key = JSON.stringify(batches[1]);
      const updated = told.get(key) ?? belief(span, model, batches).posterior.brought;
      told.set(key, updated);
      gains.push(Math.log2((updated[i] as number) / (before.posterior.brought[i] as number)));
    }
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / gains.length;
    expect(Math.abs(mean - expected)).toBeLessThan(4.5 * Math.sqrt(variance / gains.length));
  });
});

describe('what the design is for', () => {
  const span: Span = { releases: 7, bad: 5 };

  test('clean probes say less where the control of their batch stayed clean', () => {
    const wedging = Array.from({ length: 6 }, () => batch(0, true, 0, 1));
    const seen = (controlWedged: boolean) =>
      belief(span, DEFAULT_MODEL, [...wedging, batch(3, controlWedged, 0, 4)]).posterior.brought[3] as number;
    const unseen = belief(span, DEFAULT_MODEL, wedging).posterior.brought[3] as number;
    expect(seen(true)).toBeLessThan(0.2 * unseen);
    expect(seen(false)).toBeGreaterThan(2 * seen(true));
  });

  test('without a wedge of the control nothing is ever found', () => {
    const clean = Array.from({ length: 40 }, (_, n) =>
      batch([0, 1, 2, 3, 4, 6][n % 6] as number, false, 0, 2),
    );
    const { posterior } = belief(span, DEFAULT_MODEL, clean);
    expect(posterior.best.probability).toBeLessThan(0.5);
  });

  test('an invalid control leaves the runs of its probe to speak alone', () => {
    const { posterior } = belief(span, DEFAULT_MODEL, [batch(2, null, 1, 1), batch(2, null, 1, 1)]);
    expect(posterior.brought.slice(3).every((p) => p < 0.05)).toBe(true);
  });

  test('labels are tested, not believed: a good release that wedges is found out', () => {
    const { posterior } = belief(span, DEFAULT_MODEL, [batch(0, true, 1, 1), batch(0, true, 1, 1)]);
    expect(posterior.best.brought).toBe(0);
    expect(posterior.brought[0]).toBeGreaterThan(0.9);
  });

  test('finer sums over the rates change no probability by a percentage point', () => {
    const batches = [
      ...Array.from({ length: 9 }, () => batch(0, true, 0, 2)),
      ...Array.from({ length: 5 }, () => batch(0, false, 0, 4)),
      batch(3, true, 2, 4),
      batch(2, true, 1, 4),
      batch(1, false, 0, 4),
      batch(6, true, 0, 4),
      batch(6, true, 0, 4),
    ];
    const fine = { control: 96, own: 48, falsely: 8, blind: 10 };
    const coarse = belief(span, DEFAULT_MODEL, batches, ratesOf(DEFAULT_MODEL, RESOLUTION)).posterior;
    const exact = belief(span, DEFAULT_MODEL, batches, ratesOf(DEFAULT_MODEL, fine)).posterior;
    coarse.brought.forEach((p, i) => {
      expect(Math.abs(p - (exact.brought[i] as number))).toBeLessThan(0.01);
    });
    coarse.cured.forEach((p, j) => {
      expect(Math.abs(p - (exact.cured[j] as number))).toBeLessThan(0.01);
    });
  });

  test('one more batch gives what all of them at once give', () => {
    const first = [batch(2, true, 0, 1), batch(6, true, 0, 1)];
    const all = [...first, batch(2, false, 0, 3)];
    const step = beliefAfter(belief(span, DEFAULT_MODEL, first), all, 2);
    expect(step.posterior).toEqual(belief(span, DEFAULT_MODEL, all).posterior);
  });

  test('no release that cannot be run is chosen, and none is left when all cannot', () => {
    const fresh = belief(span, DEFAULT_MODEL, []);
    const uniform = seededUniform(1, 'choice');
    const all = new Set([0, 1, 2, 3, 4, 6]);
    expect(nextChoice(fresh, all, uniform)).toBeNull();
    all.delete(4);
    expect(nextChoice(fresh, all, uniform)?.probe).toBe(4);
  });

  test('the first look halves the releases, or is at the only one that may have cured', () => {
    const { probe } =
      nextChoice(belief({ releases: 12, bad: 11 }, DEFAULT_MODEL, []), new Set(), () => 0) ?? {};
    expect([4, 5, 6]).toContain(probe);
  });
});
