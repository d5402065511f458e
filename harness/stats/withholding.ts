import type { VerdictWord } from './verdict-words.ts';

/**
 * Why a treatment does not get the word that its figures alone would give it
 * (docs/endpoints.md#competing-events-decide-too). Each reason holds the figures that a report needs.
 */
export type Withholding = CompetingEvents | ExcludedRuns | ShortExposure | PartlyEngaged | NeverIn;

/**
 * The event became rarer but other endings did not, or competing events became more frequent. Withholds
 * `fixes` and `reduces`.
 */
export interface CompetingEvents {
  readonly reason: 'competing-events';
  /**
   * Conditions that failed.
   *
   * - `composite`: the claim does not hold on the composite, the event or a competing event.
   * - `share`: competing events are more frequent on the treatment than on the references together.
   */
  readonly failed: readonly ('composite' | 'share')[];
}

/**
 * There are many harness faults, and the claim fails when all of them count against it. Withholds `fixes` and
 * `reduces`.
 */
export interface ExcludedRuns {
  readonly reason: 'exclusions';
  /** Arms with harness faults in more than a tenth of the recorded runs. */
  readonly arms: readonly string[];
  /** The word when all of them count against the claim. */
  readonly worst: VerdictWord;
}

/** The treatment did not get the exposure that the reference got. Withholds `fixes` and `reduces`. */
export interface ShortExposure {
  readonly reason: 'exposure';
  /** The kinds that were short: a message type, `cells`, a kind of output. */
  readonly kinds: readonly {
    readonly kind: string;
    /** The arm of the comparison. */
    readonly reference: string;
    /** Per run, over the cells answered in both arms. */
    readonly referencePerRun: number;
    readonly treatmentPerRun: number;
    /** Permutation test over runs, after Holm over the kinds; `null` where another rule decided. */
    readonly p: number | null;
  }[];
}

/** The change was in for only some of its opportunities. Withholds `fixes`. */
export interface PartlyEngaged {
  readonly reason: 'not-engaged';
  readonly engaged: number;
  readonly opportunities: number;
  /**
   * `replies`: the share in the completed run in which the change was in least. `runs`: the share of the
   * completed runs.
   */
  readonly of: 'replies' | 'runs';
}

/** The change was never in, so there is no verdict at all. */
export interface NeverIn {
  readonly reason: 'never-in';
  /**
   * No kernel loaded the arm's files, no kernel called the patched function, or the arm's counter stayed at
   * zero.
   */
  readonly why: 'not-loaded' | 'not-called' | 'counter-zero';
}

/** The word that remains of `word`. */
export function wordLeft(word: VerdictWord, withheld: readonly Withholding[]): VerdictWord {
  const has = (reason: Withholding['reason']) => withheld.some((each) => each.reason === reason);
  if (has('never-in')) return 'no-verdict';
  const isClaim = word === 'fixes' || word === 'reduces';
  const claimGone = has('competing-events') || has('exclusions') || has('exposure');
  if (isClaim && claimGone) return 'inconclusive';
  return word === 'fixes' && has('not-engaged') ? 'inconclusive' : word;
}
