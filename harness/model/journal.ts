import { z } from 'zod';
import { kernelCountersSchema } from './arm.ts';
import { runChangeSchema } from './arm-change.ts';
import { type CellListing, cellOutputsRecordSchema } from './cell-outputs.ts';
import { clientCountersSchema, stallSchema } from './client.ts';
import { ENDPOINT_FIELDS } from './endpoint.ts';
import { exposureSchema } from './exposure.ts';
import { interruptsSchema } from './interrupt.ts';
import { memorySchema } from './memory.ts';
import { outcomeSchema } from './outcome.ts';
import { outputLossSchema } from './output-loss.ts';
import { protocolSchema } from './protocol.ts';
import { shardSchema } from './shard.ts';
import { traceEventSchema } from './trace.ts';
import { trafficSchema } from './traffic.ts';

/**
 * Version of the journal's schema; a reader refuses a newer one. Schema 2 records what was done to the kernel by
 * cell (`exposure`), and what of the arm's change it executed (`change`).
 */
export const JOURNAL_SCHEMA = 2;

/** The longest patch that a journal holds: an arm of more is known by its hash alone. */
export const RECORDED_PATCH_CHARACTERS = 262_144;

/** What describes the machine and session. No host name, user name or home folder. */
export const environmentSchema = z.object({
  /** Key of the kernel environment: a hash of what it was made from, or of what it has. */
  key: z.string(),
  platform: z.string(),
  arch: z.string(),
  osRelease: z.string(),
  cpus: z.number().int(),
  memoryBytes: z.number(),
  node: z.string(),
  zeromqJs: z.string(),
  /** libzmq of the harness. */
  libzmq: z.string(),
  python: z.string(),
  /** libzmq of the kernel. */
  kernelLibzmq: z.string(),
  eventLoop: z.string(),
  ipykernel: z.string(),
  /** Every package of the kernel environment. */
  packages: z.record(z.string(), z.string()),
});
export type Environment = z.infer<typeof environmentSchema>;

/** What describes an arm's own kernel environment. */
export const armEnvironmentSchema = environmentSchema.pick({
  key: true,
  python: true,
  kernelLibzmq: true,
  eventLoop: true,
  ipykernel: true,
  packages: true,
});
export type ArmEnvironment = z.infer<typeof armEnvironmentSchema>;

/** What the client ran on, where it is a program of its own. */
export const clientEnvironmentSchema = z.object({
  key: z.string(),
  python: z.string(),
  libzmq: z.string(),
  packages: z.record(z.string(), z.string()),
});
export type ClientEnvironment = z.infer<typeof clientEnvironmentSchema>;

export const baselineSchema = z.object({
  protocolSha256: z.string(),
  at: z.string(),
  arm: z.string(),
  wedged: z.number().int().nonnegative(),
  runs: z.number().int().nonnegative(),
  /**
   * What differs between that experiment and this one besides the arms, each as it was there and is here. Empty:
   * nothing that is recorded. Absent: the journal is of a version that did not look.
   */
  differences: z.array(z.object({ what: z.string(), earlier: z.string(), here: z.string() })).optional(),
  /**
   * What that experiment counted, where it was another endpoint: its runs were counted again by this experiment's.
   * Absent: both count the same.
   */
  recountedFrom: z.object(ENDPOINT_FIELDS).optional(),
});
export type Baseline = z.infer<typeof baselineSchema>;

const oneExperimentSchema = z.object({
  type: z.literal('experiment'),
  schema: z.union([z.literal(1), z.literal(JOURNAL_SCHEMA)]),
  /** Wall clock, ISO 8601: a label, never used to measure. */
  at: z.string(),
  protocol: protocolSchema,
  protocolSha256: z.string(),
  /** Of the reference arm, and of every other arm that `armEnvironments` does not name. */
  environment: environmentSchema,
  /** Environments of the arms that have another one, by arm; absent where there is none. */
  armEnvironments: z.record(z.string(), armEnvironmentSchema).optional(),
  /** Environment of the client; absent where the harness is the client. */
  clientEnvironment: clientEnvironmentSchema.optional(),
  /** Environment of the Jupyter Server; absent where there is none. */
  serverEnvironment: clientEnvironmentSchema.optional(),
  /** The command that repeats the experiment, without private paths. */
  command: z.string(),
  /** Counts of an earlier report used as the reference (`--baseline`), never interleaved. */
  baseline: baselineSchema.nullable(),
  /** The part of the experiment that this journal is of; absent: all of it. */
  shard: shardSchema.optional(),
});

