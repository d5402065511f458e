import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';
import { lookSchema } from './observations.ts';

/** Programs that execute notebooks, and can be the client of an experiment. */
export const CLIENTS = [
  'nbclient',
  'papermill',
  'jupyter-execute',
  'nbconvert',
  'nbmake',
  /** jupyter_client's `BlockingKernelClient`. */
  'jupyter-client',
] as const;
export type ClientName = (typeof CLIENTS)[number];

/** Name in the protocol of any other program. It is a command, and nothing is known of it but its exit code. */
export const COMMAND_CLIENT = 'command';

/**
 * Endpoints whose event is never seen under a command, and why, as a clause: a count of them would be a zero that nobody
 * looked for.
 */
export const UNSEEN_UNDER_COMMAND: Readonly<Partial<Record<Endpoint, string>>> = {
  stalled: 'what the program has not read is not known',
  'lost-answer': 'what the program receives is not known',
  'cell-error': 'the program ends in the same way when a cell raises and when the program itself fails',
  slow: 'the cells are not timed',
};

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
  /** Messages among them that it found only when its own poll had timed out. */
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
  name: z.enum([...CLIENTS, COMMAND_CLIENT]),
  /** The command of a program that is none of `CLIENTS`, fit to be published. */
  command: z.string().optional(),
  /** The client's own time-out of a cell, milliseconds. `null`: none, which is the clients' default, or not known. */
  cellTimeoutMs: z.number().positive().nullable(),
  /** Versions of the packages that send and read: `nbclient`, `jupyter-client`, `pyzmq`, … Empty for a command. */
  versions: z.record(z.string(), z.string()),
});
export type ProtocolClient = z.infer<typeof protocolClientSchema>;

/** How a stall ended: by the harness's re-arm, by the client's own time-out, by itself, or not at all. */
export const STALL_ENDS = ['re-arm', 'time-out', 'itself', 'not'] as const;

/**
 * A reply that the kernel had sent and the client, idle, did not take for longer than the harness waits
 * before it suspects.
 */
export const stallSchema = z.object({
  /** 0-based position of the cell among those executed. `null`: before the first. */
  cell: z.number().int().nonnegative().nullable(),
  /** Type of the oldest request whose reply was not taken. */
  request: z.string(),
  /** Milliseconds from the last movement to the look, or to the end of the stall if there was no look. */
  waitedMs: z.number().nonnegative(),
  /** Replies that the kernel had sent, and messages that the client had taken. */
  replies: z.number().int().nonnegative(),
  taken: z.number().int().nonnegative(),
  /** Share of one core that the client's process used between two samples. */
  cpuShare: z.number().nonnegative().nullable(),
  /** One look at the client's loop. `null`: it did not answer. */
  look: lookSchema.nullable(),
  end: z.enum(STALL_ENDS),
  /** Milliseconds from the re-arm, or from the last movement, until the reply was taken. `null`: it was not. */
  endedAfterMs: z.number().nonnegative().nullable(),
});
export type Stall = z.infer<typeof stallSchema>;
