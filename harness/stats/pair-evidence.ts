import type { Bets, Protocol } from '../model/protocol.ts';
import { isObserved, type OutcomeStatus } from '../model/run-status.ts';
import { boschlooGreater, boschlooLess } from './boschloo.ts';
import type { Count } from './counts.ts';
import { countOf } from './decision-table.ts';
import { type EProcessState, eProcessStart, eProcessStep, logMean, reachesBound } from './e-process.ts';

export type DecisionTest = Protocol['decision']['test'];

/** How a pair is judged. Without `bets`, the e-process expects neither direction. */
export type DecisionRule = Pick<Protocol['decision'], 'test' | 'bets'>;

/**
 * E of one pair of arms, in block order. It covers the counted blocks in which the endpoint was observed in
 * both runs.
 */
export interface EProcessSummary {
  /** What the direction "below" expects. The other directions expect nothing. */
  readonly bets: Bets;
  /** Blocks that contributed. */
  readonly blocks: number;
  /** ln E after the last one, for "treatment below reference". */
  readonly logE: number;
  readonly maxLogE: number;
  /** 0-based block at which E first reached 1/α; `null` if never. */
  readonly reachedAtBlock: number | null;
  /** Number of blocks that had contributed by then. */
  readonly reachedAfter: number | null;
  /** ln E for "treatment above reference". */
  readonly logEGreater: number;
  readonly maxLogEGreater: number;
  readonly greaterReachedAtBlock: number | null;
  /**
   * ln of the mean of both directions, each with bets that expect nothing: a two-sided e-process of "the
   * rates are equal".
   */
  readonly logETwoSided: number;
  readonly maxLogETwoSided: number;
  readonly twoSidedReachedAtBlock: number | null;
  /** The block of each point of `path`. */
  readonly pathBlocks: readonly number[];
  readonly path: readonly number[];
}

/** Both directions of one pair of arms, up to the latest block. */
export interface PairEProcess {
  /** "Treatment below reference", with the protocol's bets. */
  readonly less: EProcessState;
  /** "Treatment above reference", with bets that expect nothing. */
  readonly greater: EProcessState;
  /**
   * Greatest ln of the mean of both directions, each with bets that expect nothing: "the rates differ",
   * two-sided.
   */
  readonly maxLogETwoSided: number;
  /** ln of that mean after the last block. */
  readonly logETwoSided: number;
  /** As `less`, with bets that expect nothing. */
  readonly neutralLess: EProcessState;
}

/** A pair before the first block. */
export function pairEProcessStart(bets: Bets): PairEProcess {
  const neutral = eProcessStart('neutral');
  return {
    less: eProcessStart(bets),
    greater: neutral,
    neutralLess: neutral,
    maxLogETwoSided: 0,
    logETwoSided: 0,
  };
}

/** The pair after one more block. A block in which the endpoint was not observed in both runs contributes nothing. */
export function pairEProcessStep(
  pair: PairEProcess,
  reference: OutcomeStatus | undefined,
  treatment: OutcomeStatus | undefined,
): PairEProcess {
  if (!isObserved(reference) || !isObserved(treatment)) return pair;
  const [y1, y2] = [reference === 'wedged', treatment === 'wedged'];
  const less = eProcessStep(pair.less, y1, y2);
  const neutralLess = less.bets === 'neutral' ? less : eProcessStep(pair.neutralLess, y1, y2);
  const greater = eProcessStep(pair.greater, y2, y1);
  const logETwoSided = logMean([neutralLess.logE, greater.logE]);
  return {
    less,
    greater,
    neutralLess,
    logETwoSided,
    maxLogETwoSided: Math.max(pair.maxLogETwoSided, logETwoSided),
  };
}

export function eProcessSummary(
  reference: readonly OutcomeStatus[],
  treatment: readonly OutcomeStatus[],
  alpha: number,
  bets: Bets,
): EProcessSummary {
  let pair = pairEProcessStart(bets);
  let reachedAtBlock: number | null = null;
  let reachedAfter: number | null = null;
  let greaterReachedAtBlock: number | null = null;
  let twoSidedReachedAtBlock: number | null = null;
  const pathBlocks: number[] = [];
  const path: number[] = [];
  const blocks = Math.min(reference.length, treatment.length);
  for (let block = 0; block < blocks; block += 1) {
    const next = pairEProcessStep(pair, reference[block], treatment[block]);
    if (next === pair) continue;
    pair = next;
    const { less, greater, logETwoSided } = pair;
    pathBlocks.push(block);
    path.push(less.logE);
    if (reachedAtBlock === null && reachesBound(less.logE, alpha)) {
      [reachedAtBlock, reachedAfter] = [block, less.blocks];
    }
    if (greaterReachedAtBlock === null && reachesBound(greater.logE, alpha)) greaterReachedAtBlock = block;
    if (twoSidedReachedAtBlock === null && reachesBound(logETwoSided, alpha)) twoSidedReachedAtBlock = block;
  }
  const { less, greater } = pair;
  return {
    bets,
    blocks: less.blocks,
    logE: less.logE,
    maxLogE: less.maxLogE,
    reachedAtBlock,
    reachedAfter,
    logEGreater: greater.logE,
    maxLogEGreater: greater.maxLogE,
    greaterReachedAtBlock,
    logETwoSided: pair.logETwoSided,
    maxLogETwoSided: pair.maxLogETwoSided,
    twoSidedReachedAtBlock,
    pathBlocks,
    path,
  };
}

/** Result of the experiment's own test for one pair of arms. */
export interface PairEvidence {
  readonly counts: { readonly reference: Count; readonly treatment: Count };
  /**
   * P-values of the protocol's test, 0 to 1. They come from Boschloo's test, or are 1 / max E of the
   * e-process, which is a p-value at every stopping time.
   */
  readonly pLess: number;
  readonly pGreater: number;
  readonly pTwoSided: number;
}

/** A pair's p-values by the protocol's test. */
export function pairEvidence(
  reference: readonly OutcomeStatus[],
  treatment: readonly OutcomeStatus[],
  { test, bets = 'neutral' }: DecisionRule,
): PairEvidence {
  const counts = { reference: countOf(reference), treatment: countOf(treatment) };
  if (test === 'e-process') {
    const e = eProcessSummary(reference, treatment, 1, bets);
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
