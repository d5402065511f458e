import { boschlooGreater, boschlooLess } from '../../harness/stats/boschloo.ts';
import { confidenceSequence } from '../../harness/stats/confidence-sequence.ts';
import type { Count, Interval } from '../../harness/stats/counts.ts';
import {
  type EProcessState,
  eProcessStart,
  eProcessStep,
  logMean,
  reachesBound,
} from '../../harness/stats/e-process.ts';
import { fisherLess, fisherTwoSided } from '../../harness/stats/fisher.ts';
import { conditionalLess, garwoodInterval } from '../../harness/stats/hazard.ts';
import { holmAdjusted } from '../../harness/stats/holm.ts';
import { clopperPearson, jeffreys, upperBound, wilson } from '../../harness/stats/intervals.ts';
import { newcombeInterval } from '../../harness/stats/newcombe.ts';
import { seededUniform, type Uniform } from '../../harness/stats/random.ts';

/** What is simulated at each wedge rate, with every arm at that rate: whatever is claimed then is an error. */
export interface CalibrationDesign {
  readonly experiments: number;
  /** Runs of each arm in the fixed-size methods. */
  readonly runs: number;
  /** Blocks of the methods that look after every block. */
  readonly blocks: number;
  readonly alpha: number;
  readonly seed: number;
}

/** One method at one rate. */
export interface CalibrationResult {
  readonly method: string;
  readonly kind: 'interval' | 'test' | 'verdict' | 'every-block';
  /** Share of the experiments that erred: the interval missed the truth, the test claimed a difference. */
  readonly errors: number;
  /** What it may be at most; of an approximate method, what it ought to be about. */
  readonly level: number;
  /** Whether the method's source promises the level at every rate. */
  readonly isExact: boolean;
}

export interface CalibrationPoint {
  readonly rate: number;
  readonly results: readonly CalibrationResult[];
}

/** Wedge rate of a control that wedges nearly always, beside a sham that wedges like the treatment. */
const WEDGING = 0.9;

/** Standard errors of simulation beyond the level that still count as chance: 1 in 30,000 one-sided. */
export const CHANCE = 4;

/** Whether a method that promises its level is above it by more than simulation error. */
export function isAboveLevel({ errors, level, isExact }: CalibrationResult, experiments: number): boolean {
  return isExact && errors > level + CHANCE * Math.sqrt((level * (1 - level)) / experiments);
}

/** How every method errs at one rate, 0 < rate < 1. Equal designs give equal results. */
export function calibrationPoint(rate: number, design: CalibrationDesign): CalibrationPoint {
  return {
    rate,
    results: [
      ...intervalErrors(rate, design),
      ...testErrors(rate, design),
      ...hazardErrors(rate, design),
      ...everyBlockErrors(rate, design),
    ],
  };
}

type Tally = Map<string, Omit<CalibrationResult, 'errors'> & { count: number }>;

function tally(
  counts: Tally,
  method: string,
  kind: CalibrationResult['kind'],
  level: number,
  erred: boolean,
  isExact = true,
): void {
  const entry = counts.get(method) ?? { method, kind, level, isExact, count: 0 };
  if (erred) entry.count += 1;
  counts.set(method, entry);
}

function results(counts: Tally, experiments: number): CalibrationResult[] {
  return [...counts.values()].map(({ count, ...entry }) => ({ ...entry, errors: count / experiments }));
}

function wedgesOf(runs: number, rate: number, uniform: Uniform): number {
  let wedged = 0;
  for (let run = 0; run < runs; run += 1) if (uniform() < rate) wedged += 1;
  return wedged;
}

const misses = ([low, high]: Interval, truth: number) => truth < low || truth > high;

