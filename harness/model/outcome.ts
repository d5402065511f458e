import { z } from 'zod';
import { observationsSchema } from './observations.ts';

/**
 * What a run showed. What a kind counts as depends on the endpoint: see `outcomeStatus` (docs/statistics.md#units,
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
   * The kernel had sent the reply and lay idle, and so did the client, which had not taken it: it is queued
   * in the client's own shell socket, or was found only when the client's own poll had timed out.
   */
  'stalled',
  /** The kernel counted the reply as sent, or sent a frame beyond what is taken; the client never received it. */
  'lost-reply',
  /** A server on the way never gave the kernel the request: the kernel is idle and nothing is queued in its socket. */
  'lost-request',
  /**
   * Through a server, from a kernel out of reach of all but it: unanswered and never begun, and whether the kernel or
   * what is between lost it cannot be told. Or the kernel went past it: it turned to requests that were sent after it.
   */
  'no-answer',
  /** The reply came, the idle status with its parent did not; or a frame on iopub was beyond what is taken. */
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
  /** The harness could not observe the run properly: nothing is said of the kernel. */
  'harness-fault',
] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

// Schema 1 had one word for what is `busy` or `hung` today; it did not look at the processor time to tell them apart.
const outcomeKindSchema = z.preprocess((kind) => (kind === 'slow' ? 'busy' : kind), z.enum(OUTCOME_KINDS));

/** What a run counts as, for the endpoint of its experiment. */
export const OUTCOME_STATUSES = [
  /** The endpoint was observed, and its event did not happen. */
  'completed',
  /** The endpoint's event: the kernel wedged, or what else the protocol counts. */
  'wedged',
  /** The run ended otherwise, so that the endpoint could not be observed: it died, a cell raised, it was late. */
  'competing',
  /** The harness could not observe the run: nothing is said of the kernel, and the run is left out. */
  'invalid',
] as const;
export type OutcomeStatus = (typeof OUTCOME_STATUSES)[number];

/** What an experiment counts: wedges of the kernel, or stalls of the client. */
export const ENDPOINTS = ['wedged', 'stalled'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const EVENT_KINDS: Readonly<Record<Endpoint, readonly OutcomeKind[]>> = {
  wedged: ['wedged-stranded', 'wedged-mute'],
  stalled: ['stalled'],
};

/**
 * What a kind counts as. Every ending but the harness's own fault is an observation: where it is neither the
 * endpoint's event nor a completed run, it is a competing event. So a kernel that wedged competes where the
 * client's stalls are counted, and the other way round.
 *
 * @param endpoint the protocol's; `undefined`: wedges. No default, so that no caller counts the wrong thing unawares
 */
export function outcomeStatus(kind: OutcomeKind, endpoint: Endpoint | undefined): OutcomeStatus {
  if (kind === 'completed') return 'completed';
  if (kind === 'harness-fault') return 'invalid';
  return EVENT_KINDS[endpoint ?? 'wedged'].includes(kind) ? 'wedged' : 'competing';
}

/** Whether the endpoint was observed: a competing event hides it, and an invalid run says nothing. */
export function isObserved(status: OutcomeStatus | undefined): status is 'completed' | 'wedged' {
  return status === 'completed' || status === 'wedged';
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
  /** The error of a `cell-error`; text is as the kernel sent it, bounded in length, and hostile. */
  error: z.object({ ename: z.string(), evalue: z.string() }).nullable(),
  /** How the process ended, of `died` and `start-failed`. */
  exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).nullable(),
  /** Last bytes of the kernel's standard error, bounded, hostile; `null` when not of interest. */
  stderrTail: z.string().nullable(),
  /** Last bytes of its standard output, likewise, where it wrote nothing to standard error; absent: not of interest. */
  stdoutTail: z.string().optional(),
  /** What was seen of the unanswered request, certificate included; `null` when none was unanswered. */
  observations: observationsSchema.nullable().optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** What the observations of a run say: the part of its outcome that an oracle decides. */
export type Finding = Pick<Outcome, 'kind' | 'source' | 'reason'>;
