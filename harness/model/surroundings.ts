/** The process that a command runs in, as far as the command needs it. */
export interface RunSurroundings {
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal;
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
}