function intervalErrors(rate: number, { experiments, runs, seed }: CalibrationDesign): CalibrationResult[] {
  const uniform = seededUniform(seed, `intervals ${rate}`);
  const missed = Array.from({ length: runs + 1 }, (_, wedged) => {
    const count = { wedged, runs };
    return {
      clopperPearson: misses(clopperPearson(count), rate),
      wilson: misses(wilson(count), rate),
      jeffreys: misses(jeffreys(count), rate),
      upper: rate > upperBound(count),
    };
  });
  const newcombe = remembered(runs, (reference, treatment) =>
    misses(newcombeInterval(reference, treatment), 0),
  );
  const counts: Tally = new Map();
  for (let i = 0; i < experiments; i += 1) {
    const x1 = wedgesOf(runs, rate, uniform);
    const x2 = wedgesOf(runs, rate, uniform);
    const miss = missed[x1];
    tally(counts, 'Clopper–Pearson 95 %', 'interval', 0.05, miss?.clopperPearson ?? false);
    tally(counts, 'upper bound 95 %', 'interval', 0.05, miss?.upper ?? false);
    tally(counts, 'Wilson 95 %', 'interval', 0.05, miss?.wilson ?? false, false);
    tally(counts, 'Jeffreys 95 %', 'interval', 0.05, miss?.jeffreys ?? false, false);
    tally(counts, 'Newcombe difference 95 %', 'interval', 0.05, newcombe(x1, x2), false);
  }
  return results(counts, experiments);
}

/** A function of two arms' counts, each pair worked out once: a calibration asks for the same few millions of times. */
function remembered<T>(
  runs: number,
  method: (reference: Count, treatment: Count) => T,
): (x1: number, x2: number) => T {
  const known = new Map<number, T>();
  return (x1, x2) => {
    const key = x1 * (runs + 1) + x2;
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = method({ wedged: x1, runs }, { wedged: x2, runs });
    known.set(key, value);
    return value;
  };
}

function testErrors(
  rate: number,
  { experiments, runs, alpha, seed }: CalibrationDesign,
): CalibrationResult[] {
  const uniform = seededUniform(seed, `tests ${rate}`);
  const pValues = remembered(runs, (reference, treatment) => ({
    fisherLess: fisherLess(reference, treatment),
    fisherTwoSided: fisherTwoSided(reference, treatment),
    less: boschlooLess(reference, treatment),
    greater: boschlooGreater(reference, treatment),
  }));
  const counts: Tally = new Map();
  for (let i = 0; i < experiments; i += 1) {
    const control = wedgesOf(runs, rate, uniform);
    const sham = wedgesOf(runs, rate, uniform);
    const treatments = [wedgesOf(runs, rate, uniform), wedgesOf(runs, rate, uniform)];
    const first = pValues(control, treatments[0] ?? 0);
    tally(counts, 'Fisher less', 'test', alpha, first.fisherLess <= alpha);
    tally(counts, 'Fisher two-sided', 'test', alpha, first.fisherTwoSided <= alpha);
    tally(counts, 'Boschloo less', 'test', alpha, first.less <= alpha);
    tally(counts, 'Boschloo two-sided', 'test', alpha, 2 * Math.min(first.less, first.greater) <= alpha);
    const claims = treatments.map((x) => Math.max(pValues(control, x).less, pValues(sham, x).less));
    tally(counts, 'verdict: claim, with sham', 'verdict', alpha, (claims[0] ?? 1) <= alpha);
    tally(counts, 'verdict: claim, without sham', 'verdict', alpha, first.less <= alpha);
    // The hardest case of the claim: only the sham says that the change itself does nothing.
    const wedging = wedgesOf(runs, WEDGING, uniform);
    const disturbed = Math.max(
      pValues(wedging, treatments[0] ?? 0).less,
      pValues(sham, treatments[0] ?? 0).less,
    );
    tally(counts, 'verdict: claim, control at 0.9', 'verdict', alpha, disturbed <= alpha);
    tally(counts, 'verdict: worse', 'verdict', alpha, first.greater <= alpha);
    const either = holmAdjusted(treatments.map((x) => pValues(control, x).less)).some((p) => p <= alpha);
    tally(counts, 'verdict: any claim of two treatments', 'verdict', alpha, either);
  }
  return results(counts, experiments);
}

