import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import gammaQuantile from '@stdlib/stats-base-dists-gamma-quantile';
import type { Interval } from './counts.ts';

/**
 * Wedges, and the replies that the arm's valid runs sent. Replies measure the exposure, since a run that
 * wedges early had little of it.
 */
export interface Exposure {
  readonly wedges: number;
  readonly replies: number;
}

/** Wedges per reply; `null` without a reply. */
export function hazardPerReply({ wedges, replies }: Exposure): number | null {
  return replies === 0 ? null : wedges / replies;
}

/**
 * Garwood's exact interval for a Poisson rate (1936, Biometrika 28:437), per reply. Its lower end is 0 when
 * there is no wedge. `null` without a reply, since the upper end does not exist then.
 */
export function garwoodInterval({ wedges, replies }: Exposure, level = 0.95): Interval | null {
  if (replies === 0) return null;
  const tail = (1 - level) / 2;
  return [
    wedges === 0 ? 0 : gammaQuantile(tail, wedges, 1) / replies,
    gammaQuantile(1 - tail, wedges + 1, 1) / replies,
  ];
}

/**
 * The exact conditional test of "the treatment's hazard is below the reference's" (Przyborowski and Wilenski
 * 1940, Biometrika 31:313): P(X ≤ k2) for X ~ Binomial(k1 + k2, t2 / (t1 + t2)). 1 without a wedge; `null`
 * when an arm sent no reply.
 */
export function conditionalLess(reference: Exposure, treatment: Exposure): number | null {
  if (reference.replies === 0 || treatment.replies === 0) return null;
  const wedges = reference.wedges + treatment.wedges;
  if (wedges === 0) return 1;
  const share = treatment.replies / (reference.replies + treatment.replies);
  return binomialCdf(treatment.wedges, wedges, share);
}
