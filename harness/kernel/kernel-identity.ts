import { z } from 'zod';
import { readKernelJson } from './kernel-file.ts';

// A kernel loads some 500 files of its packages. Their hashes take 60 kB.
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const word = z.string().max(200);

const kernelIdentitySchema = z.object({
  sources: z.record(z.string(), z.string()),
  ipykernel: word,
  python: word,
  pyzmq: word,
  libzmq: word,
  /** Class of the loop that serves the shell channel. */
  eventLoop: word,
  /** Class of the main thread's loop. `null` on every system but Windows. */
  mainLoop: word.nullable(),
  /** No kernel has PID 0 or 1. When processes are ended, these numbers stand for others. */
  pid: z.number().int().min(2),
});

/** What a kernel says it is (arms/runtime/soak_identity.py). */
export type KernelIdentity = z.infer<typeof kernelIdentitySchema>;

/** What an arm's environment must be, from inside a kernel. */
export interface ExpectedRuntime {
  readonly python: string;
  readonly libzmq: string | null;
}

/**
 * What a kernel reports that it loaded. `null`: it has no runtime, has not reported yet, or its report is
 * invalid.
 */
export function readIdentity(path: string | null): KernelIdentity | null {
  const parsed = kernelIdentitySchema.safeParse(path === null ? null : readKernelJson(path, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}

const pidSchema = kernelIdentitySchema.shape.pid;

/**
 * The PID that a kernel reports first, before it is ready (arms/runtime/soak_kernel.py). The started process
 * may be only a launcher. `null`: the kernel has no runtime, has not reported yet, or its report is invalid.
 */
export function readOwnPid(identityPath: string | null): number | null {
  if (identityPath === null) return null;
  const parsed = pidSchema.safeParse(readKernelJson(`${identityPath}.pid`, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}

const clientIdentitySchema = kernelIdentitySchema.pick({ sources: true, pid: true });

/** What a client reports that it loaded of the arm's package, in the same form, and the client's PID. */
export function readClientIdentity(path: string): Pick<KernelIdentity, 'sources' | 'pid'> | null {
  const parsed = clientIdentitySchema.safeParse(readKernelJson(path, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}
