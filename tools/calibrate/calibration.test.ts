import { describe, expect, it } from 'vitest';
import { type CalibrationDesign, calibrationPoint, isAboveLevel } from './calibration.ts';
import { calibrationCsv, calibrationMarkdown, calibrationSvg } from './calibration-report.ts';

/** The committed calibration, shorter: 2,000 experiments at three rates. */
const DESIGN: CalibrationDesign = { experiments: 2000, runs: 20, blocks: 80, alpha: 0.05, seed: 3 };
const points = [0.05, 0.3, 0.5].map((rate) => calibrationPoint(rate, DESIGN));

describe('calibration', () => {
  it.each(points)('nothing is above its level at a rate of $rate', ({ results }) => {
    expect(results.filter((result) => isAboveLevel(result, DESIGN.experiments))).toEqual([]);
  });

  it('can tell: testing after every block is far above its level', () => {
    const peeking = points[1]?.results.find(({ method }) => method.startsWith('not valid'));
    expect(peeking?.errors).toBeGreaterThan(0.12);
    expect(peeking && isAboveLevel({ ...peeking, isExact: true }, DESIGN.experiments)).toBe(true);
  });

  it('is not vacuous: the exact tests do reject, the intervals do miss', () => {
    for (const method of [
      'Boschloo less',
      'Clopper–Pearson 95 %',
      'e-process',
      'Garwood 95 %',
      'confidence sequence 95 %',
    ]) {
      expect(points[1]?.results.find((result) => result.method === method)?.errors, method).toBeGreaterThan(
        0.002,
      );
    }
  });

  it('repeats itself, and reports a method that is above its level', () => {
    expect(calibrationPoint(0.05, DESIGN)).toEqual(points[0]);
    expect(calibrationMarkdown(points, DESIGN)).toContain('Nothing that promises its level (≤) is above it');
    const broken = points.map((point) => ({
      ...point,
      results: point.results.map((result) => ({ ...result, errors: 0.2 })),
    }));
    expect(calibrationMarkdown(broken, DESIGN)).toContain('Above their level');
    expect(calibrationCsv(points, DESIGN).trim().split('\n')).toHaveLength(
      1 + points.flatMap(({ results }) => results).length,
    );
    expect(calibrationSvg(points, DESIGN)).not.toMatch(/NaN|undefined/);
  });
});
