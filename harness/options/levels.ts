/** Level of the verdict of an experiment of fixed size, where none is given. */
const ALPHA = 0.05;
/** The same with `--until-decided`. It may look after every block at any level; a small one makes a claim last. */
const ALPHA_UNTIL_DECIDED = 0.001;

/** How the help and the option table state both. */
export const ALPHA_WORDS = `${ALPHA}; ${ALPHA_UNTIL_DECIDED} with --until-decided`;

/** The level at which an experiment decides: what `soak run` takes and `soak plan` plans for. */
export function decisionLevel(given: number | null, untilDecided: boolean): number {
  return given ?? (untilDecided ? ALPHA_UNTIL_DECIDED : ALPHA);
}
