import { describe, expect, it } from 'vitest';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { analyseExperiment } from './analysis.ts';
import { contentInnocence } from './content-innocence.ts';
import { seededUniform } from './random.ts';

const arm = (name: string, wedges: readonly number[], exposed: readonly number[]) => ({
  name,
  cells: wedges.map((count, cell) => ({ notebook: 0, cell, exposed: exposed[cell] ?? 0, wedges: count })),
});
const cells = (wedges: readonly number[], exposed: readonly number[]) => [arm('control', wedges, exposed)];

describe('contentInnocence', () => {
  it('finds a cell that attracts wedges', () => {
    const found = contentInnocence(cells([1, 0, 12, 1], [40, 39, 39, 27]), 1);
    expect(found.words).toBe('clusters at cell 2');
    expect(found.cluster).toEqual({ notebook: 0, cell: 2 });
    expect(found.p).toBeLessThan(0.001);
  });

  it('judges against exposure: many wedges at an early cell that every run sent are no cluster', () => {
    const found = contentInnocence(cells([10, 1, 0], [100, 10, 5]), 1);
    expect(found.words).toBe('wanders');
  });

  it('agrees with the exact probability of two wedges in two equal cells', () => {
    // Both at one cell: χ² = 2 with probability ½; one at each: χ² = 0, always reached.
    expect(contentInnocence(cells([2, 0], [9, 9]), 4).p).toBeCloseTo(0.5, 1);
    expect(contentInnocence(cells([1, 1], [9, 9]), 4).p).toBe(1);
  });

  it('has the p-value of a test: at most α of innocent experiments cluster', () => {
    const uniform = seededUniform(9, 'innocent');
    let clusters = 0;
    for (let i = 0; i < 300; i += 1) {
      const wedges = [0, 0, 0, 0, 0];
      for (let k = 0; k < 8; k += 1) {
        const cell = Math.floor(uniform() * 5);
        wedges[cell] = (wedges[cell] ?? 0) + 1;
      }
      if (contentInnocence(cells(wedges, [9, 9, 9, 9, 9]), i).cluster !== null) clusters += 1;
    }
    expect(clusters / 300).toBeLessThan(0.1);
  });

  it('is repeatable, and depends on the seed', () => {
    const input = cells([3, 1, 4], [20, 18, 16]);
    expect(contentInnocence(input, 3)).toEqual(contentInnocence(input, 3));
    expect(contentInnocence(input, 3).p).not.toBe(contentInnocence(input, 4).p);
  });

  it('does not pretend to know from one wedge or one cell', () => {
    for (const few of [cells([1, 0], [9, 9]), cells([5], [9]), cells([], [])]) {
      expect(contentInnocence(few, 1)).toMatchObject({
        p: null,
        chiSquare: null,
        words: 'too few wedges to tell',
      });
    }
  });

  it('takes arms together, each by its own exposure: a lower rate beside a higher one is no cluster', () => {
    const control = arm('control', [6, 5, 3, 1], [16, 10, 5, 2]);
    const sham = arm('sham', [0, 1, 0, 1], [90, 90, 89, 89]);
    const found = contentInnocence([control, sham], 2);
    expect(found.arms).toEqual(['control', 'sham']);
    expect(found.words).toBe('wanders');
    expect(
      contentInnocence([arm('a', [0, 9, 0], [20, 20, 11]), arm('b', [1, 7, 1], [20, 19, 12])], 2),
    ).toMatchObject({
      words: 'clusters at cell 1',
      cluster: { notebook: 0, cell: 1 },
    });
  });
});

/** Runs of 25 cells in which every reply wedges with the same small chance, in three arms that have it. */
function innocentJournal(seed: number) {
  const arms = ['control', 'sham', 'still'].map((name, index) => ({
    name,
    role: (['control', 'sham', 'treatment'] as const)[index] ?? 'control',
    hazard: 0.03,
  }));
  return syntheticJournal({ arms, blocks: 20, seed });
}

describe('an experiment with one hazard for all replies of all arms', () => {
  it('is said to cluster in at most 5 % of experiments, and at most one thing is said of it', () => {
    const EXPERIMENTS = 150;
    let clusters = 0;
    for (let seed = 1; seed <= EXPERIMENTS; seed += 1) {
      const { experiment, runs } = innocentJournal(seed);
      const { innocence } = analyseExperiment(experiment.protocol, runs);
      expect(innocence.arms).toEqual(['control', 'sham', 'still']);
      if (innocence.cluster !== null) clusters += 1;
    }
    // 14 of 150 is the 99 % quantile of a test whose level is exactly 5 %; a test of each arm says it in about 20.
    expect(clusters).toBeLessThanOrEqual(14);
  }, 120_000);
});
