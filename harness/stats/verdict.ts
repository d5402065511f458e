import type { ArmRole } from '../model/arm.ts';
import type { Protocol } from '../model/protocol.ts';
import type { OutcomeStatus } from '../model/run-status.ts';
import { claimPower, observedClaim, SUFFICIENT_POWER } from './claim-power.ts';
import { COMPETING_LEVEL, type CompetingShare, competingShare } from './competing.ts';
import type { Count } from './counts.ts';
import { type CountedOutcomes, compositeOutcomes, countOf } from './decision-table.ts';
import { holmAdjusted } from './holm.ts';
import { upperBound } from './intervals.ts';
import type { PairEvidence } from './pair-evidence.ts';
import { armsEvidence } from './stratified-evidence.ts';
import type { VerdictWord } from './verdict-words.ts';
import { type Withholding, wordLeft } from './withholding.ts';

/** The conditions that decide the word, so that a report can say which of them held. */
export interface VerdictConditions {
  /** p against control ≤ α, before Holm. */
  readonly belowControl: boolean;
  /**
   * p against each sham ≤ α, before Holm. Empty when there are no shams: the effect of extra scheduling was
   * then not separated from the change.
   */
  readonly belowShams: readonly { readonly sham: string; readonly p: number; readonly holds: boolean }[];
  /** The claim on the endpoint holds: below control and every sham, after Holm over the treatments. */
  readonly claimHolds: boolean;
  /** The same claim holds on the composite: the event or a competing event. */
  readonly compositeHolds: boolean;
  /** Competing events are not more frequent than on the references together (Fisher, one-sided, p > 0.05). */
  readonly competingNotAbove: boolean;
  /** Above control and every sham, after Holm over the treatments. */
  readonly aboveReferences: boolean;
  /** No valid run of the treatment wedged, inside or outside the counted blocks. */
  readonly neverWedged: boolean;
  /** Whether the whole claim had 80 % power for a treatment at zero, at the references' observed rates. */
  readonly sufficientPower: boolean;
  readonly controlNeverWedged: boolean;
}

export interface TreatmentVerdict {
  readonly treatment: string;
  readonly word: VerdictWord;
  /** Why there is no verdict; `null` otherwise. */
  readonly gate: {
    readonly reason: 'no-control-arm' | 'no-valid-run' | 'never-in';
    readonly arms: readonly string[];
  } | null;
  /** Why the word is weaker than its figures alone would give; empty when nothing is withheld. */
  readonly withheld: readonly Withholding[];
  readonly conditions: VerdictConditions | null;
  /** Largest p-value over the references (intersection–union); `null` without a verdict. */
  readonly p: number | null;
  /** The same p-value after Holm over the treatments. The claim holds when it is ≤ α. */
  readonly pHolm: number | null;
  /** Largest p-value of "above" over the references, after Holm. */
  readonly pWorseHolm: number | null;
  /**
   * The claim on the composite (the event or a competing event), and the treatment's count on it; `null`
   * without a verdict.
   */
  readonly composite:
    | (Count & { readonly p: number; readonly pHolm: number; readonly upper95: number })
    | null;
  /** Competing events of the treatment against those of the references; `null` without a verdict. */
  readonly competing: CompetingShare | null;
  /** One-sided 95 % upper bound of the treatment's rate; 1 without a valid run. */
  readonly upper95: number;
  /**
   * Power of the whole claim, against every reference together, for a treatment without an event, at the
   * observed rates; `null` without a verdict.
   */
  readonly powerToZero: number | null;
}

/** The parts of a protocol that decide a verdict. Counts from outside a journal come with these alone. */
export interface VerdictDesign {
  readonly arms: readonly { readonly name: string; readonly role: ArmRole }[];
  readonly decision: Pick<Protocol['decision'], 'alpha' | 'test' | 'bets'>;
  readonly seed: number;
}

/** The first control, every sham and every treatment, by role, in the protocol's order. */
export function armsByRole(protocol: Pick<VerdictDesign, 'arms'>) {
  const names = (role: string) => protocol.arms.filter((arm) => arm.role === role).map((arm) => arm.name);
  const [control, ...otherControls] = names('control');
  return { control: control ?? null, otherControls, shams: names('sham'), treatments: names('treatment') };
}

/**
 * One verdict for each treatment, in the protocol's order. Empty without a treatment. Deterministic: where
 * the power is not exact, it is simulated from the protocol's seed.
 *
 * @param withholdings other reasons to withhold a word, by treatment; this function checks competing events
 *   itself
 */
