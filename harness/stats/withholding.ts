import type { VerdictWord } from './verdict-words.ts';

/**
 * Why a treatment does not get the word that its figures alone would give it
 * (docs/endpoints.md#competing-events-decide-too). The figures that a report needs are in each.
 */
export type Withholding = CompetingEvents | ExcludedRuns | ShortExposure | PartlyEngaged | NeverIn;

/** The event became rarer and other endings did not, or there are more of them: withholds `fixes` and `reduces`. */
export interface CompetingEvents {
  readonly reason: 'competing-events';
  /**
   * `composite`: the claim does not hold on the event or a competing event. `share`: competing events are more
   * frequent on the treatment than on the references together.
   */
  readonly failed: readonly ('composite' | 'share')[];
}

/** Harness faults are many, and with all of them against the claim it is gone: withholds `fixes` and `reduces`. */
export interface ExcludedRuns {
  readonly reason: 'exclusions';
  /** Arms of which more than a tenth of the recorded runs are harness faults. */
  readonly arms: readonly string[];
  /** The word with all of them against the claim. */
  readonly worst: VerdictWord;
}

/** The treatment was not given what the reference was given: withholds `fixes` and `reduces`. */
export interface ShortExposure {
  readonly reason: 'exposure';
  /** What it was short of: a message type, `cells`, a kind of output. */
  readonly kinds: readonly {
    readonly kind: string;
    /** The arm that it is compared with. */
    readonly reference: string;
    /** Per run, over the cells answered in both arms. */
    readonly referencePerRun: number;
    readonly treatmentPerRun: number;
    /** Permutation test over runs, after Holm over the kinds; `null` where another rule decided. */
    readonly p: number | null;
  }[];
}

/** The change was in for some of its opportunities only: withholds `fixes`. */
export interface PartlyEngaged {
  readonly reason: 'not-engaged';
  readonly engaged: number;
  readonly opportunities: number;
  /** `replies`: of the completed run in which it was in least; `runs`: of the completed runs. */
  readonly of: 'replies' | 'runs';
}

/** The change was never in: there is no verdict at all. */
export interface NeverIn {
  readonly reason: 'never-in';
  /** No kernel loaded its files, none called the function that it patches, or its counter stayed at zero. */
  readonly why: 'not-loaded' | 'not-called' | 'counter-zero';
}

/** The word that is left of `word`. */
export function wordLeft(word: VerdictWord, withheld: readonly Withholding[]): VerdictWord {
  const has = (reason: Withholding['reason']) => withheld.some((each) => each.reason === reason);
  if (has('never-in')) return 'no-verdict';
  const isClaim = word === 'fixes' || word === 'reduces';
  const claimGone = has('competing-events') || has('exclusions') || has('exposure');
  if (isClaim && claimGone) return 'inconclusive';
  return word === 'fixes' && has('not-engaged') ? 'inconclusive' : word;
}
