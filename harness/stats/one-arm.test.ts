import { describe, expect, it } from 'vitest';
import { confidenceSequence } from './confidence-sequence.ts';
import { parseCount } from './counts.ts';
import { conditionalLess, garwoodInterval, hazardPerReply } from './hazard.ts';
import { binomialTail, clopperPearson, jeffreys, upperBound, wilson } from './intervals.ts';
import { kaplanMeier } from './kaplan-meier.ts';

const METHODS = { clopperPearson, wilson, jeffreys, confidenceSequence };

describe.each(Object.entries(METHODS))('%s', (_, interval) => {
  it('knows nothing without a run', () => {
    expect(interval({ wedged: 0, runs: 0 })).toEqual([0, 1]);
  });

  it.each([1, 2, 20, 1000, 100_000])(
    'is ordered, within [0, 1] and holds the observed rate, n = %i',
    (runs) => {
      for (const wedged of [0, 1, Math.floor(runs / 3), runs - 1, runs]) {
        const [low, high] = interval({ wedged, runs });
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThan(high);
        const slack = interval === jeffreys ? 1 / runs : 0;
        expect(low).toBeLessThanOrEqual(wedged / runs + slack);
        expect(high).toBeGreaterThanOrEqual(wedged / runs - slack);
      }
    },
  );

  it('mirrors wedged and completed', () => {
    const [low, high] = interval({ wedged: 3, runs: 17 });
    const [mirroredLow, mirroredHigh] = interval({ wedged: 14, runs: 17 });
    expect(low).toBeCloseTo(1 - mirroredHigh, 12);
    expect(high).toBeCloseTo(1 - mirroredLow, 12);
  });

  it('refuses what is no count', () => {
    expect(() => interval({ wedged: 7, runs: 6 })).toThrow(RangeError);
    expect(() => interval({ wedged: 0.5, runs: 6 })).toThrow(RangeError);
  });
});

describe('one arm at its edges', () => {
  it('ends exactly at 0 and 1 where the interval does', () => {
    for (const method of [clopperPearson, wilson, confidenceSequence]) {
      expect(method({ wedged: 0, runs: 9 })[0]).toBe(0);
      expect(method({ wedged: 9, runs: 9 })[1]).toBe(1);
    }
  });

  it('bounds 0/n by its closed form and says nothing of n/n or of no run', () => {
    for (const runs of [1, 20, 100_000]) {
      expect(upperBound({ wedged: 0, runs })).toBeCloseTo(-Math.expm1(Math.log(0.05) / runs), 13);
    }
    expect(upperBound({ wedged: 4, runs: 4 })).toBe(1);
    expect(upperBound({ wedged: 0, runs: 0 })).toBe(1);
  });

  it('agrees with SciPy at 100,000 runs', () => {
    const [low, high] = clopperPearson({ wedged: 30_000, runs: 100_000 });
    expect(low).toBeCloseTo(0.29716057540056484, 10);
    expect(high).toBeCloseTo(0.30285102868107405, 10);
    expect(binomialTail({ wedged: 29_700, runs: 100_000 }, 0.3)).toBeCloseTo(0.019307730636605482, 9);
  });

  it('is never surprised by an arm without a run', () => {
    expect(binomialTail({ wedged: 0, runs: 0 }, 0.3)).toBe(1);
  });
});

describe('hazard', () => {
  it('does not exist without a reply', () => {
    expect(hazardPerReply({ wedges: 0, replies: 0 })).toBeNull();
    expect(garwoodInterval({ wedges: 0, replies: 0 })).toBeNull();
    expect(conditionalLess({ wedges: 0, replies: 0 }, { wedges: 0, replies: 9 })).toBeNull();
  });

  it('is no evidence without a wedge', () => {
    expect(conditionalLess({ wedges: 0, replies: 9 }, { wedges: 0, replies: 9 })).toBe(1);
  });
});

describe('kaplanMeier', () => {
  it('counts completed runs as at risk until their last reply', () => {
    // Worked by hand: of 4, one wedges at 3 (¾ left); one is censored at 3; of 2, one wedges at 5 (⅜ left).
    const steps = kaplanMeier([
      { replies: 5, wedged: true },
      { replies: 3, wedged: false },
      { replies: 3, wedged: true },
      { replies: 9, wedged: false },
    ]);
    expect(steps).toEqual([
      { replies: 3, atRisk: 4, wedges: 1, share: 0.75 },
      { replies: 5, atRisk: 2, wedges: 1, share: 0.375 },
    ]);
  });

  it('has no step without a wedge or a run', () => {
    expect(kaplanMeier([])).toEqual([]);
    expect(kaplanMeier([{ replies: 4, wedged: false }])).toEqual([]);
  });
});

describe('parseCount', () => {
  it('reads wedged/runs', () => {
    expect(parseCount(' 6/20', '--reference')).toEqual({ wedged: 6, runs: 20 });
  });

  it.each(['6/0', '7/6', 'abc', '', '-1/5', '1.5/6', '6', '1/2/3', '1/99999999'])(
    'refuses %j with its remedy',
    (text) => {
      expect(() => parseCount(text, '--reference')).toThrow(
        expect.objectContaining({
          code: 'bad-count',
          message: expect.stringContaining(`--reference ${text}`) as string,
          remedy: expect.stringMatching(/\.$/) as string,
          exitCode: 2,
        }),
      );
    },
  );
});
