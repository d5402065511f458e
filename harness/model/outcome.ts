import { z } from 'zod';
import { observationsSchema } from './observations.ts';

/**
 * What a run showed. The endpoint decides what a kind counts as: see `runStatus` (docs/statistics.md#units,
 * docs/endpoints.md#kinds-of-run-and-whose-event-they-are).
 */
export const OUTCOME_KINDS = [
  /** Every cell was answered, and so was every other shell request, each by its deadline. */
  'completed',
  /** Alive, request unanswered at the verdict, and certified: the request is queued in the shell socket, unread. */
  'wedged-stranded',
  /** Alive, request unanswered at the deadline and never begun, without a certificate. */
  'wedged-mute',
  /**
   * The kernel had sent the reply and was idle. The client was idle too and had not taken it: the reply is queued in the
   * client's own shell socket, or was found only when the client's own poll had timed out.
   */
  'stalled',
  /** The kernel counted the reply as sent, or sent a frame that is too long. The client never received it. */
  'lost-reply',
  /** A server never gave the kernel the request: the kernel is idle, and nothing is queued in its socket. */
  'lost-request',
  /**
   * Unanswered and never begun, from a kernel that only its server can reach: either the kernel or something on the way
   * lost the request. Or the kernel skipped it: it turned to requests that were sent later.
   */
  'no-answer',
  /** The reply came, but its idle status did not; or a frame on iopub was too long. */
  'lost-idle',
  /** Answered, but after the deadline. */
  'late',
  /** Unanswered at the deadline, and the kernel's process was using processor time. Older journals say `slow`. */
  'busy',
  /** Begun, unanswered at the deadline, and the kernel's process used no processor time. */
  'hung',
  /** A cell was not executed, and the kernel gave no error of that cell's own. */
  'aborted',
  /** A cell raised and was not marked `raises-exception`. */
  'cell-error',
  /** The process ended during the run. */
  'died',
  /** The kernel never became ready. */
  'start-failed',
  /** The harness could not observe the run: nothing is said about the kernel. */
  'harness-fault',
] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

// Schema 1 had one word for `busy` and `hung`, since it did not look at the processor time.
const outcomeKindSchema = z.preprocess((kind) => (kind === 'slow' ? 'busy' : kind), z.enum(OUTCOME_KINDS));

/** Whether an idle kernel never began a request. */
export function isWedge(kind: OutcomeKind): boolean {
  return kind === 'wedged-stranded' || kind === 'wedged-mute';
}

/** Where the observations point. `null` when nothing went wrong. */
export const LIKELY_SOURCES = ['kernel', 'client', 'server', 'notebook', 'harness'] as const;
export type LikelySource = (typeof LIKELY_SOURCES)[number];

export const outcomeSchema = z.object({
  kind: outcomeKindSchema,
  source: z.enum(LIKELY_SOURCES).nullable(),
  /** One sentence in plain words: the observations that decided it. */
  reason: z.string(),
  /**
   * 0-based position, among the notebook's executed code cells, of the cell that was unanswered or raised.
   * Equal to the number of executed cells when only a request after the last cell was unanswered.
   * `null` when the outcome belongs to no cell.
   */
  cell: z.number().int().nonnegative().nullable(),
  /** Message type of the oldest unanswered shell request, `null` when none was unanswered. */
  unanswered: z.string().nullable(),
  /** Milliseconds from sending that request to the verdict; `null` when none was unanswered. */
  waitedMs: z.number().nonnegative().nullable(),
  /** The error of a `cell-error`. Its text is the kernel's, bounded in length, and may be hostile. */
  error: z
    .object({
      ename: z.string(),
      evalue: z.string(),
      /** 1-based line of the cell that raised. Absent: its traceback does not say, or an older journal. */
      line: z.number().int().positive().optional(),
      /** Last frame of the traceback below that line, `file:line function` without folders. Absent likewise. */
      frame: z.string().optional(),
    })
    .nullable(),
  /** How the process ended, for `died` and `start-failed`. */
  exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).nullable(),
  /** End of the kernel's standard error, which may be hostile. `null`: of no interest. */
  stderrTail: z.string().nullable(),
  /** End of its standard output, if it wrote nothing to standard error. Absent: of no interest. */
  stdoutTail: z.string().optional(),
  /** What was seen of the unanswered request, with its certificate. `null`: none was unanswered. */
  observations: observationsSchema.nullable().optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** The part of an outcome that an oracle decides. */
export type Finding = Pick<Outcome, 'kind' | 'source' | 'reason'>;