/** What of a merged journal was recorded by one `soak run`: its experiment record but for the protocol. */
export const sourceSchema = oneExperimentSchema
  .omit({ type: true, schema: true, protocol: true, protocolSha256: true })
  .extend({
    /** `sourceId`: platform and hash. */
    id: z.string(),
    /** SHA-256 of each copy of its journal that was merged, sorted. */
    journals: z.array(z.string()).min(1),
    /** Whether the last line of one was torn. */
    torn: z.boolean(),
  });
export type Source = z.infer<typeof sourceSchema>;

/**
 * Of a merged journal, `at` is when its first source began, `environment` that of its first source, and
 * `command` the commands of all.
 */
export const experimentRecordSchema = oneExperimentSchema.extend({
  /**
   * Texts of the arms' patches, by the SHA-256 that the protocol names. One beyond `RECORDED_PATCH_CHARACTERS` is left out. Absent: no
   * arm has a patch, or the journal is of a version that did not record it.
   */
  patches: z.record(z.string(), z.string()).optional(),
  /** Where the runs of a merged journal are from, as they began; absent: recorded here. */
  sources: z.array(sourceSchema).min(1).optional(),
});
export type ExperimentRecord = z.infer<typeof experimentRecordSchema>;

/** Written before a kernel is launched, so that a run that was cut short is never invisible. */
export const beginRecordSchema = z.object({
  type: z.literal('begin'),
  run: z.string(),
  at: z.string(),
  /** Of a merged journal: the source's id. */
  source: z.string().optional(),
});
export type BeginRecord = z.infer<typeof beginRecordSchema>;

// A long journal has millions of them, and one check of the list costs a fraction of a schema for each.
const millisecondsSchema = z.custom<number[]>(
  (list) => Array.isArray(list) && list.every((ms) => typeof ms === 'number' && ms >= 0 && ms < Infinity),
  'Invalid input: expected a list of milliseconds, none below 0',
);

