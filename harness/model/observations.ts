import { z } from 'zod';
import { kernelCountersSchema } from './arm.ts';

/** One look on the shell-channel loop (arms/runtime/soak_probe.py), asked for after the stall only. */
export const lookSchema = z.object({
  /** Whether the shell socket's descriptor was readable, so that the loop would have been woken. */
  fdReadable: z.boolean(),
  fdRegistered: z.boolean(),
  /** `EVENTS` has POLLIN: a request is queued in the socket. */
  pollin: z.boolean(),
  pollout: z.boolean(),
  receiving: z.boolean(),
  /** Innermost frames of each thread before the look, `file:line function`. */
  threads: z.record(z.string(), z.array(z.string())),
});
export type Look = z.infer<typeof lookSchema>;

/** What was done and seen when a request stayed unanswered: the evidence behind an outcome. */
export const observationsSchema = z.object({
  /** Type of the oldest unsettled shell request. */
  request: z.string(),
  /** Since the kernel could have turned to it, milliseconds. */
  waitedMs: z.number().nonnegative(),
  busySeen: z.boolean(),
  replySeen: z.boolean(),
  idleSeen: z.boolean(),
  /** Shell requests that the client had sent. */
  sent: z.number().int().nonnegative(),
  /** Messages that could not be taken: bad signature, malformed, no request of ours. */
  rejected: z.number().int().nonnegative(),
  counters: kernelCountersSchema.nullable(),
  /** Share of one core that the process used between two samples; `null` if it could not be sampled. */
  cpuShare: z.number().nonnegative().nullable(),
  processState: z.string().nullable(),
  heartbeat: z.boolean().nullable(),
  control: z.boolean().nullable(),
  /** `null`: not looked. */
  look: lookSchema.nullable(),
  /** Whether the missing answers came after one run of the stream's read handler; `null`: not tried. */
  revivedByRearm: z.boolean().nullable(),
  /** From the re-arm to the first missing answer, milliseconds. */
  revivedAfterMs: z.number().nonnegative().nullable(),
  /** Answered while the verdict was being prepared, after the deadline. */
  answeredLate: z.boolean(),
  /** Longest stall of the harness's event loop while it waited, milliseconds. */
  loopStallMs: z.number().nonnegative(),
  /** First error of the harness's own sockets. */
  socketError: z.string().nullable(),
});
export type Observations = z.infer<typeof observationsSchema>;
