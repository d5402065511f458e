import { decodedCounts } from '../model/exposure.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type Carrier, fewerCarriers } from './carriers.ts';
import { type Counted, type ExposurePart, exposureParts, runCount } from './exposure-parts.ts';
import { holmAdjusted } from './holm.ts';
import { logFactorials } from './log-factorial.ts';
import { areApart, type LabelledScores, permutationLess, smallestP } from './permutation.ts';
import { seededUniform } from './random.ts';

/** An arm can only count as short of a kind when its ratio to the reference is below this. */
export const SHORT_RATIO = 0.9;
/**
 * The arm is short when, in addition, the p-value is below this. The p-value comes from the permutation test
 * over runs, after Holm over the kinds.
 */
export const SHORT_LEVEL = 0.01;
/**
 * A kind that occurs in a smaller share of the runs than this is also judged by how many runs have it. When
 * nearly all runs have none, a run that ended early looks like a whole run, and the permutation test alone is
 * wrong in up to nine of a hundred cases.
 */
export const RARE_SHARE = 0.5;
/**
 * A kind is gone when three conditions hold: at least this many reference runs have it, none of at least this
 * many runs of the arm has it, and Fisher's one-sided test of the runs that have it is below `level`. Without
 * the test, one experiment in twenty-five in which nothing differs would report a kind as gone when a tenth
 * of all runs have it.
 */
export const GONE = { referenceRuns: 3, armRuns: 5, level: 0.02 } as const;

/** Exposure of two arms to one kind, over the cells that both arms answered. */
export interface ExposureKind {
  /** A request's type, `cells begun`, `cells executed`, `published …`, or a traffic action. */
  readonly kind: string;
  /** Expected count in a run that answers all of those cells. */
  readonly referencePerRun: number;
  readonly armPerRun: number;
  /**
   * Arm to reference, with each cell weighted by its runs (Mantel–Haenszel); `null` when the reference has
   * none.
   */
  readonly ratio: number | null;
  /**
   * P-value of the permutation test over runs, after Holm over the kinds; `null` when the ratio is not below
   * `SHORT_RATIO`.
   */
  readonly p: number | null;
  /**
   * Why the arm is short of the kind; `null` when it is not.
   *
   * - `ratio`: both the ratio and the p-value are below their limits.
   * - `gone`: the arm has none, and the reference has some.
   * - `apart`: the ratio is below its limit, there are too few runs to reach the level, and every run of the
   *   arm is below every run of the reference.
   */
  readonly short: 'ratio' | 'gone' | 'apart' | null;
}

/** The exposure of one arm compared with the reference arm. */
export interface ExposureComparison {
  readonly arm: string;
  readonly reference: string;
  /**
   * How the arms were compared.
   *
   * - `cells`: cell by cell.
   * - `totals`: the journal has schema 1, which records the requests of whole runs. Only completed runs can
   *   be compared.
   * - `none`: nothing was recorded, or no cell was answered in both arms.
   */
  readonly by: 'cells' | 'totals' | 'none';
  readonly runs: { readonly reference: number; readonly arm: number };
  readonly kinds: readonly ExposureKind[];
}

/** Compares every other arm with the reference arm. Runs that a harness fault ended are left out. */
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

/** The kinds that the arm was short of; empty when it was short of none. */
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
  // A kind whose ratio is not below the limit is not tested, but counts in Holm's adjustment all the same. A
  // kind with the same count in every run could never be significant, so it does not count (Tarone 1990).
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
      // A claim may rest on three runs an arm. With so few, nothing can be significant at this level.
      const isFew = isApart && smallest * varying.length >= SHORT_LEVEL;
      return { ...kind, p: pHolm, short: isGone ? 'gone' : isBelow ? 'ratio' : isFew ? 'apart' : null };
    }),
  };
}

/** The runs of one arm by cell: how many runs answered the cell, and their summed count of a kind in it. */
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

/** For a rare kind, the p-value of "fewer runs have it"; 0 for any other kind. */
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

/** The first answered cell of a run that has the kind; `null` when none has. */
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

/** Repeats each score once per run. */
function each(scores: readonly { readonly score: number; readonly times: number }[]): number[] {
  return scores.flatMap(({ score, times }) => repeated(score, times));
}

/** ln P(none of the `having` runs belongs to the arm) when the arms' labels are drawn at random. */
function logNoneOf(arm: number, reference: number, having: number): number {
  const log = logFactorials(arm + reference);
  const choose = (n: number, k: number) => (log[n] ?? 0) - (log[k] ?? 0) - (log[n - k] ?? 0);
  return choose(arm + reference - having, arm) - choose(arm + reference, arm);
}

// Tolerance for sums of the same counts added in another order.
const ROUNDING = 1e-9;

const prefixes = new Map<string, Float64Array>();
// The texts of one journal are mostly the same. This bounds the cache against hostile texts.
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

/** A run's count of a kind in those of the first `cells` cells that it answered. */
function totalOf({ counts, reach }: Counted, kind: string, cells: number): number {
  const prefix = prefixOf(counts.get(kind) ?? '', cells);
  return prefix[Math.min(reach, cells, prefix.length - 1)] ?? 0;
}
