import betaln from '@stdlib/math-base-special-betaln';
import { assertCount, type Count } from './counts.ts';

/** A night after which the wedge rate changed. */
export interface ChangePoint {
  /** 0-based: the likeliest last night with the old rate. */
  readonly after: number;
  /** 0-based: the first night with enough evidence. */
  readonly foundAt: number;
  /**
   * Count up to and including the night `after`. It starts at the first night, or at the night after the
   * previous change was found.
   */
  readonly before: Count;
  /** Count from the night after `after` up to `foundAt`. */
  readonly since: Count;
  /** ln E at `foundAt`. */
  readonly logE: number;
}

export interface ChangePoints {
  readonly found: readonly ChangePoint[];
  /** Current ln E of "one rate since the last change was found". */
  readonly logE: number;
}

/**
 * Changes of one rate over nights, found by an e-process against "every run of every night wedged with one
 * and the same probability". E is a ratio. Its numerator is the likelihood of one change, averaged over the
 * time of the change (after night k with weight 1 / (k (k + 1))) and over both rates (Beta(½, ½)). Its
 * denominator is the greatest likelihood of one rate.
 *
 * Whatever that rate is, E is at most a martingale that starts at 1 (universal inference: Wasserman, Ramdas
 * and Balakrishnan 2020, PNAS 117:16880). So the chance that it ever reaches 1/α is at most α, however many
 * nights are added and however often one looks (Ville). After the j-th change the process restarts with the
 * night after the one at which the change was found, at level α / 2^(j + 1), so that the levels add up to α.
 *
 * A night without a valid run changes nothing.
 *
 * @param alpha chance of any flag at all if the rate never changes, 0 to 1
 */
export function changePoints(nights: readonly Count[], alpha: number): ChangePoints {
  const found: ChangePoint[] = [];
  let logE = 0;
  for (let start = 0; ; ) {
    const next = firstChange(nights, start, -Math.log(alpha / 2 ** (found.length + 1)));
    logE = next.logE;
    if (next.change === null) return { found, logE };
    found.push(next.change);
    start = next.change.foundAt + 1;
  }
}

function firstChange(
  nights: readonly Count[],
  start: number,
  bound: number,
): { readonly change: ChangePoint | null; readonly logE: number } {
  const sums: Count[] = [{ wedged: 0, runs: 0 }];
  // Each sum is computed once: every later night needs it again.
  const marginals = [0];
  let logE = 0;
  for (let night = start; night < nights.length; night += 1) {
    const here = nights[night] ?? { wedged: 0, runs: 0 };
    assertCount(here);
    sums.push(plus(sums.at(-1) ?? here, here));
    const all = sums.at(-1) ?? here;
    const length = sums.length - 1;
    const marginalOfAll = marginal(all);
    marginals.push(marginalOfAll);
    // No change yet: the weight of every k from `length` on.
    const terms = [-Math.log(length) + marginalOfAll];
    for (let k = 1; k < length; k += 1) {
      const before = sums[k] ?? all;
      terms.push(-Math.log(k * (k + 1)) + (marginals[k] ?? 0) + marginal(minus(all, before)));
    }
    logE = logSum(terms) - greatest(all);
    if (logE < bound) continue;
    let best = 1;
    for (let k = 2; k < terms.length; k += 1) {
      if ((terms[k] ?? 0) > (terms[best] ?? 0)) best = k;
    }
    const before = sums[best] ?? all;
    const change = {
      after: start + best - 1,
      foundAt: night,
      before,
      since: minus(all, before),
      logE,
    };
    return { change, logE };
  }
  return { change: null, logE };
}

function plus(a: Count, b: Count): Count {
  return { wedged: a.wedged + b.wedged, runs: a.runs + b.runs };
}

function minus(a: Count, b: Count): Count {
  return { wedged: a.wedged - b.wedged, runs: a.runs - b.runs };
}

const LOG_BETA_HALF = betaln(0.5, 0.5);

/** ln of the likelihood, averaged over the rate with Beta(½, ½). */
function marginal({ wedged, runs }: Count): number {
  return betaln(wedged + 0.5, runs - wedged + 0.5) - LOG_BETA_HALF;
}

/** ln of the greatest likelihood of one rate. */
function greatest({ wedged, runs }: Count): number {
  const share = runs === 0 ? 0 : wedged / runs;
  return (
    (wedged === 0 ? 0 : wedged * Math.log(share)) +
    (wedged === runs ? 0 : (runs - wedged) * Math.log1p(-share))
  );
}

function logSum(terms: readonly number[]): number {
  const most = Math.max(...terms);
  return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
}
