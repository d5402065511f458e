/** The verdict on one treatment (docs/statistics.md#the-claim-this-fixes-it). */
export const VERDICT_WORDS = [
  /**
   * The treatment is below control and below every sham at α, both with competing events left out and with
   * them counted in. It never wedged.
   */
  'fixes',
  /** As `fixes`, but the treatment still wedged. */
  'reduces',
  /** The treatment is above control and above every sham at α. */
  'worse',
  /**
   * The claim does not hold, although the experiment had 80 % power to see a cure against every reference.
   */
  'no-difference',
  /** Everything else. The usual cause is a control that wedged rarely or never. */
  'inconclusive',
  /** An arm that the claim needs has no valid run in the counted blocks, so there is nothing to compare. */
  'no-verdict',
] as const;
export type VerdictWord = (typeof VERDICT_WORDS)[number];
