import { isObserved, type OutcomeStatus } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { boschlooGreater, boschlooLess } from './boschloo.ts';
import type { Count } from './counts.ts';
import { countOf } from './decision-table.ts';
import { E_PROCESS_START, type EProcessState, eProcessStep, logMean, reachesBound } from './e-process.ts';

export type DecisionTest = Protocol['decision']['test'];

/** E of one pair of arms over the counted blocks in which the endpoint was observed in both runs, in block order. */
export interface EProcessSummary {
  /** Blocks that contributed. */
  readonly blocks: number;
  /** ln E after the last one, for "treatment below reference". */
  readonly logE: number;
  readonly maxLogE: number;
  /** 0-based block at which E first reached 1/α; `null` if never. */
  readonly reachedAtBlock: number | null;
  /** How many blocks had contributed by then. */
  readonly reachedAfter: number | null;
  /** The same for "treatment above reference". */
  readonly logEGreater: number;
  readonly maxLogEGreater: number;
  readonly greaterReachedAtBlock: number | null;
  /** Greatest ln of the mean of both E so far: their mean is an e-process of "the rates are equal", two-sided. */
  readonly maxLogETwoSided: number;
  readonly twoSidedReachedAtBlock: number | null;
  /** The block of each point of `path`. */
  readonly pathBlocks: readonly number[];
  readonly path: readonly number[];
}

export function eProcessSummary(
  reference: readonly OutcomeStatus[],
  treatment: readonly OutcomeStatus[],
  alpha: number,
): EProcessSummary {
  let less: EProcessState = E_PROCESS_START;
  let greater: EProcessState = E_PROCESS_START;
  let maxLogETwoSided = 0;
  let reachedAtBlock: number | null = null;
  let reachedAfter: number | null = null;
  let greaterReachedAtBlock: number | null = null;
  let twoSidedReachedAtBlock: number | null = null;
  const pathBlocks: number[] = [];
  const path: number[] = [];
  const blocks = Math.min(reference.length, treatment.length);
  for (let block = 0; block < blocks; block += 1) {
    const [s1, s2] = [reference[block], treatment[block]];
    if (!isObserved(s1) || !isObserved(s2)) continue;
    less = eProcessStep(less, s1 === 'wedged', s2 === 'wedged');
    greater = eProcessStep(greater, s2 === 'wedged', s1 === 'wedged');
    const twoSided = logMean(less.logE, greater.logE);
    maxLogETwoSided = Math.max(maxLogETwoSided, twoSided);
    pathBlocks.push(block);
    path.push(less.logE);
    if (reachedAtBlock === null && reachesBound(less.logE, alpha)) {
      [reachedAtBlock, reachedAfter] = [block, less.blocks];
    }
    if (greaterReachedAtBlock === null && reachesBound(greater.logE, alpha)) greaterReachedAtBlock = block;
    if (twoSidedReachedAtBlock === null && reachesBound(twoSided, alpha)) twoSidedReachedAtBlock = block;
  }
  return {
    blocks: less.blocks,
    logE: less.logE,
    maxLogE: less.maxLogE,
    reachedAtBlock,
    reachedAfter,
    logEGreater: greater.logE,
    maxLogEGreater: greater.maxLogE,
    greaterReachedAtBlock,
    maxLogETwoSided,
    twoSidedReachedAtBlock,
    pathBlocks,
    path,
  };
}

/** What the experiment's own test says of one pair of arms. */
export interface PairEvidence {
  readonly counts: { readonly reference: Count; readonly treatment: Count };
  /**
   * P-values of the protocol's test: Boschloo's, or 1 / max E of the e-process, which is a p-value at every
   * stopping time. 0 to 1.
   */
  readonly pLess: number;
  readonly pGreater: number;
  readonly pTwoSided: number;
}

/** A pair's p-values by the test of the protocol. */
export function pairEvidence(
  reference: readonly OutcomeStatus[],
  treatment: readonly OutcomeStatus[],
  test: DecisionTest,
): PairEvidence {
  const counts = { reference: countOf(reference), treatment: countOf(treatment) };
  if (test === 'e-process') {
    const e = eProcessSummary(reference, treatment, 1);
    return {
      counts,
      pLess: Math.exp(-e.maxLogE),
      pGreater: Math.exp(-e.maxLogEGreater),
      pTwoSided: Math.exp(-e.maxLogETwoSided),
    };
  }
  const pLess = boschlooLess(counts.reference, counts.treatment);
  const pGreater = boschlooGreater(counts.reference, counts.treatment);
  return { counts, pLess, pGreater, pTwoSided: Math.min(1, 2 * Math.min(pLess, pGreater)) };
}
