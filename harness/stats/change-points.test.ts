import { describe, expect, it } from 'vitest';
import { changePoints } from './change-points.ts';
import type { Count } from './counts.ts';
import { seededUniform } from './random.ts';

function night(rate: number, runs: number, uniform: () => number): Count {
  let wedged = 0;
  for (let run = 0; run < runs; run += 1) if (uniform() < rate) wedged += 1;
  return { wedged, runs };
}

const nights = (...counts: readonly [number, number][]): Count[] =>
  counts.map(([wedged, runs]) => ({ wedged, runs }));

describe('changes of a rate over nights', () => {
  it('are not flagged more often than the level, looked at after each of 120 nights', () => {
    for (const rate of [0.05, 0.3, 0.9]) {
      const uniform = seededUniform(3, `constant ${rate}`);
      const experiments = 400;
      let flagged = 0;
      for (let i = 0; i < experiments; i += 1) {
        const history = Array.from({ length: 120 }, () => night(rate, 10, uniform));
        if (changePoints(history, 0.05).found.length > 0) flagged += 1;
      }
      // At most 5 %, by four standard errors.
      expect(flagged / experiments).toBeLessThanOrEqual(0.05 + 4 * Math.sqrt((0.05 * 0.95) / experiments));
    }
  });

  it('are found within a week where a wedge of 60 % goes, on the night on which it went', () => {
    const uniform = seededUniform(4, 'change');
    let [late, misplaced] = [0, 0];
    for (let i = 0; i < 200; i += 1) {
      const before = Array.from({ length: 10 }, () => night(0.6, 20, uniform));
      const after = Array.from({ length: 10 }, () => night(0, 20, uniform));
      const [change] = changePoints([...before, ...after], 0.01).found;
      if (change === undefined || change.foundAt > 16) late += 1;
      else if (change.after !== 9) misplaced += 1;
    }
    expect(late).toBe(0);
    expect(misplaced).toBeLessThan(4);
  });

  it('are counted on both sides, and found again when the rate comes back', () => {
    const history = nights(...Array(6).fill([12, 20]), ...Array(6).fill([0, 20]), ...Array(8).fill([13, 20]));
    const { found } = changePoints(history, 0.05);
    expect(found.map(({ after }) => after)).toEqual([5, 11]);
    expect(found[0]?.before).toEqual({ wedged: 72, runs: 120 });
    expect(found[0]?.since.wedged).toBe(0);
  });

  it('are none in one night, none without a run, and none of what cannot change', () => {
    for (const history of [[], nights([0, 0]), nights([7, 20]), nights(...Array(50).fill([0, 20]))]) {
      expect(changePoints(history, 0.05).found).toEqual([]);
    }
    const known = nights([12, 20], [11, 20], [0, 20], [0, 20]);
    const withGap = nights([12, 20], [11, 20], [0, 0], [0, 20], [0, 20]);
    expect(changePoints(withGap, 0.05).found[0]?.before.wedged).toBe(
      changePoints(known, 0.05).found[0]?.before.wedged,
    );
  });

  it('have the E worked by hand for two nights of one run', () => {
    // One change after night 1 (weight ½): ½ · ½ · ½; none yet (½): B(3/2, 3/2)/B(½, ½) = 1/8; over ¼.
    expect(Math.exp(changePoints(nights([1, 1], [0, 1]), 0.001).logE)).toBeCloseTo(
      (0.5 * 0.25 + 0.5 * 0.125) / 0.25,
      12,
    );
  });
});
