import type { Bets } from '../model/protocol.ts';

/** Beta(a, b) priors of the reference's and the treatment's wedge probability. */
interface Prior {
  readonly reference: readonly [a: number, b: number];
  readonly treatment: readonly [a: number, b: number];
}

/** Each bet is an e-process with a prior of its own, fixed before run 1; E is their mean. */
const PRIORS: Readonly<Record<Bets, readonly Prior[]>> = {
  neutral: [{ reference: [0.5, 0.5], treatment: [0.5, 0.5] }],
  // docs/statistics.md#bets-that-expect-a-cure. A: a treatment near zero; B: the same, beside a control that wedges often.
  cure: [
    { reference: [0.5, 0.5], treatment: [0.1, 0.9] },
    { reference: [4, 0.5], treatment: [0.05, 3] },
  ],
};

/**
 * E-process for two proportions, one run of each arm a block (Turner, Ly and Grünwald 2024, Journal of
 * Statistical Planning and Inference 230:106116, arXiv:2106.02693). Where the treatment's wedge probability is
 * not below the reference's, P(ever E ≥ 1/α) ≤ α (Ville 1939), so one may look after every block and stop
 * whenever one likes. That holds for any prior that is fixed beforehand, and for a mean of several: each factor
 * depends on earlier blocks alone.
 */
export interface EProcessState {
  readonly bets: Bets;
  /** Blocks that contributed. */
  readonly blocks: number;
  readonly referenceWedges: number;
  readonly treatmentWedges: number;
  /** ln E of each bet. */
  readonly logEs: readonly number[];
  /** ln of their mean after those blocks; 0 at the start. E may fall below 1: evidence is not only gained. */
  readonly logE: number;
  /** Greatest ln E so far, at least 0: exp(−maxLogE) is a p-value that is valid at any stopping time. */
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

/** The logarithm of the next block's factor of one bet, given the wedges of the earlier `blocks`. */
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
  // One-sided alternative: a treatment that has wedged more so far bets nothing.
  if (p1 < p2) return 0;
  const p0 = (p1 + p2) / 2;
  if (!referenceWedged) p1 = 1 - p1;
  if (!treatmentWedged) p2 = 1 - p2;
  const null1 = referenceWedged ? p0 : 1 - p0;
  const null2 = treatmentWedged ? p0 : 1 - p0;
  return Math.log(p1 / null1) + Math.log(p2 / null2);
}

/** E as it grows, for simulations of millions of blocks: the same arithmetic without a state a block. */
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

  /** Whether E is at 1/α. */
  isAt(alpha: number): boolean {
    // The mean is at most the greatest, so that most blocks need no exponential.
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
 * exactly counts as meeting it.
 */
export function reachesBound(logE: number, alpha: number): boolean {
  return logE >= logEBound(alpha) - 1e-12;
}

/** ln of the mean of E-values given by their logarithms, without overflow. At least one. */
export function logMean(logEs: ArrayLike<number>): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logEs.length; i += 1) greatest = Math.max(greatest, logEs[i] ?? 0);
  if (logEs.length === 1) return greatest;
  let sum = 0;
  for (let i = 0; i < logEs.length; i += 1) sum += Math.exp((logEs[i] ?? 0) - greatest);
  return greatest + Math.log(sum / logEs.length);
}
