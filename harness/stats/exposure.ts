import { decodedCounts } from '../model/exposure.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type Carrier, fewerCarriers } from './carriers.ts';
import { type Counted, type ExposurePart, exposureParts, runCount } from './exposure-parts.ts';
import { holmAdjusted } from './holm.ts';
import { logFactorials } from './log-factorial.ts';
import { areApart, type LabelledScores, permutationLess, smallestP } from './permutation.ts';
import { seededUniform } from './random.ts';

/** An arm can be short where a kind's ratio to the reference is below this. */
export const SHORT_RATIO = 0.9;
/** It is, where the permutation test over runs, after Holm over the kinds, is below this. */
export const SHORT_LEVEL = 0.01;
/**
 * A kind that fewer runs than this have is judged by how many runs have it, too: where nearly all runs have none, a
 * run that ended early is no more like a whole one, and the permutation test alone is wrong up to nine times in a
 * hundred.
 */
export const RARE_SHARE = 0.5;
/**
 * A kind is gone where the reference has it in so many runs, the arm in none of so many, and so clear a difference
 * of runs with it (Fisher, one-sided): without the last a kind that a tenth of all runs have would be called gone in
 * one experiment of twenty-five where nothing differs.
 */
export const GONE = { referenceRuns: 3, armRuns: 5, level: 0.02 } as const;

/** One kind of exposure of two arms, over the cells that were answered in both. */
export interface ExposureKind {
  /** A request's type, `cells begun`, `cells executed`, `published …`, or a traffic action. */
  readonly kind: string;
  /** Expected in a run that answers all of those cells. */
  readonly referencePerRun: number;
  readonly armPerRun: number;
  /** Arm to reference, each cell weighted by its runs (Mantel–Haenszel); `null` where the reference has none. */
  readonly ratio: number | null;
  /** Permutation test over runs after Holm over the kinds; `null` where the ratio is not below `SHORT_RATIO`. */
  readonly p: number | null;
  /**
   * `ratio`: below the ratio and the level. `gone`: the arm has none where the reference has some. `apart`: below the
   * ratio in runs too few for the level, and every run of the arm below every run of the reference.
   */
  readonly short: 'ratio' | 'gone' | 'apart' | null;
}

/** What an arm was given, against the reference arm. */
export interface ExposureComparison {
  readonly arm: string;
  readonly reference: string;
  /**
   * `cells`: by cell. `totals`: the journal is of schema 1 and has the requests of whole runs, of which the completed
   * ones can be compared. `none`: not recorded, or no cell was answered in both arms.
   */
  readonly by: 'cells' | 'totals' | 'none';
  readonly runs: { readonly reference: number; readonly arm: number };
  readonly kinds: readonly ExposureKind[];
}

/** Every arm but the reference against it. Runs that a fault of the harness ended are left out. */
export function exposureComparisons(
  protocol: Protocol,
  reference: string | null,
  runs: readonly RunRecord[],
): ExposureComparison[] {
  if (reference === null) return [];
  const usable = runs.filter(({ outcome }) => outcome.kind !== 'harness-fault');
  const of = (arm: string) => usable.filter((run) => run.arm === arm);
  const references = of(reference);
  return protocol.arms
    .filter(({ name }) => name !== reference)
    .map(({ name }) => compared(protocol, [name, of(name)], [reference, references]));
}

/** Of a comparison, what the arm was short of; empty where it was not. */
export function shortKinds({ kinds }: ExposureComparison): ExposureKind[] {
  return kinds.filter(({ short }) => short !== null);
}

type NamedRuns = readonly [string, readonly RunRecord[]];

