import type { Protocol } from '../model/protocol.ts';
import { isObserved, type OutcomeStatus } from '../model/run-status.ts';
import { compositeStatus } from './decision-table.ts';
import { type EProcessState, eProcessStart, eProcessStep, reachesBound } from './e-process.ts';
import { holmAdjusted } from './holm.ts';
import { type PairEProcess, pairEProcessStart, pairEProcessStep } from './pair-evidence.ts';
import { armsByRole, type VerdictDesign } from './verdict.ts';

/** The parts of a protocol that decide when to stop. */
export interface SequentialDesign extends Pick<VerdictDesign, 'arms'> {
  readonly decision: Pick<Protocol['decision'], 'alpha' | 'bets'>;
}

/** One pair of arms. */
export interface PairState extends PairEProcess {
  readonly kind: 'claim' | 'equality';
  readonly reference: string;
  readonly treatment: string;
  /**
   * E of "treatment below reference" on the composite: the event or a competing event. A claim needs this
   * too.
   */
  readonly composite: EProcessState;
}

/** How far the evidence for one arm is, in the direction in which it is further. */
export interface Evidence {
  readonly direction: 'below' | 'above' | 'differs';
  /**
   * Share of the evidence that a decision needs, 0 to 1: the logarithm of the p-value, after Holm, over that of α. It is 1
   * exactly where the direction is decided, and never falls.
   */
  readonly share: number;
}

/** The state of an e-process experiment after some blocks. */
export interface SequentialDecision {
  readonly blocks: number;
  readonly pairs: readonly PairState[];
  /** One for each treatment, or for each pair of an A/A experiment; `null` while undecided. */
  readonly decisions: readonly {
    readonly arm: string;
    readonly decision: 'below' | 'above' | 'differs' | null;
    readonly evidence: Evidence;
  }[];
  /** Whether all decisions are made, and there is at least one to make. */
  readonly isDecided: boolean;
}

/**
 * The state before the first block. A treatment is decided when its claim holds against control and every
 * sham, on the endpoint and on the composite, or when it is above all of them, after Holm over the
 * treatments. Competing events are compared only at the end, where they can only withhold the word.
 *
 * Without a treatment, every other arm is compared with the first control, two-sided: an A/A experiment
 * decides only if they differ.
 */
export function sequentialStart(protocol: SequentialDesign): SequentialDecision {
  const { control, otherControls, shams, treatments } = armsByRole(protocol);
  const { bets = 'neutral' } = protocol.decision;
  const pair = (kind: PairState['kind'], reference: string, treatment: string): PairState => ({
    kind,
    reference,
    treatment,
    ...pairEProcessStart(bets),
    composite: eProcessStart(bets),
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
  protocol: SequentialDesign,
  state: SequentialDecision,
  block: ReadonlyMap<string, OutcomeStatus>,
): SequentialDecision {
  const pairs = state.pairs.map((pair) => {
    const [s1, s2] = [block.get(pair.reference), block.get(pair.treatment)];
    const [c1, c2] = [compositeStatus(s1), compositeStatus(s2)];
    return {
      ...pair,
      ...pairEProcessStep(pair, s1, s2),
      composite:
        isObserved(c1) && isObserved(c2)
          ? eProcessStep(pair.composite, c1 === 'wedged', c2 === 'wedged')
          : pair.composite,
    };
  });
  const decisions = decided(protocol, pairs);
  return {
    blocks: state.blocks + 1,
    pairs,
    decisions,
    isDecided: decisions.length > 0 && decisions.every(({ decision }) => decision !== null),
  };
}

function decided(protocol: SequentialDesign, pairs: readonly PairState[]): SequentialDecision['decisions'] {
  const { alpha } = protocol.decision;
  const { treatments } = armsByRole(protocol);
  const reached = (p: number) => reachesBound(-Math.log(p), alpha);
  const claims = pairs.filter(({ kind }) => kind === 'claim');
  if (claims.length > 0) {
    const of = (arm: string) => claims.filter(({ treatment }) => treatment === arm);
    // A claim needs every reference, and each p-value is 1 / max E.
    const largest = (arm: string, eOf: (pair: PairState) => EProcessState) =>
      Math.max(...of(arm).map((pair) => Math.exp(-eOf(pair).maxLogE)));
    const adjusted = (eOf: (pair: PairState) => EProcessState) =>
      holmAdjusted(treatments.map((arm) => largest(arm, eOf)));
    const below = adjusted(({ less }) => less);
    const composite = adjusted((pair) => pair.composite);
    const above = adjusted(({ greater }) => greater);
    const isBelow = (i: number) => reached(below[i] ?? 1) && reached(composite[i] ?? 1);
    return treatments.map((arm, i) => {
      const decision = isBelow(i) ? 'below' : reached(above[i] ?? 1) ? 'above' : null;
      const towards = {
        // A claim needs both, so the evidence is the weaker of the two.
        below: shareOf(Math.max(below[i] ?? 1, composite[i] ?? 1), alpha, isBelow(i)),
        above: shareOf(above[i] ?? 1, alpha, reached(above[i] ?? 1)),
      };
      const direction = decision ?? (towards.above > towards.below ? 'above' : 'below');
      return { arm, decision, evidence: { direction, share: towards[direction] } };
    });
  }
  return pairs.map(({ treatment, maxLogETwoSided }) => {
    const decision = reachesBound(maxLogETwoSided, alpha) ? 'differs' : null;
    const share = shareOf(Math.exp(-maxLogETwoSided), alpha, decision !== null);
    return { arm: treatment, decision, evidence: { direction: 'differs', share } };
  });
}

/** The logarithm of a p-value as a share of that of α; 1 only where it is reached. */
function shareOf(p: number, alpha: number, isReached: boolean): number {
  return isReached ? 1 : Math.min(1 - Number.EPSILON, Math.max(0, Math.log(p) / Math.log(alpha)));
}
