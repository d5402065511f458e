import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boschlooGreater, boschlooLess, boschlooRegion, boschlooTwoSided } from './boschloo.ts';
import type { Count } from './counts.ts';
import { fisherGreater, fisherLess, fisherTwoSided } from './fisher.ts';
import { holmAdjusted } from './holm.ts';
import { newcombeInterval } from './newcombe.ts';

const count = (most: number) =>
  fc
    .integer({ min: 0, max: most })
    .chain((runs) => fc.integer({ min: 0, max: runs }).map((wedged): Count => ({ wedged, runs })));

function choose(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i += 1) product = (product * (n - k + i)) / i;
  return product;
}

/** Fisher's one-sided p-value from its definition, in plain binomial coefficients. */
function fisherByDefinition(reference: Count, treatment: Count): number {
  const wedges = reference.wedged + treatment.wedged;
  let tail = 0;
  for (let k = Math.max(0, wedges - reference.runs); k <= treatment.wedged; k += 1) {
    tail += choose(treatment.runs, k) * choose(reference.runs, wedges - k);
  }
  return tail / choose(reference.runs + treatment.runs, wedges);
}

/** Boschloo's from its definition: every table, every rate of a fine grid. */
function boschlooByDefinition(reference: Count, treatment: Count): number {
  const observed = fisherByDefinition(reference, treatment);
  const [n1, n2] = [reference.runs, treatment.runs];
  let greatest = 0;
  for (let i = 1; i < 1000; i += 1) {
    const p = i / 1000;
    let size = 0;
    for (let x1 = 0; x1 <= n1; x1 += 1) {
      for (let x2 = 0; x2 <= n2; x2 += 1) {
        const extreme = fisherByDefinition({ wedged: x1, runs: n1 }, { wedged: x2, runs: n2 });
        if (extreme > observed * (1 + 1e-9)) continue;
        size += choose(n1, x1) * choose(n2, x2) * p ** (x1 + x2) * (1 - p) ** (n1 + n2 - x1 - x2);
      }
    }
    greatest = Math.max(greatest, size);
  }
  return greatest;
}

describe("Fisher's test", () => {
  it('is its definition', () => {
    fc.assert(
      fc.property(count(25), count(25), (reference, treatment) => {
        expect(fisherLess(reference, treatment)).toBeCloseTo(fisherByDefinition(reference, treatment), 12);
      }),
    );
  });

  it('agrees with SciPy at 100,000 runs', () => {
    const runs = 100_000;
    const [reference, treatment] = [
      { wedged: 30_000, runs },
      { wedged: 29_700, runs },
    ];
    expect(fisherLess(reference, treatment)).toBeCloseTo(0.0719983348152342, 10);
    expect(fisherTwoSided(reference, treatment)).toBeCloseTo(0.1439966696304684, 10);
    expect(fisherLess({ wedged: 10, runs }, { wedged: 0, runs })).toBeCloseTo(0.0009763427877467903, 12);
  });

  it('says nothing of an empty arm, nor where no run or every run wedged', () => {
    const pairs: [Count, Count][] = [
      [
        { wedged: 0, runs: 0 },
        { wedged: 0, runs: 20 },
      ],
      [
        { wedged: 4, runs: 20 },
        { wedged: 0, runs: 0 },
      ],
      [
        { wedged: 0, runs: 8 },
        { wedged: 0, runs: 9 },
      ],
      [
        { wedged: 8, runs: 8 },
        { wedged: 9, runs: 9 },
      ],
    ];
    for (const pair of pairs) {
      expect(fisherLess(...pair)).toBe(1);
      expect(fisherGreater(...pair)).toBe(1);
      expect(fisherTwoSided(...pair)).toBe(1);
      expect(boschlooTwoSided(...pair)).toBe(1);
    }
  });
});

describe("Boschloo's test", () => {
  it.each([
    [
      { wedged: 3, runs: 4 },
      { wedged: 0, runs: 5 },
    ],
    [
      { wedged: 5, runs: 7 },
      { wedged: 1, runs: 3 },
    ],
    [
      { wedged: 1, runs: 6 },
      { wedged: 2, runs: 6 },
    ],
    [
      { wedged: 1, runs: 1 },
      { wedged: 0, runs: 6 },
    ],
  ])('is its definition for %j against %j', (reference, treatment) => {
    expect(boschlooLess(reference, treatment)).toBeCloseTo(boschlooByDefinition(reference, treatment), 5);
    expect(boschlooGreater(treatment, reference)).toBe(boschlooLess(reference, treatment));
  });

  it('agrees with SciPy for unequal and for larger arms', () => {
    expect(boschlooLess({ wedged: 14, runs: 50 }, { wedged: 5, runs: 40 })).toBeCloseTo(
      0.04345561088295629,
      10,
    );
    expect(boschlooLess({ wedged: 60, runs: 200 }, { wedged: 40, runs: 200 })).toBeCloseTo(
      0.012163915409740541,
      10,
    );
  });

  it("is never above Fisher's", () => {
    fc.assert(
      fc.property(count(30), count(30), (reference, treatment) => {
        expect(boschlooLess(reference, treatment)).toBeLessThanOrEqual(
          fisherLess(reference, treatment) + 1e-12,
        );
      }),
    );
  });

  it('rejects by its region exactly what it rejects by its p-value', () => {
    for (const [n1, n2, alpha] of [
      [20, 20, 0.05],
      [13, 22, 0.01],
      [9, 4, 0.1],
      [1, 1, 0.3],
    ] as const) {
      const region = boschlooRegion(n1, n2, alpha);
      for (let x1 = 0; x1 <= n1; x1 += 1) {
        for (let x2 = 0; x2 <= n2; x2 += 1) {
          const p = boschlooLess({ wedged: x1, runs: n1 }, { wedged: x2, runs: n2 });
          expect(x2 <= (region[x1] ?? -1), `${x1}/${n1} ${x2}/${n2}: p = ${p}`).toBe(p <= alpha);
        }
      }
    }
  });

  it('takes less than a second for 200 + 200 runs', () => {
    const before = performance.now();
    boschlooTwoSided({ wedged: 61, runs: 200 }, { wedged: 43, runs: 200 });
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe('newcombeInterval', () => {
  it('knows nothing of an empty arm, and turns with the arms', () => {
    expect(newcombeInterval({ wedged: 0, runs: 0 }, { wedged: 3, runs: 9 })).toEqual([-1, 1]);
    const [low, high] = newcombeInterval({ wedged: 6, runs: 20 }, { wedged: 2, runs: 15 });
    const [turnedLow, turnedHigh] = newcombeInterval({ wedged: 2, runs: 15 }, { wedged: 6, runs: 20 });
    expect([low, high]).toEqual([-turnedHigh, -turnedLow]);
  });
});

describe('holmAdjusted', () => {
  it('handles none and one, and keeps ties and order', () => {
    expect(holmAdjusted([])).toEqual([]);
    expect(holmAdjusted([0.2])).toEqual([0.2]);
    expect(holmAdjusted([0.5, 0.5, 0.01])).toEqual([1, 1, 0.03]);
  });
});
