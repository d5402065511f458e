import { z } from 'zod';

/** Events kept of a run that did not complete: its end, small enough for 100,000 runs. */
export const TRACE_EVENTS = 60;

/** Longest type or state kept, characters: both are the kernel's words, and hostile. */
export const TRACE_WORD_CHARACTERS = 80;

/** One message, or one act of the oracle, of a run that did not complete. */
export const traceEventSchema = z.object({
  /** Since the kernel was ready, milliseconds, or since its launch when it never was. */
  atMs: z.number(),
  /** `rejected`: received and not taken. `oracle`: no message, but something that the harness did. */
  what: z.enum(['sent', 'received', 'rejected', 'oracle']),
  channel: z.enum(['shell', 'control', 'iopub']).nullable(),
  /** Message type; the cause of a rejection; the act of the oracle. */
  type: z.string(),
  /** 1-based number, in the order sent, of the shell request that it is or answers; `null`: of none. */
  request: z.number().int().positive().nullable(),
  /** Execution state of a status, status of a reply. */
  state: z.string().nullable(),
});
export type TraceEvent = z.infer<typeof traceEventSchema>;
