import { z } from 'zod';
import { kernelCountersSchema } from './arm.ts';

/** Innermost frames of each thread, `file:line function`. */
const threadsSchema = z.record(z.string(), z.array(z.string()));

/** One look on the shell-channel loop (arms/runtime/soak_probe.py), asked for after the stall only. */
export const lookSchema = z.object({
  /** Whether the shell socket's descriptor was readable, so that the loop would have been woken. */
  fdReadable: z.boolean(),
  fdRegistered: z.boolean(),
  /** `EVENTS` has POLLIN: a request is queued in the socket. */
  pollin: z.boolean(),
  pollout: z.boolean(),
  receiving: z.boolean(),
  /** Those of each thread before the look. */
  threads: threadsSchema,
});
export type Look = z.infer<typeof lookSchema>;

// A kernel's word is journalled: a notebook may start thousands of threads and name them as it likes.
const MAX_THREADS = 40;
const MAX_FRAMES = 8;
const MAX_WORD_CHARACTERS = 200;

/** The look that a kernel answers with, bounded, the threads that decide first; `null`: it is none. */
export function lookOfKernel(content: unknown): Look | null {
  const parsed = lookSchema.safeParse(content);
  return parsed.success ? { ...parsed.data, threads: boundedThreads(parsed.data.threads) } : null;
}

/** The stacks that a kernel answers with, bounded likewise; `null`: it is no such answer. */
export function stacksOfKernel(content: unknown): Look['threads'] | null {
  const parsed = z.object({ threads: threadsSchema }).safeParse(content);
  return parsed.success ? boundedThreads(parsed.data.threads) : null;
}

function boundedThreads(threads: Look['threads']): Look['threads'] {
  const names = Object.keys(threads).filter((name) => name.length <= MAX_WORD_CHARACTERS);
  const decisive = ['Shell channel', 'MainThread'].filter((name) => names.includes(name));
  const kept = [...new Set([...decisive, ...names])].slice(0, MAX_THREADS);
  const frames = (name: string) =>
    (threads[name] ?? []).slice(0, MAX_FRAMES).map((frame) => frame.slice(0, MAX_WORD_CHARACTERS));
  return Object.fromEntries(kept.map((name) => [name, frames(name)]));
}

/**
 * What may bring a stranded request back, as people try it. One rung is tried a wedge, in turn by the
 * wedge's number: a strand that one rung has revived says nothing of the next.
 */
export const REVIVAL_RUNGS = [
  /** Nothing is done. */
  'waiting',
  /** One more shell request of the client that has the stranded one. */
  'same-peer',
  /** An interrupt, as the kernelspec of ipykernel has it: a signal, on Windows a control message. */
  'interrupt',
  /** A shell request of a new connection, as "Reconnect to kernel" makes it. */
  'new-peer',
  /** One run of the shell stream's read handler. */
  're-arm',
  /** A fresh kernel: it answers, and the stranded request is lost with the old one. */
  'restart',
] as const;
export type RevivalRung = (typeof REVIVAL_RUNGS)[number];

export const revivalSchema = z.object({
  rung: z.enum(REVIVAL_RUNGS),
  /** Whether the kernel turned to the stranded request; of `restart`: whether the fresh kernel answered. */
  revived: z.boolean(),
  /** From the attempt to the first sign of it, milliseconds; `null` when there was none. */
  afterMs: z.number().nonnegative().nullable(),
});
export type Revival = z.infer<typeof revivalSchema>;

/** What was done and seen when a request stayed unanswered: the evidence behind an outcome. */
export const observationsSchema = z.object({
  /** Type of the oldest unsettled shell request. */
  request: z.string(),
  /** Milliseconds since the kernel could have turned to it. */
  waitedMs: z.number().nonnegative(),
  /** What is between the client and the kernel. Absent: nothing. */
  through: z.literal('server').optional(),
  busySeen: z.boolean(),
  replySeen: z.boolean(),
  idleSeen: z.boolean(),
  /** Shell requests that the client had sent, and those of other peers that the kernel had begun. */
  sent: z.number().int().nonnegative(),
  /** Later requests of the same client that the kernel began or answered. Absent: none. */
  begunAfter: z.number().int().positive().optional(),
  /** Messages that could not be taken: bad signature, malformed, no request of ours. */
  rejected: z.number().int().nonnegative(),
  /** The same by channel and cause, such as `shell bad-signature`. */
  rejections: z.record(z.string(), z.number().int().positive()).default({}),
  counters: kernelCountersSchema.nullable(),
  /**
   * Share of one core that the process used in the last second before the verdict, or in the last tenth of a second in
   * older journals and for a verdict that did not wait so long. `null`: it could not be sampled.
   */
  cpuShare: z.number().nonnegative().nullable(),
  /** The same in the busiest sampled second of the wait. Absent: no second was sampled, or an older journal. */
  busiestShare: z.number().nonnegative().optional(),
  /** Share of one core that everything below the process used before the verdict. Absent: not known. */
  belowShare: z.number().nonnegative().optional(),
  processState: z.string().nullable(),
  /** The process runs another program than at its start, as after `os.execv`, or the kernel started anew in it. */
  replaced: z.literal(true).optional(),
  /** Where the main thread waits, if not for a message. Absent: it waits for a message, or this is not known. */
  blockedIn: z.string().optional(),
  /**
   * During the wait a shell message came that answers no request or is not sound. It might have been the answer to this
   * request.
   */
  answerAstray: z.literal(true).optional(),
  heartbeat: z.boolean().nullable(),
  control: z.boolean().nullable(),
  /** `null`: not looked. */
  look: lookSchema.nullable(),
  /** Innermost frames of each thread, if asked for without a look. Absent: they were not. */
  threads: threadsSchema.optional(),
  /** Whether the shell port accepts connections; `null`: not tried. */
  shellPortOpen: z.boolean().nullable().default(null),
  /** Whether a new shell peer got an answer of its own; `null`: not tried. */
  peerAnswered: z.boolean().nullable().default(null),
  /**
   * Whether the kernel turned to the unanswered request once a new shell peer had sent one. Without counters, this is the
   * evidence of a strand. `null`: not tried.
   */
  revivedByPeer: z.boolean().nullable().default(null),
  /** The rung of the revival ladder that was tried. `null`: none. */
  revival: revivalSchema.nullable().default(null),
  /** Whether the kernel turned to the request after one run of the stream's read handler. `null`: not tried. */
  revivedByRearm: z.boolean().nullable(),
  /** From the re-arm to the first missing answer, milliseconds. */
  revivedAfterMs: z.number().nonnegative().nullable(),
  /** After an interrupt: whether a further request of the same client was answered. Absent: none was sent. */
  nextAnswered: z.boolean().optional(),
  /** Whether it was answered after the deadline, while the verdict was prepared. */
  answeredLate: z.boolean(),
  /** Longest stall of the harness's event loop while it waited, milliseconds. */
  loopStallMs: z.number().nonnegative(),
  /** All its stalls within `waitedMs` together, milliseconds. Absent: there were none, or an older journal. */
  stalledMs: z.number().positive().optional(),
  /** First error of the harness's own sockets. */
  socketError: z.string().nullable(),
});
export type Observations = z.infer<typeof observationsSchema>;
