import { isObserved, type OutcomeStatus } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { E_PROCESS_START, type EProcessState, eProcessStep, logMean, reachesBound } from './e-process.ts';
import { holmAdjusted } from './holm.ts';
import { armsByRole } from './verdict.ts';

/** Both directions of one pair of arms. */
export interface PairState {
  readonly kind: 'claim' | 'equality';
  readonly reference: string;
  readonly treatment: string;
  /** "Treatment below reference": what the live display shows. */
  readonly less: EProcessState;
  readonly greater: EProcessState;
  /** Greatest ln of the mean of both: the two-sided e-process of an A/A pair. */
  readonly maxLogETwoSided: number;
}

/** Where an experiment with the e-process stands after some blocks. */
export interface SequentialDecision {
  readonly blocks: number;
  readonly pairs: readonly PairState[];
  /** By treatment, or by pair of an A/A experiment; `null` while undecided. */
  readonly decisions: readonly {
    readonly arm: string;
    readonly decision: 'below' | 'above' | 'differs' | null;
  }[];
  /** Whether every one is decided, and there is one to decide. */
  readonly isDecided: boolean;
}

/**
 * The state before the first block. A treatment is decided when its claim holds against control and every
 * sham, or when it is above control, after Holm over the treatments. Without a treatment, every other arm is
 * compared with the first control, two-sided: an A/A experiment decides only if they differ.
 */
export function sequentialStart(protocol: Protocol): SequentialDecision {
  const { control, otherControls, shams, treatments } = armsByRole(protocol);
  const pair = (kind: PairState['kind'], reference: string, treatment: string): PairState => ({
    kind,
    reference,
    treatment,
    less: E_PROCESS_START,
    greater: E_PROCESS_START,
    maxLogETwoSided: 0,
  });
  const pairs =
    control === null
      ? []
      : treatments.length > 0
        ? treatments.flatMap((arm) => [control, ...shams].map((reference) => pair('claim', reference, arm)))
        : [...shams, ...otherControls].map((arm) => pair('equality', control, arm));
  return { blocks: 0, pairs, decisions: decided(protocol, pairs), isDecided: false };
}

/** The state after one more complete block, in block order. Constant work, whatever the number of blocks. */
export function sequentialStep(
  protocol: Protocol,
  state: SequentialDecision,
  block: ReadonlyMap<string, OutcomeStatus>,
): SequentialDecision {
  const pairs = state.pairs.map((pair) => {
    const s1 = block.get(pair.reference) ?? 'invalid';
    const s2 = block.get(pair.treatment) ?? 'invalid';
    if (!isObserved(s1) || !isObserved(s2)) return pair;
    const less = eProcessStep(pair.less, s1 === 'wedged', s2 === 'wedged');
    const greater = eProcessStep(pair.greater, s2 === 'wedged', s1 === 'wedged');
    const maxLogETwoSided = Math.max(pair.maxLogETwoSided, logMean(less.logE, greater.logE));
    return { ...pair, less, greater, maxLogETwoSided };
  });
  const decisions = decided(protocol, pairs);
  return {
    blocks: state.blocks + 1,
    pairs,
    decisions,
    isDecided: decisions.length > 0 && decisions.every(({ decision }) => decision !== null),
  };
}

function decided(protocol: Protocol, pairs: readonly PairState[]): SequentialDecision['decisions'] {
  const { alpha } = protocol.decision;
  const { control, treatments } = armsByRole(protocol);
  const reached = (p: number) => reachesBound(-Math.log(p), alpha);
  const claims = pairs.filter(({ kind }) => kind === 'claim');
  if (claims.length > 0) {
    const of = (arm: string) => claims.filter(({ treatment }) => treatment === arm);
    const below = holmAdjusted(
      treatments.map((arm) => Math.max(...of(arm).map(({ less }) => Math.exp(-less.maxLogE)))),
    );
    const above = holmAdjusted(
      treatments.map((arm) => {
        const pair = of(arm).find(({ reference }) => reference === control);
        return Math.exp(-(pair?.greater.maxLogE ?? 0));
      }),
    );
    return treatments.map((arm, i) => ({
      arm,
      decision: reached(below[i] ?? 1) ? 'below' : reached(above[i] ?? 1) ? 'above' : null,
    }));
  }
  return pairs.map(({ treatment, maxLogETwoSided }) => ({
    arm: treatment,
    decision: reachesBound(maxLogETwoSided, alpha) ? 'differs' : null,
  }));
}
