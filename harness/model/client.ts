import { z } from 'zod';
import { lookSchema } from './observations.ts';

/** Programs that execute notebooks for people, which can be the client of an experiment. */
export const CLIENTS = ['nbclient', 'papermill', 'jupyter-execute', 'nbconvert'] as const;
export type ClientName = (typeof CLIENTS)[number];

/** Counters of the client-side runtime (arms/runtime/soak_client_counters.py), in file order. */
export const CLIENT_COUNTERS = [
  /** Messages sent on any channel of the client. */
  'sends',
  /** Messages sent on the shell channel; counted before the send. */
  'shellSends',
  /** Execute requests among them. */
  'executes',
  /** Messages that the client read off the shell channel. */
  'taken',
  /** Those among them that it found only when its own poll had timed out. */
  'late',
  /** Polls of the shell channel that timed out with nothing there. */
  'timeouts',
  /** Event-loop callbacks that the send path scheduled. */
  'callbacks',
  /** Looks for remaining events that the send path brought about: re-arms. */
  'rearms',
] as const;
export type ClientCounter = (typeof CLIENT_COUNTERS)[number];

export const clientCountersSchema = z.object(
  Object.fromEntries(CLIENT_COUNTERS.map((name) => [name, z.number().int().nonnegative()])) as Record<
    ClientCounter,
    z.ZodNumber
  >,
);
export type ClientCounters = z.infer<typeof clientCountersSchema>;

/** The client as the frozen protocol names it. */
export const protocolClientSchema = z.object({
  name: z.enum(CLIENTS),
  /** The client's own time-out of a cell, milliseconds; `null`: none, as the clients have it by default. */
  cellTimeoutMs: z.number().positive().nullable(),
  /** Versions of what decides how it sends and reads: `nbclient`, `jupyter-client`, `pyzmq`, `tornado`, … */
  versions: z.record(z.string(), z.string()),
});
export type ProtocolClient = z.infer<typeof protocolClientSchema>;

/** How a stall ended: the harness ran the socket's own look for events, the client's poll timed out, or not. */
export const STALL_ENDS = ['re-arm', 'time-out', 'itself', 'not'] as const;

/**
 * A reply that the kernel had sent and the client, idle, did not take for longer than the harness waits
 * before it suspects.
 */
export const stallSchema = z.object({
  /** 0-based position of the cell among those executed; `null`: before the first. */
  cell: z.number().int().nonnegative().nullable(),
  /** Type of the oldest request whose reply was not taken. */
  request: z.string(),
  /** From the last thing that moved to the look or, without one, to the end of the stall; milliseconds. */
  waitedMs: z.number().nonnegative(),
  /** Replies that the kernel had sent, and messages that the client had taken. */
  replies: z.number().int().nonnegative(),
  taken: z.number().int().nonnegative(),
  /** Share of one core that the client's process used between two samples. */
  cpuShare: z.number().nonnegative().nullable(),
  /** One look on the client's loop; `null`: none could be had. */
  look: lookSchema.nullable(),
  end: z.enum(STALL_ENDS),
  /** From the re-arm, or else from the last thing that moved, to the reply's being taken; `null`: it was not. */
  endedAfterMs: z.number().nonnegative().nullable(),
});
export type Stall = z.infer<typeof stallSchema>;