function compared(
  protocol: Protocol,
  [arm, armRuns]: NamedRuns,
  [reference, referenceRuns]: NamedRuns,
): ExposureComparison {
  const all = [...armRuns, ...referenceRuns];
  const isRecorded = all.some(({ exposure }) => exposure !== undefined);
  const parts = exposureParts(protocol, armRuns, referenceRuns, isRecorded);
  const runs = {
    reference: parts.reduce((sum, part) => sum + runCount(part.reference), 0),
    arm: parts.reduce((sum, part) => sum + runCount(part.arm), 0),
  };
  const by = runs.reference === 0 || runs.arm === 0 ? 'none' : isRecorded ? 'cells' : 'totals';
  const names = new Set(
    parts.flatMap((part) => [...part.arm, ...part.reference].flatMap(({ counts }) => [...counts.keys()])),
  );
  const tested = (by === 'none' ? [] : [...names].sort()).map((kind) => {
    const each = kindOf(parts, kind);
    if (each.ratio === null || each.ratio >= SHORT_RATIO)
      return { ...each, p: null, smallest: 0, isApart: false };
    const uniform = seededUniform(protocol.seed, `exposure of ${arm}: ${kind}`);
    const scores = each.scores();
    return {
      ...each,
      p: Math.max(permutationLess(scores, uniform), rarePart(parts, kind)),
      smallest: smallestP(scores),
      isApart: areApart(scores),
    };
  });
  // What is not below the ratio is not tested, and counts as one of the kinds all the same. What is the same in every
  // run could not have been significant and does not count (Tarone 1990).
  const varying = tested.filter(({ varies }) => varies);
  const adjusted = holmAdjusted(varying.map(({ p }) => p ?? 1));
  return {
    arm,
    reference,
    by,
    runs,
    kinds: tested.map((each) => {
      const { scores: _scores, varies: _varies, isGone, isApart, smallest, p, ...kind } = each;
      const pHolm = p === null ? null : (adjusted[varying.indexOf(each)] ?? 1);
      const isBelow = pHolm !== null && pHolm < SHORT_LEVEL;
      // A claim may rest on three runs an arm, in which nothing is significant at this level.
      const isFew = isApart && smallest * varying.length >= SHORT_LEVEL;
      return { ...kind, p: pHolm, short: isGone ? 'gone' : isBelow ? 'ratio' : isFew ? 'apart' : null };
    }),
  };
}

/** Runs of one arm by cell: how many answered it, and what they had of a kind in it together. */
interface ByCell {
  readonly runs: Float64Array;
  readonly sums: Float64Array;
}

function byCell(runs: readonly Counted[], kind: string, cells: number): ByCell {
  const result = { runs: new Float64Array(cells), sums: new Float64Array(cells) };
  for (const { reach, times, counts } of runs) {
    const prefix = prefixOf(counts.get(kind) ?? '', cells);
    for (let cell = 0; cell < Math.min(reach, cells); cell += 1) {
      const count = cell + 1 < prefix.length ? (prefix[cell + 1] ?? 0) - (prefix[cell] ?? 0) : 0;
      result.runs[cell] = (result.runs[cell] ?? 0) + times;
      result.sums[cell] = (result.sums[cell] ?? 0) + times * count;
    }
  }
  return result;
}

/** Of a rare kind the p of "fewer runs have it"; 0 of any other. */
function rarePart(parts: readonly ExposurePart[], kind: string): number {
  const carriers = parts.map((part) => {
    const of = (runs: readonly Counted[], isArm: boolean): Carrier[] =>
      runs.flatMap((run) =>
        repeated({ isArm, reach: run.reach, first: firstOf(run, kind, part.cells) }, run.times),
      );
    return { cells: part.cells, runs: [...of(part.arm, true), ...of(part.reference, false)] };
  });
  const all = carriers.flatMap(({ runs }) => runs);
  const carrying = all.filter(({ first }) => first !== null).length;
  return carrying >= RARE_SHARE * all.length ? 0 : fewerCarriers(carriers);
}

/** The first of a run's answered cells that has the kind; `null`: none. */
function firstOf({ counts, reach }: Counted, kind: string, cells: number): number | null {
  const prefix = prefixOf(counts.get(kind) ?? '', cells);
  for (let cell = 0; cell < Math.min(reach, cells, prefix.length - 1); cell += 1) {
    if ((prefix[cell + 1] ?? 0) > 0) return cell;
  }
  return null;
}

