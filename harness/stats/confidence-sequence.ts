import betaln from '@stdlib/math-base-special-betaln';
import { assertCount, type Count, type Interval } from './counts.ts';

/**
 * Confidence sequence for one wedge probability: the rates that the beta-binomial mixture with weights
 * Beta(½, ½) does not yet contradict (Robbins 1970, Annals of Mathematical Statistics 41:1397). With
 * probability at least `level`, all intervals of the whole experiment contain the true rate, so one may read
 * it at any time. It is wider than an interval for a fixed number of runs. [0, 1] for no run; 0/n starts at
 * 0, n/n ends at 1.
 */
export function confidenceSequence(count: Count, level = 0.95): Interval {
  assertCount(count);
  const { wedged: x, runs: n } = count;
  if (n === 0) return [0, 1];
  const mixture = betaln(x + 0.5, n - x + 0.5) - betaln(0.5, 0.5);
  const bound = -Math.log(1 - level);
  const contradicted = (p: number) =>
    mixture - (x === 0 ? 0 : x * Math.log(p)) - (x === n ? 0 : (n - x) * Math.log1p(-p)) >= bound;
  const share = x / n;
  return [x === 0 ? 0 : boundary(0, share, contradicted), x === n ? 1 : boundary(1, share, contradicted)];
}

/** Bisects between a contradicted rate and one that is not contradicted, down to the last bit. */
function boundary(outside: number, inside: number, contradicted: (p: number) => boolean): number {
  let [out, within] = [outside, inside];
  for (;;) {
    const middle = (out + within) / 2;
    if (middle === out || middle === within) return within;
    if (contradicted(middle)) out = middle;
    else within = middle;
  }
}