/** The hazard's figures, with as many wedges expected as the fixed-size arms have, at 100 replies a run. */
function hazardErrors(
  rate: number,
  { experiments, runs, alpha, seed }: CalibrationDesign,
): CalibrationResult[] {
  const uniform = seededUniform(seed, `hazard ${rate}`);
  const replies = 100 * runs;
  const expected = rate * runs;
  const truth = expected / replies;
  const counts: Tally = new Map();
  const wedgesDrawn = () => {
    // Knuth's product of uniforms: exact, and the means here are small.
    let wedges = -1;
    for (let product = 1, bound = Math.exp(-expected); product > bound; wedges += 1) product *= uniform();
    return wedges;
  };
  for (let i = 0; i < experiments; i += 1) {
    const reference = { wedges: wedgesDrawn(), replies };
    const treatment = { wedges: wedgesDrawn(), replies };
    tally(counts, 'Garwood 95 %', 'interval', 0.05, misses(garwoodInterval(reference) ?? [0, 1], truth));
    tally(
      counts,
      'conditional hazard less',
      'test',
      alpha,
      (conditionalLess(reference, treatment) ?? 1) <= alpha,
    );
  }
  return results(counts, experiments);
}

function everyBlockErrors(
  rate: number,
  { experiments, blocks, alpha, seed }: CalibrationDesign,
): CalibrationResult[] {
  const uniform = seededUniform(seed, `every block ${rate}`);
  const excluded = Array.from({ length: blocks }, (_, i) =>
    Array.from({ length: i + 2 }, (_, wedged) => misses(confidenceSequence({ wedged, runs: i + 1 }), rate)),
  );
  const fisherBlocks = Math.min(100, blocks);
  const fisherRejects = Array.from({ length: fisherBlocks }, (_, i) =>
    remembered(i + 1, (reference, treatment) => fisherTwoSided(reference, treatment) <= alpha),
  );
  const counts: Tally = new Map();
  for (let i = 0; i < experiments; i += 1) {
    let control: EProcessState = eProcessStart('neutral');
    let reversed: EProcessState = eProcessStart('neutral');
    let sham: EProcessState = eProcessStart('cure');
    let wedging: EProcessState = eProcessStart('cure');
    let cure: EProcessState = eProcessStart('cure');
    let [sequenceMissed, fisherRejected, twoSided] = [false, false, false];
    for (let block = 0; block < blocks; block += 1) {
      const [y0, y1, y2] = [uniform() < rate, uniform() < rate, uniform() < rate];
      control = eProcessStep(control, y0, y2);
      reversed = eProcessStep(reversed, y2, y0);
      cure = eProcessStep(cure, y0, y2);
      sham = eProcessStep(sham, y1, y2);
      wedging = eProcessStep(wedging, uniform() < WEDGING, y2);
      if (reachesBound(logMean([control.logE, reversed.logE]), alpha)) twoSided = true;
      if (excluded[block]?.[control.referenceWedges]) sequenceMissed = true;
      if (block < fisherBlocks && !fisherRejected) {
        fisherRejected = fisherRejects[block]?.(control.referenceWedges, control.treatmentWedges) ?? false;
      }
    }
    tally(counts, 'e-process', 'every-block', alpha, reachesBound(control.maxLogE, alpha));
    tally(counts, 'e-process, at 1/0.01', 'every-block', 0.01, reachesBound(control.maxLogE, 0.01));
    const below = reachesBound(cure.maxLogE, alpha);
    tally(counts, 'e-process, bets on a cure', 'every-block', alpha, below);
    tally(
      counts,
      'e-process, bets on a cure, at 1/0.01',
      'every-block',
      0.01,
      reachesBound(cure.maxLogE, 0.01),
    );
    tally(counts, 'e-process, two-sided (A/A)', 'every-block', alpha, twoSided);
    tally(
      counts,
      'sequential verdict: claim, with sham',
      'every-block',
      alpha,
      below && reachesBound(sham.maxLogE, alpha),
    );
    const disturbed = reachesBound(sham.maxLogE, alpha) && reachesBound(wedging.maxLogE, alpha);
    tally(counts, 'sequential verdict: claim, control at 0.9', 'every-block', alpha, disturbed);
    tally(counts, 'sequential verdict: worse', 'every-block', alpha, reachesBound(reversed.maxLogE, alpha));
    tally(counts, 'confidence sequence 95 %', 'every-block', 0.05, sequenceMissed);
    tally(
      counts,
      'not valid: Fisher two-sided, looked at to block 100',
      'every-block',
      alpha,
      fisherRejected,
      false,
    );
  }
  return results(counts, experiments);
}