function kindOf(parts: readonly ExposurePart[], kind: string) {
  let [weightedArm, weightedReference, referencePerRun, armPerRun] = [0, 0, 0, 0];
  let [referenceWith, armWith, armReached, logNone] = [0, 0, 0, 0];
  const runs = parts.reduce((sum, part) => sum + runCount(part.arm) + runCount(part.reference), 0);
  const scores = parts.map((part) => {
    const { cells } = part;
    const arm = byCell(part.arm, kind, cells);
    const reference = byCell(part.reference, kind, cells);
    const share = (runCount(part.arm) + runCount(part.reference)) / runs;
    const expected = new Float64Array(cells + 1);
    let first = -1;
    for (let cell = 0; cell < cells; cell += 1) {
      const [nArm, nReference] = [arm.runs[cell] ?? 0, reference.runs[cell] ?? 0];
      const [xArm, xReference] = [arm.sums[cell] ?? 0, reference.sums[cell] ?? 0];
      const n = nArm + nReference;
      if (nArm === 0 || nReference === 0) continue;
      weightedArm += (xArm * nReference) / n;
      weightedReference += (xReference * nArm) / n;
      armPerRun += (share * xArm) / nArm;
      referencePerRun += (share * xReference) / nReference;
      expected[cell + 1] = (xArm + xReference) / n;
      if (first < 0 && xReference > 0) first = cell;
    }
    for (let cell = 1; cell <= cells; cell += 1) {
      expected[cell] = (expected[cell] ?? 0) + (expected[cell - 1] ?? 0);
    }
    if (first >= 0) {
      const reached = (all: readonly Counted[]) => all.filter(({ reach }) => reach > first);
      const having = (all: readonly Counted[]) => reached(all).filter((run) => totalOf(run, kind, cells) > 0);
      const [nArm, nReference] = [runCount(reached(part.arm)), runCount(reached(part.reference))];
      const [kArm, kReference] = [runCount(having(part.arm)), runCount(having(part.reference))];
      referenceWith += kReference;
      armWith += kArm;
      armReached += nArm;
      logNone += logNoneOf(nArm, nReference, kReference);
    }
    const scored = (all: readonly Counted[]) =>
      all.map((run) => ({
        score: totalOf(run, kind, cells) - (expected[Math.min(run.reach, cells)] ?? 0),
        times: run.times,
      }));
    return { arm: scored(part.arm), reference: scored(part.reference) };
  });
  return {
    kind,
    referencePerRun,
    armPerRun,
    ratio: weightedReference === 0 ? null : weightedArm / weightedReference,
    scores: (): LabelledScores[] =>
      scores.map(({ arm, reference }) => ({ arm: each(arm), reference: each(reference) })),
    varies: scores.some((part) =>
      [...part.arm, ...part.reference].some(({ score }) => Math.abs(score) > ROUNDING),
    ),
    isGone:
      armWith === 0 &&
      referenceWith >= GONE.referenceRuns &&
      armReached >= GONE.armRuns &&
      Math.exp(logNone) <= GONE.level,
  };
}

function repeated<Value>(value: Value, times: number): Value[] {
  return new Array<Value>(times).fill(value);
}

/** One score for each run. */
function each(scores: readonly { readonly score: number; readonly times: number }[]): number[] {
  return scores.flatMap(({ score, times }) => repeated(score, times));
}

/** ln P(no run of the arm is among the `having` ones), if the arms' labels were drawn by lot. */
function logNoneOf(arm: number, reference: number, having: number): number {
  const log = logFactorials(arm + reference);
  const choose = (n: number, k: number) => (log[n] ?? 0) - (log[k] ?? 0) - (log[n - k] ?? 0);
  return choose(arm + reference - having, arm) - choose(arm + reference, arm);
}

// Sums of the same counts in another order.
const ROUNDING = 1e-9;

const prefixes = new Map<string, Float64Array>();
// Texts of a journal are much the same; of hostile ones no more than this is kept.
const MAX_PREFIXES = 2_000;

function prefixOf(text: string, cells: number): Float64Array {
  const key = `${cells} ${text}`;
  const known = prefixes.get(key);
  if (known !== undefined) return known;
  const counts = decodedCounts(text, cells);
  const prefix = new Float64Array(counts.length + 1);
  counts.forEach((count, cell) => {
    prefix[cell + 1] = (prefix[cell] ?? 0) + count;
  });
  if (prefixes.size >= MAX_PREFIXES) prefixes.clear();
  prefixes.set(key, prefix);
  return prefix;
}

/** What a run had of a kind in its answered cells, of the first `cells`. */
function totalOf({ counts, reach }: Counted, kind: string, cells: number): number {
  const prefix = prefixOf(counts.get(kind) ?? '', cells);
  return prefix[Math.min(reach, cells, prefix.length - 1)] ?? 0;
}
