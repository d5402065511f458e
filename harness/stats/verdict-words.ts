/** What an experiment says of one treatment (docs/statistics.md#the-claim-this-fixes-it). */
export const VERDICT_WORDS = [
  /** Below control and below every sham at α, competing events left out and counted in, and it never wedged. */
  'fixes',
  /** The same, and it still wedged. */
  'reduces',
  /** Above control and above every sham at α. */
  'worse',
  /** The claim does not hold although a cure would have been seen with 80 % power, against every reference. */
  'no-difference',
  /** Anything else, above all a control that wedged rarely or never. */
  'inconclusive',
  /** An arm that the claim needs has no valid run in the counted blocks: there is nothing to compare. */
  'no-verdict',
] as const;
export type VerdictWord = (typeof VERDICT_WORDS)[number];
