import { z } from 'zod';
import { protocolArmSchema } from './arm.ts';
import { canonicalJson, sha256 } from './canonical.ts';
import { protocolExpectedSchema } from './cell-outputs.ts';
import { protocolClientSchema } from './client.ts';
import { ENDPOINT_FIELDS, ENDPOINTS } from './endpoint.ts';
import { LAUNCH_METHODS } from './launch-method.ts';
import { socketsSchema } from './sockets.ts';
import { trafficSchema } from './traffic.ts';
import { protocolTransportSchema } from './transport.ts';

/** The default: nbclient's own reaction times, recorded by tools/latency/measure_frontend_latency.py. */
export const DEFAULT_LATENCY = 'nbclient';

/** What an e-process expects at first: nothing, or a treatment that cures (docs/statistics.md#anytime-valid). */
export const BETS = ['neutral', 'cure'] as const;
export type Bets = (typeof BETS)[number];

export const protocolNotebookSchema = z.object({
  /** File name without folders. */
  name: z.string(),
  sha256: z.string(),
  /** Indices in the notebook of the code cells to execute, in order. */
  codeCells: z.array(z.number().int().nonnegative()),
});
export type ProtocolNotebook = z.infer<typeof protocolNotebookSchema>;

/** The tuning that found the assay's settings, on control alone. */
export const tuningCitationSchema = z.object({
  /** Hash of the tuning record, as the record states it. */
  sha256: z.string(),
  chosen: z.object({
    traffic: trafficSchema,
    /** Canonical latency spec. */
    latency: z.string(),
    /** File name of the notebook. */
    notebook: z.string(),
    /** Leading code cells that are executed. */
    cells: z.number().int().positive(),
  }),
});
export type TuningCitation = z.infer<typeof tuningCitationSchema>;

/**
 * The experiment, frozen and hashed before run 1: everything that decides what is run and how the counts become a
 * verdict, and nothing that only describes the machine.
 */
export const protocolSchema = z.object({
  arms: z.array(protocolArmSchema).min(1),
  notebooks: z.array(protocolNotebookSchema).min(1),
  /** Blocks cycle through notebooks × traffic profiles; within a block all arms have the same pair. */
  traffic: z.array(trafficSchema).min(1),
  /** Front-end latency: the canonical spec, and a hash of the distribution where it is empirical. */
  latency: z.object({ spec: z.string(), sha256: z.string().nullable() }),
  /** Most outstanding executes under `pipeline` traffic. */
  pipelineDepth: z.number().int().positive(),
  /** When the traffic interrupts a cell, as `interruptMoment` reads it. Absent: no traffic of it interrupts. */
  interruptAfter: z.string().optional(),
  seed: z.number().int().nonnegative(),
  /** Most blocks: most runs of each arm. */
  blocks: z.number().int().positive(),
  /** Concurrent runs. */
  concurrency: z.number().int().positive(),
  /** Deadline of one request, milliseconds. */
  timeoutMs: z.number().positive(),
  /** Deadline of a kernel's start, milliseconds. */
  startTimeoutMs: z.number().positive(),
  /** Silence after which the oracle suspects a strand, milliseconds. `null`: only at the deadline. */
  suspectAfterMs: z.number().positive().nullable(),
  /**
   * So many wedges, the first ones of the experiment, get a rung of the revival ladder after the run's account was taken.
   * The rungs take turns. Absent: none.
   */
  autopsy: z.union([z.literal('full'), z.number().int().positive()]).optional(),
  /** The tuning that chose traffic, latency and notebook. Absent: the user chose them. */
  tuning: tuningCitationSchema.optional(),
  /** Launch method for arms that set none. Where a fork is unsafe, kernels are spawned. */
  launch: z.enum(LAUNCH_METHODS),
  /**
   * The program that executes the notebooks. Its traffic and latency are its own: one cell after another, with `Output`
   * models mirrored (`widgets`). Absent: the harness's own front end.
   */
  client: protocolClientSchema.optional(),
  /** The server between the front end and the kernels, which it starts. Absent: there is none. */
  transport: protocolTransportSchema.optional(),
  /** Transport and encryption of the kernels' sockets. Absent: TCP on loopback, unencrypted. */
  sockets: socketsSchema.optional(),
  ...ENDPOINT_FIELDS,
  /** Endpoints that are counted in the same runs, without a verdict. Absent: none. */
  also: z.array(z.enum(ENDPOINTS)).min(1).optional(),
  /** The outputs that every run is to show. Absent: outputs are not compared. */
  expected: protocolExpectedSchema.optional(),
  /** How it is decided (docs/statistics.md#two-arms, docs/statistics.md#anytime-valid). */
  decision: z.object({
    stopping: z.enum(['fixed', 'until-decided']),
    test: z.enum(['boschloo', 'e-process']),
    alpha: z.number().positive().lt(1),
    /**
     * What the e-process of a claim expects. Absent: nothing, as in older experiments. "Worse" and A/A pairs never expect
     * anything.
     */
    bets: z.enum(BETS).optional(),
    /** Reference rate of the binomial tail, taken as known. `null`: the reference arm's own rate. */
    p0: z.number().min(0).max(1).nullable(),
  }),
  /** Version of kernel-soak. */
  harness: z.string(),
  /** Hash of the kernel-side runtime's sources. */
  runtimeSha256: z.string(),
});
export type Protocol = z.infer<typeof protocolSchema>;

/** The protocol's identity: SHA-256 of its canonical JSON. */
export function protocolHash(protocol: Protocol): string {
  return sha256(canonicalJson(protocol));
}
