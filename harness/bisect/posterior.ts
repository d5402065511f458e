import { type Rates, type ReleaseEvidence, ratesOf, releaseEvidence } from './likelihood.ts';
import type { BatchResult, BisectModel, Span } from './model.ts';

/** What is believed of the change points after some batches. */
export interface Posterior {
  /** Of each release up to the bad one: that the wedge came with it; index 0: the good release has it already. */
  readonly brought: readonly number[];
  /**
   * Of each release after the bad one, from the next one on, that the wedge went with it; one more at the
   * end: the last still has it. Empty without releases after the bad one.
   */
  readonly cured: readonly number[];
  /** The most probable pair, and how probable: the claim as a whole. */
  readonly best: { readonly brought: number; readonly cured: number | null; readonly probability: number };
  /** Mean of the control's wedge rate in batches that are not blind. */
  readonly controlRate: number;
  /** Mean share of blind batches. */
  readonly blindShare: number;
  /** Mean rate of false wedges. */
  readonly falseRate: number;
}

/** The posterior with what the next batch's value is reckoned from. */
export interface Belief {
  readonly span: Span;
  readonly rates: Rates;
  readonly evidence: readonly ReleaseEvidence[];
  /** For each hypothesis about the bringing release, by combination of the shared rates; scaled, not normalised. */
  readonly brought: readonly Float64Array[];
  /** The same about the curing one; a single row of ones without releases after the bad one. */
  readonly cured: readonly Float64Array[];
  /** Sums over hypotheses, with the prior weights of the shared rates in `broughtSum`. */
  readonly broughtSum: Float64Array;
  readonly curedSum: Float64Array;
  readonly posterior: Posterior;
}

/** Sums of logarithms as numbers, each divided by the greatest of all. */
function scaled(logs: readonly Float64Array[]): Float64Array[] {
  let greatest = Number.NEGATIVE_INFINITY;
  for (const row of logs) for (const value of row) if (value > greatest) greatest = value;
  return logs.map((row) => row.map((value) => Math.exp(value - greatest)));
}

/** Log-likelihoods of "the first affected of these releases is the i-th", i = 0 … n (n: none of them). */
function firstAffected(evidence: readonly ReleaseEvidence[], size: number): Float64Array[] {
  const rows: Float64Array[] = [];
  let row = new Float64Array(size);
  for (const { affected } of evidence) row = row.map((value, at) => value + (affected[at] as number));
  rows.push(row);
  for (const { affected, clean } of evidence) {
    row = row.map((value, at) => value - (affected[at] as number) + (clean[at] as number));
    rows.push(row);
  }
  return rows;
}

function evidenceOf(rates: Rates, batches: readonly BatchResult[], release: number): ReleaseEvidence {
  return releaseEvidence(
    rates,
    batches.filter(({ probe }) => probe === release),
  );
}

/** What complete batches say, all of it from the model and the counts. */
export function belief(
  span: Span,
  model: BisectModel,
  batches: readonly BatchResult[],
  rates: Rates = ratesOf(model),
): Belief {
  const evidence = Array.from({ length: span.releases }, (_, release) => evidenceOf(rates, batches, release));
  return beliefOf(span, rates, evidence);
}

/**
 * `belief` of the batches that `before` was made from and one more: the same numbers, sooner.
 *
 * @param batches all of them, the new one too
 */
export function beliefAfter(before: Belief, batches: readonly BatchResult[], probe: number): Belief {
  const evidence = before.evidence.map((known, release) =>
    release === probe ? evidenceOf(before.rates, batches, release) : known,
  );
  return beliefOf(before.span, before.rates, evidence);
}

function beliefOf(span: Span, rates: Rates, evidence: readonly ReleaseEvidence[]): Belief {
  const { size, weights } = rates;
  const before = evidence.slice(0, span.bad);
  const after = evidence.slice(span.bad + 1);
  const brought = scaled(
    firstAffected(before, size).map((row) => row.map((value, at) => value + Math.log(weights[at] as number))),
  );
  // The cure is the bringing read backwards: the releases after it are those that have not got it.
  const cured =
    after.length === 0
      ? [new Float64Array(size).fill(1)]
      : scaled(firstAffected([...after].reverse(), size)).reverse();
  const sum = (rows: readonly Float64Array[]) => {
    const total = new Float64Array(size);
    for (const row of rows)
      for (let at = 0; at < size; at += 1) total[at] = (total[at] as number) + (row[at] as number);
    return total;
  };
  const [broughtSum, curedSum] = [sum(brought), sum(cured)];
  return {
    span,
    rates,
    evidence,
    brought,
    cured,
    broughtSum,
    curedSum,
    posterior: posteriorOf(rates, brought, cured, broughtSum, curedSum, after.length > 0, span.bad),
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let at = 0; at < a.length; at += 1) total += (a[at] as number) * (b[at] as number);
  return total;
}

/**
 * Probability that the wedge came with one of these releases and went with one of those.
 *
 * @param cured indices of releases, as in `Posterior`; `null` where no cure is looked for
 */
export function jointProbability(
  { span, brought, cured, broughtSum, curedSum }: Belief,
  came: readonly number[],
  went: readonly number[] | null,
): number {
  const sumOf = (rows: readonly Float64Array[], indices: readonly number[]) => {
    const total = new Float64Array(broughtSum.length);
    for (const index of indices) {
      const row = rows[index];
      if (row !== undefined)
        for (let at = 0; at < total.length; at += 1) total[at] = (total[at] as number) + (row[at] as number);
    }
    return total;
  };
  const other =
    went === null
      ? curedSum
      : sumOf(
          cured,
          went.map((release) => release - span.bad - 1),
        );
  return dot(sumOf(brought, came), other) / dot(broughtSum, curedSum);
}

function posteriorOf(
  rates: Rates,
  brought: readonly Float64Array[],
  cured: readonly Float64Array[],
  broughtSum: Float64Array,
  curedSum: Float64Array,
  hasCure: boolean,
  bad: number,
): Posterior {
  const total = dot(broughtSum, curedSum);
  let best = { brought: 0, cured: null as number | null, probability: 0 };
  brought.forEach((row, i) => {
    cured.forEach((other, j) => {
      const probability = dot(row, other) / total;
      if (probability > best.probability) {
        best = { brought: i, cured: hasCure ? bad + 1 + j : null, probability };
      }
    });
  });
  const mean = (values: Float64Array) =>
    dot(
      broughtSum.map((value, at) => value * (curedSum[at] as number)),
      values,
    ) / total;
  return {
    brought: brought.map((row) => dot(row, curedSum) / total),
    cured: hasCure ? cured.map((row) => dot(row, broughtSum) / total) : [],
    best,
    controlRate: mean(rates.control),
    blindShare: mean(rates.blind),
    falseRate: mean(rates.falsely),
  };
}
