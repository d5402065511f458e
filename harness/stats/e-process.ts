/**
 * E-process for two proportions, one run of each arm a block (Turner, Ly and Grünwald 2024, Journal of
 * Statistical Planning and Inference 230:106116, arXiv:2106.02693; the rates are learnt with the prior
 * Beta(½, ½)). Where the treatment's wedge probability is not below the reference's, P(ever E ≥ 1/α) ≤ α
 * (Ville 1939), so one may look after every block and stop whenever one likes.
 */
export interface EProcessState {
  /** Blocks that contributed. */
  readonly blocks: number;
  readonly referenceWedges: number;
  readonly treatmentWedges: number;
  /** ln E after those blocks; 0 at the start. E may fall below 1: evidence is not only gained. */
  readonly logE: number;
  /** Greatest ln E so far, at least 0: exp(−maxLogE) is a p-value that is valid at any stopping time. */
  readonly maxLogE: number;
}

export const E_PROCESS_START: EProcessState = {
  blocks: 0,
  referenceWedges: 0,
  treatmentWedges: 0,
  logE: 0,
  maxLogE: 0,
};

/** The logarithm of the next block's factor, given the wedges of the earlier `blocks`. */
export function logEFactor(
  blocks: number,
  referenceWedges: number,
  treatmentWedges: number,
  referenceWedged: boolean,
  treatmentWedged: boolean,
): number {
  let p1 = (referenceWedges + 0.5) / (blocks + 1);
  let p2 = (treatmentWedges + 0.5) / (blocks + 1);
  // One-sided alternative: a treatment that has wedged more so far bets nothing.
  if (p1 < p2) return 0;
  const p0 = (p1 + p2) / 2;
  if (!referenceWedged) p1 = 1 - p1;
  if (!treatmentWedged) p2 = 1 - p2;
  const null1 = referenceWedged ? p0 : 1 - p0;
  const null2 = treatmentWedged ? p0 : 1 - p0;
  return Math.log(p1 / null1) + Math.log(p2 / null2);
}

/** The state after one more block: constant work, whatever the number of blocks. */
export function eProcessStep(
  state: EProcessState,
  referenceWedged: boolean,
  treatmentWedged: boolean,
): EProcessState {
  const logE =
    state.logE +
    logEFactor(state.blocks, state.referenceWedges, state.treatmentWedges, referenceWedged, treatmentWedged);
  return {
    blocks: state.blocks + 1,
    referenceWedges: state.referenceWedges + (referenceWedged ? 1 : 0),
    treatmentWedges: state.treatmentWedges + (treatmentWedged ? 1 : 0),
    logE,
    maxLogE: Math.max(state.maxLogE, logE),
  };
}

/** ln E after each block, in block order; 1 and true mean wedged. Empty for no block. */
export function logEPath(
  reference: readonly (boolean | number)[],
  treatment: readonly (boolean | number)[],
): number[] {
  if (reference.length !== treatment.length) {
    throw new RangeError(`unequal arms: ${reference.length} and ${treatment.length} runs`);
  }
  let state = E_PROCESS_START;
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

/** ln of the mean of two E-values given by their logarithms, without overflow. */
export function logMean(a: number, b: number): number {
  const greater = Math.max(a, b);
  return greater + Math.log((Math.exp(a - greater) + Math.exp(b - greater)) / 2);
}
