import { z } from 'zod';
import { armChangeSchema } from './arm-change.ts';
import { LAUNCH_METHODS } from './launch-method.ts';

/** `control` has no change, `sham` the change's overhead without its effect, `treatment` the change itself. */
export const ARM_ROLES = ['control', 'sham', 'treatment'] as const;
export type ArmRole = (typeof ARM_ROLES)[number];

/** Packages that an arm can change: the kernel's, or one of the client's. */
export const ARM_PACKAGES = ['ipykernel', 'jupyter_client', 'nbclient'] as const;
export type ArmPackage = (typeof ARM_PACKAGES)[number];

/** Whether the package belongs to the client. */
export function isClientPackage(name: ArmPackage): boolean {
  return name !== 'ipykernel';
}

/**
 * Counters kept by the kernel-side runtime (arms/runtime) in a memory-mapped file, in file order.
 * Each has one writer, the thread that serves the shell channel, unless stated.
 */
export const KERNEL_COUNTERS = [
  /** Shell requests that the shell socket's stream handed to the kernel's handler. */
  'delivered',
  /** Shell requests that the main thread began to dispatch (written by the main thread). */
  'begun',
  /** Shell requests that the main thread finished dispatching (written by the main thread). */
  'ended',
  /** Replies given to the shell socket or its stream. */
  'replies',
  /** Event-loop callbacks that the reply path scheduled: the overhead that sham and fix share. */
  'callbacks',
  /** Runs of the stream's event handler that the reply path brought about: re-arms. */
  'rearms',
  /** Calls of `stream.flush` that the reply path brought about. */
  'flushes',
  /** Replies sent through the stream instead of raw on its socket. */
  'streamSends',
  /** Replies at which the arm's stream reference was absent or None, in arms that need one. */
  'missing',
  /** Replies at which that stream did not own the shell socket. */
  'mismatched',
] as const;
export type KernelCounter = (typeof KERNEL_COUNTERS)[number];

export const kernelCountersSchema = z.object(
  Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, z.number().int().nonnegative()])) as Record<
    KernelCounter,
    z.ZodNumber
  >,
);
export type KernelCounters = z.infer<typeof kernelCountersSchema>;

/** An arm's own environment, as the protocol fixes it. */
export const protocolArmEnvironmentSchema = z.object({
  /** Packages that the arm asks for besides the default ones, normalised and sorted. */
  requirements: z.array(z.string()),
  /** The Python that it asks for, such as `3.13`. `null`: the experiment's. */
  python: z.string().nullable(),
  /** Hash of the lock file, which decides every version that the requirements leave open. */
  lockSha256: z.string(),
  /** Resolved versions of the packages that the lock file does not decide. */
  versions: z.record(z.string(), z.string()),
  /** The requirements are what an environment of the user's had installed, but for what the arm changes. */
  isCopy: z.literal(true).optional(),
  /** Files that the packages of all arms were read from, without folders. Absent: none. */
  files: z.array(z.object({ name: z.string(), sha256: z.string() })).optional(),
  /** Packages of those files or of that environment that could not be installed, each with the reason. Absent: none. */
  leftOut: z.array(z.string()).optional(),
});
export type ProtocolArmEnvironment = z.infer<typeof protocolArmEnvironmentSchema>;

/** A kernel as its kernelspec starts it, and what it says about itself. `null`: it was not asked. */
export const protocolKernelspecSchema = z.object({
  name: z.string(),
  /** Hash of kernel.json, or of what the server says about the kernel. */
  sha256: z.string(),
  displayName: z.string(),
  implementation: z.string().nullable(),
  version: z.string().nullable(),
  language: z.string(),
});
export type ProtocolKernelspec = z.infer<typeof protocolKernelspecSchema>;

/**
 * Counts that somebody else measured without the change. They were not interleaved with the runs here, so that no verdict
 * rests on them. They stand in where an experiment has no reference arm (docs/statistics.md#one-arm).
 */
export const citedReferenceSchema = z
  .strictObject({
    wedged: z.number().int().nonnegative(),
    runs: z.number().int().positive(),
    /** Where they are published. */
    source: z
      .string()
      .min(1)
      .max(200)
      .regex(/^\P{Cc}*$/u, 'has control characters'),
    /** What they were measured on: system, versions, notebook, client. */
    conditions: z
      .string()
      .min(1)
      .max(300)
      .regex(/^\P{Cc}*$/u, 'has control characters'),
  })
  .refine(({ wedged, runs }) => wedged <= runs, 'has more wedged runs than runs');
export type CitedReference = z.infer<typeof citedReferenceSchema>;

/** An arm as the frozen protocol names it. */
export const protocolArmSchema = z.object({
  name: z.string(),
  role: z.enum(ARM_ROLES),
  description: z.string(),
  /** SHA-256 of the patch file. `null`: the arm has none. */
  patchSha256: z.string().nullable(),
  /** SHA-256 over the names and contents of the overlay's source files, which the kernel must report to have loaded. */
  treeSha256: z.string(),
  /** The counter that equals `replies` in each run if the treatment is in. `null`: the arm has none. */
  engagement: z.enum(KERNEL_COUNTERS).nullable(),
  /** What the arm changes; its kernels report whether they executed it. Absent: nothing, or nobody looked. */
  change: armChangeSchema.optional(),
  /** A sham with the change's extra scheduling, without its effect. */
  schedules: z.literal(true).optional(),
  /** The rate that the change was made against, measured elsewhere. Absent: none is cited. */
  citedReference: citedReferenceSchema.optional(),
  /** Absent: the experiment's own environment. */
  environment: protocolArmEnvironmentSchema.optional(),
  /** Packages taken from commits of a clone. Absent: none. */
  commits: z.array(z.object({ package: z.string(), commit: z.string() })).optional(),
  /** asyncio's event loop on Windows, which has two. Absent: ipykernel's own choice. */
  eventLoop: z.enum(['selector', 'proactor']).optional(),
  /** The arm's own environment variables for the kernel. Absent: none. */
  variables: z.record(z.string(), z.string()).optional(),
  /** The arm's own launch method. Absent: the experiment's. */
  launch: z.enum(LAUNCH_METHODS).optional(),
  /** Arguments of the kernel after its connection file. Absent: none. */
  arguments: z.array(z.string()).optional(),
  /**
   * The client's package that the patch changes. `treeSha256` then covers its sources, and `engagement` names a counter
   * of the client, compared with its sends. Absent: ipykernel.
   */
  package: z.enum(ARM_PACKAGES).optional(),
  /** The arm is a kernel as its kernelspec starts it, with nothing injected. `treeSha256` then hashes this entry. */
  kernelspec: protocolKernelspecSchema.optional(),
});
export type ProtocolArm = z.infer<typeof protocolArmSchema>;