export const runRecordSchema = z.object({
  type: z.literal('run'),
  /**
   * Unique within the journal: block and arm, for example `b007-fix`; with the source, as in
   * `b007-fix@linux-0123456789ab`, where two sources have runs of the same name.
   */
  run: z.string(),
  /** Of a merged journal: the source's id. */
  source: z.string().optional(),
  /** 0-based. */
  block: z.number().int().nonnegative(),
  /** 0-based place within the block's order. */
  position: z.number().int().nonnegative(),
  arm: z.string(),
  /** Index into the protocol's notebooks. */
  notebook: z.number().int().nonnegative(),
  traffic: trafficSchema,
  /** Seed of this run's front-end latencies. */
  seed: z.number().int().nonnegative(),
  at: z.string(),
  /** Spawn to ready, milliseconds; `null` when it never was. */
  startMs: z.number().nonnegative().nullable(),
  /** Ready to the end of the notebook or the verdict, milliseconds. */
  notebookMs: z.number().nonnegative().nullable(),
  outcome: outcomeSchema,
  /** Shell requests of the client, the handshake's included. */
  client: z.object({
    sent: z.number().int().nonnegative(),
    replies: z.number().int().nonnegative(),
    idles: z.number().int().nonnegative(),
    /**
     * Requests without a reply that the kernel read and published no status for, as ipykernel 7.4.0 does with comm
     * messages while a cell awaits: they have no idle status among `idles`. Absent: none.
     */
    unpublished: z.number().int().positive().optional(),
    /**
     * `kernel_info` requests that were sent to learn whether such a request had been read, where there are no counters
     * to tell. They are no traffic, and in none of the other counts. Absent: none.
     */
    witnesses: z.number().int().positive().optional(),
    /** Requests sent, by message type. */
    byType: z.record(z.string(), z.number().int().nonnegative()),
    /** Messages not taken: bad signature, replay, foreign parent, malformed or oversized frame, or a second reply. */
    rejected: z.number().int().nonnegative(),
    /**
     * Messages that were taken as they came though they depart from the protocol, by how: what jupyter_client takes is
     * no fault. Absent: there were none.
     */
    deviations: z.record(z.string(), z.number().int().positive()).optional(),
    /**
     * Shell requests of other peers, sent for this client, such as a nudge's; `begun`: those that the kernel
     * said it began, of which its counters know. Absent: there were none.
     */
    others: z
      .object({ sent: z.number().int().nonnegative(), begun: z.number().int().nonnegative() })
      .optional(),
    /** Through a Jupyter Server: what @jupyterlab/services did by itself; absent: there was no server. */
    server: z
      .object({
        /** Shell requests of the library's own, its `kernel_info`. */
        library: z.number().int().nonnegative(),
        /** WebSockets opened after the first, other than by the traffic: a run to be read with care. */
        reconnects: z.number().int().nonnegative(),
        /** The kernel was out of reach, on another machine for example: nothing of it was seen but what came through the server. */
        elsewhere: z.literal(true).optional(),
        /** Cells posted to the server, which executes them: how many it took, and why it did not take one. */
        rest: z.object({ accepted: z.number().int().nonnegative(), refused: z.array(z.string()) }).optional(),
      })
      .optional(),
  }),
  /** Outputs beyond what is kept of a notebook, which the saved one lacks; absent: none. */
  droppedOutputs: z.number().int().positive().optional(),
  /** What of the run had not gone in time and was left to the reaper, a sentence each; absent: nothing. */
  left: z.array(z.string()).min(1).optional(),
  /** Set where the kernel was spawned although it was to be forked. */
  launched: z.literal('spawn').optional(),
  /** Counters of the kernel-side runtime; `null` where it was not injected or never started. */
  kernel: kernelCountersSchema.nullable(),
  /** What was done to the kernel, by cell; absent: the notebook had not begun, or schema 1. */
  exposure: exposureSchema.optional(),
  /** What the traffic interrupted, and what became of it. Absent: the traffic does not interrupt, or the notebook had not begun. */
  interrupts: interruptsSchema.optional(),
  /** What of the arm's change the kernel did not execute; absent: it has none, or the kernel could not say. */
  change: runChangeSchema.optional(),
  /** Request to reply-and-idle of each answered cell, in order, milliseconds. */
  cellMs: millisecondsSchema,
  /**
   * What of those times the harness's own event loop stood still, by index into `cellMs`, milliseconds. Absent: nothing,
   * or an older journal. A client that is a program of its own keeps its own time, which the harness does not stall.
   */
  stalledMs: z.record(z.string().regex(/^\d+$/), z.number().positive()).optional(),
  /** Longest stall of the harness's own event loop during the run, milliseconds. */
  loopStallMs: z.number().nonnegative(),
  /**
   * Expected outputs that were not there as expected, in the answered cells. Empty: all were there. Absent: nothing was
   * expected, or nothing was compared.
   */
  losses: z.array(outputLossSchema).optional(),
  /**
   * What each cell showed, up to the last one that was compared: hashes of `cell-outputs` records, by the cell's position
   * among the executed ones. Absent: nothing was expected, or the run left no notebook.
   */
  outputs: z.array(z.string()).optional(),
  /** Memory of the kernel's processes, sampled from outside. Absent: it was not sampled. */
  memory: memorySchema.optional(),
  /** The last messages of a run that did not complete; absent for one that did. */
  trace: z.array(traceEventSchema).optional(),
  /** Counters of the client-side runtime; absent where the harness is the client. */
  clientCounters: clientCountersSchema.optional(),
  /** Stalls of the client, in order; absent when there was none. */
  stalls: z.array(stallSchema).optional(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/**
 * A session that ended or resumed; `reason` says why. `stopped`: by a fault of the harness or of what it stands
 * on; `time-over`: by --max-minutes; `same-error`: because the notebook raised the same error in every arm;
 * `ended-early`: because further runs would have added nothing.
 */
export const sessionRecordSchema = z.object({
  type: z.literal('session'),
  at: z.string(),
  event: z.enum(['resumed', 'interrupted', 'stopped', 'time-over', 'same-error', 'ended-early', 'finished']),
  reason: z.string(),
  /** Runs begun by an earlier session and never recorded: run again, and listed. */
  abandoned: z.array(z.string()),
  /** Of a merged journal: the source's id. */
  source: z.string().optional(),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

export const journalRecordSchema = z.discriminatedUnion('type', [
  experimentRecordSchema,
  beginRecordSchema,
  runRecordSchema,
  sessionRecordSchema,
  cellOutputsRecordSchema,
]);
export type JournalRecord = z.infer<typeof journalRecordSchema>;

/** A journal, read. */
export interface Journal {
  readonly experiment: ExperimentRecord;
  /** In block order, then position. */
  readonly runs: readonly RunRecord[];
  readonly sessions: readonly SessionRecord[];
  /** What cells showed or were to show, by hash. Empty: nothing was expected. */
  readonly outputs: ReadonlyMap<string, CellListing>;
  /** Runs begun and never recorded. */
  readonly abandoned: readonly string[];
  /** Whether a torn last line was set aside. */
  readonly torn: boolean;
  /** SHA-256 of the whole lines read. */
  readonly sha256: string;
}