export function treatmentVerdicts(
  protocol: VerdictDesign,
  outcomes: CountedOutcomes,
  withholdings: ReadonlyMap<string, readonly Withholding[]> = new Map(),
): TreatmentVerdict[] {
  const { control, shams, treatments } = armsByRole(protocol);
  const { alpha } = protocol.decision;
  const references = [...(control === null ? [] : [control]), ...shams];
  const composite = compositeOutcomes(outcomes);
  const statuses = (arm: string): readonly OutcomeStatus[] => outcomes.byArm.get(arm) ?? [];
  const isEmpty = (arm: string) => countOf(statuses(arm)).runs === 0;
  const cases = treatments.map((treatment) => {
    const empty = [...references, treatment].filter(isEmpty);
    if (control === null || empty.length > 0) return { treatment, empty, evidence: null };
    const against = (from: CountedOutcomes) =>
      references.map((reference) => ({
        reference,
        ...armsEvidence(from, reference, treatment, protocol.decision),
      }));
    const endpoint = against(outcomes);
    return {
      treatment,
      empty,
      evidence: {
        endpoint,
        composite: composite === outcomes ? endpoint : against(composite),
        competing: competingShare(outcomes, references, treatment),
      },
    };
  });
  const judged = cases.flatMap(({ evidence }) => (evidence === null ? [] : [evidence]));
  const largest = (pairs: readonly PairEvidence[], direction: 'pLess' | 'pGreater') =>
    Math.max(...pairs.map((pair) => pair[direction]));
  const claims = holmAdjusted(judged.map(({ endpoint }) => largest(endpoint, 'pLess')));
  const composites = holmAdjusted(judged.map((each) => largest(each.composite, 'pLess')));
  const worse = holmAdjusted(judged.map(({ endpoint }) => largest(endpoint, 'pGreater')));
  return cases.map(({ treatment, empty, evidence }) => {
    const upper95 = upperBound(countOf(statuses(treatment)));
    const others = withholdings.get(treatment) ?? [];
    if (evidence === null) {
      const gate =
        control === null
          ? { reason: 'no-control-arm' as const, arms: [] }
          : { reason: 'no-valid-run' as const, arms: empty };
      return { ...NO_VERDICT, treatment, gate, withheld: others, upper95 };
    }
    if (others.some(({ reason }) => reason === 'never-in')) {
      const gate = { reason: 'never-in' as const, arms: [treatment] };
      return { ...NO_VERDICT, treatment, gate, withheld: others, upper95 };
    }
    const place = judged.indexOf(evidence);
    const [againstControl, ...againstShams] = evidence.endpoint;
    const pHolm = claims[place] ?? 1;
    const pCompositeHolm = composites[place] ?? 1;
    const pWorseHolm = worse[place] ?? 1;
    // Holm asks most of the first claim: α divided by the number of treatments.
    const first = alpha / judged.length;
    const powerToZero = claimPower(observedClaim(outcomes, references, treatment), {
      ...protocol.decision,
      alpha: first,
      seed: protocol.seed,
    });
    const conditions: VerdictConditions = {
      belowControl: isAtMost(againstControl?.pLess ?? 1, alpha),
      belowShams: againstShams.map(({ reference, pLess }) => ({
        sham: reference,
        p: pLess,
        holds: isAtMost(pLess, alpha),
      })),
      claimHolds: isAtMost(pHolm, alpha),
      compositeHolds: isAtMost(pCompositeHolm, alpha),
      competingNotAbove: evidence.competing.p > COMPETING_LEVEL,
      aboveReferences: isAtMost(pWorseHolm, alpha),
      neverWedged: (outcomes.wedgesAnywhere.get(treatment) ?? 0) === 0,
      sufficientPower: powerToZero >= SUFFICIENT_POWER,
      controlNeverWedged: againstControl?.counts.reference.wedged === 0,
    };
    const withheld = [...competingWithholding(conditions), ...others];
    const compositeCount = countOf(composite.byArm.get(treatment) ?? []);
    return {
      treatment,
      word: wordLeft(verdictWord(conditions), withheld),
      gate: null,
      withheld,
      conditions,
      p: largest(evidence.endpoint, 'pLess'),
      pHolm,
      pWorseHolm,
      upper95,
      composite: {
        ...compositeCount,
        p: largest(evidence.composite, 'pLess'),
        pHolm: pCompositeHolm,
        upper95: upperBound(compositeCount),
      },
      competing: evidence.competing,
      powerToZero,
    };
  });
}

/** The withholding that competing events cause, when they take away a claim on the endpoint. */
function competingWithholding(conditions: VerdictConditions): Withholding[] {
  if (!conditions.claimHolds) return [];
  const failed = [
    ...(conditions.compositeHolds ? [] : (['composite'] as const)),
    ...(conditions.competingNotAbove ? [] : (['share'] as const)),
  ];
  return failed.length === 0 ? [] : [{ reason: 'competing-events', failed }];
}

const NO_VERDICT = {
  word: 'no-verdict',
  conditions: null,
  p: null,
  pHolm: null,
  pWorseHolm: null,
  composite: null,
  competing: null,
  powerToZero: null,
} as const;

/** exp and log round. A path that ends exactly at 1/α must count as having reached it. */
function isAtMost(p: number, alpha: number): boolean {
  return p <= alpha * (1 + 1e-11);
}

/** The word that the endpoint alone gives, in the contract's order, before anything is withheld. */
function verdictWord(conditions: VerdictConditions): VerdictWord {
  if (conditions.claimHolds) return conditions.neverWedged ? 'fixes' : 'reduces';
  if (conditions.aboveReferences) return 'worse';
  return conditions.sufficientPower ? 'no-difference' : 'inconclusive';
}
