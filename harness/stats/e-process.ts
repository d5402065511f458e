import type { Bets } from '../model/protocol.ts';

/** Beta(a, b) priors for the wedge probabilities of the reference and the treatment. */
interface Prior {
  readonly reference: readonly [a: number, b: number];
  readonly treatment: readonly [a: number, b: number];
}

/** Each bet is an e-process with its own prior, fixed before run 1. E is the mean of the bets. */
const PRIORS: Readonly<Record<Bets, readonly Prior[]>> = {
  neutral: [{ reference: [0.5, 0.5], treatment: [0.5, 0.5] }],
  // docs/statistics.md#bets-that-expect-a-cure. A: a treatment near zero; B: the same, beside a control that
  // wedges often.
  cure: [
    { reference: [0.5, 0.5], treatment: [0.1, 0.9] },
    { reference: [4, 0.5], treatment: [0.05, 3] },
  ],
};

/**
 * E-process for two proportions with one run of each arm a block (Turner, Ly and Grünwald 2024, Journal of
 * Statistical Planning and Inference 230:106116, arXiv:2106.02693). If the treatment's wedge probability is
 * not below the reference's, P(ever E ≥ 1/α) ≤ α (Ville 1939). So one may look after every block and stop at
 * any time. This holds for any prior that is fixed beforehand, and for a mean over several priors, because
 * each factor depends on earlier blocks only.
 */
export interface EProcessState {
  readonly bets: Bets;
  /** Blocks that contributed. */
  readonly blocks: number;
  readonly referenceWedges: number;
  readonly treatmentWedges: number;
  /** ln E of each bet. */
  readonly logEs: readonly number[];
  /**
   * ln of the bets' mean after those blocks; 0 at the start. E may fall below 1, because a block can also
   * lower the evidence.
   */
  readonly logE: number;
  /** Greatest ln E so far, at least 0. exp(−maxLogE) is a p-value that is valid at any stopping time. */
  readonly maxLogE: number;
}

/** Before the first block. */
export function eProcessStart(bets: Bets): EProcessState {
  return {
    bets,
    blocks: 0,
    referenceWedges: 0,
    treatmentWedges: 0,
    logEs: PRIORS[bets].map(() => 0),
    logE: 0,
    maxLogE: 0,
  };
}

/** ln of one bet's factor for the next block, given the wedges of the earlier `blocks`. */
function logEFactor(
  { reference, treatment }: Prior,
  blocks: number,
  referenceWedges: number,
  treatmentWedges: number,
  referenceWedged: boolean,
  treatmentWedged: boolean,
): number {
  let p1 = (referenceWedges + reference[0]) / (blocks + reference[0] + reference[1]);
  let p2 = (treatmentWedges + treatment[0]) / (blocks + treatment[0] + treatment[1]);
  // One-sided alternative: while the treatment has wedged more, the bet stakes nothing.
  if (p1 < p2) return 0;
  const p0 = (p1 + p2) / 2;
  if (!referenceWedged) p1 = 1 - p1;
  if (!treatmentWedged) p2 = 1 - p2;
  const null1 = referenceWedged ? p0 : 1 - p0;
  const null2 = treatmentWedged ? p0 : 1 - p0;
  return Math.log(p1 / null1) + Math.log(p2 / null2);
}

/**
 * A running E for simulations of millions of blocks. Same arithmetic, but it allocates no state per block.
 */
export class RunningE {
  readonly #priors: readonly Prior[];
  readonly #logEs: Float64Array;
  #blocks = 0;
  #referenceWedges = 0;
  #treatmentWedges = 0;

  constructor(bets: Bets) {
    this.#priors = PRIORS[bets];
    this.#logEs = new Float64Array(this.#priors.length);
  }

  add(referenceWedged: boolean, treatmentWedged: boolean): void {
    for (let bet = 0; bet < this.#priors.length; bet += 1) {
      this.#logEs[bet] =
        (this.#logEs[bet] ?? 0) +
        logEFactor(
          this.#priors[bet] as Prior,
          this.#blocks,
          this.#referenceWedges,
          this.#treatmentWedges,
          referenceWedged,
          treatmentWedged,
        );
    }
    this.#blocks += 1;
    if (referenceWedged) this.#referenceWedges += 1;
    if (treatmentWedged) this.#treatmentWedges += 1;
  }

  get logE(): number {
    return logMean(this.#logEs);
  }

  /** Whether E has reached 1/α. */
  isAt(alpha: number): boolean {
    // The mean is at most the greatest bet, so most blocks need no exponential.
    for (let bet = 0; bet < this.#logEs.length; bet += 1) {
      if (reachesBound(this.#logEs[bet] ?? 0, alpha)) return reachesBound(this.logE, alpha);
    }
    return false;
  }
}

/** The state after one more block: constant work, whatever the number of blocks. */
export function eProcessStep(
  state: EProcessState,
  referenceWedged: boolean,
  treatmentWedged: boolean,
): EProcessState {
  const { bets, blocks, referenceWedges, treatmentWedges } = state;
  const logEs = PRIORS[bets].map(
    (prior, bet) =>
      (state.logEs[bet] ?? 0) +
      logEFactor(prior, blocks, referenceWedges, treatmentWedges, referenceWedged, treatmentWedged),
  );
  const logE = logMean(logEs);
  return {
    bets,
    blocks: blocks + 1,
    referenceWedges: referenceWedges + (referenceWedged ? 1 : 0),
    treatmentWedges: treatmentWedges + (treatmentWedged ? 1 : 0),
    logEs,
    logE,
    maxLogE: Math.max(state.maxLogE, logE),
  };
}

/** ln E after each block, in block order; 1 and true mean wedged. Empty for no block. */
export function logEPath(
  reference: readonly (boolean | number)[],
  treatment: readonly (boolean | number)[],
  bets: Bets,
): number[] {
  if (reference.length !== treatment.length) {
    throw new RangeError(`unequal arms: ${reference.length} and ${treatment.length} runs`);
  }
  let state = eProcessStart(bets);
  return reference.map((wedged, block) => {
    state = eProcessStep(state, Boolean(wedged), Boolean(treatment[block]));
    return state.logE;
  });
}

/** ln E at which a comparison is decided at level α: ln(1/α). */
export function logEBound(alpha: number): number {
  return -Math.log(alpha);
}

/**
 * Whether ln E reaches 1/α. Sums of logarithms are off in their last digits, so a path that meets the bound
 * exactly counts as reaching it.
 */
export function reachesBound(logE: number, alpha: number): boolean {
  return logE >= logEBound(alpha) - 1e-12;
}

/**
 * ln of the mean of E-values, which are given by their logarithms. Does not overflow. Needs at least one
 * value.
 */
export function logMean(logEs: ArrayLike<number>): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logEs.length; i += 1) greatest = Math.max(greatest, logEs[i] ?? 0);
  if (logEs.length === 1) return greatest;
  let sum = 0;
  for (let i = 0; i < logEs.length; i += 1) sum += Math.exp((logEs[i] ?? 0) - greatest);
  return greatest + Math.log(sum / logEs.length);
}
