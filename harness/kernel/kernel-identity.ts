import { z } from 'zod';
import { readKernelJson } from './kernel-file.ts';

// Hashes of the some 500 files that a kernel loads of its packages take 60 kB.
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
  /** Class of the main thread's loop; `null` elsewhere than on Windows. */
  mainLoop: word.nullable(),
  /** No kernel has 0 or 1, which stand for others when processes are ended. */
  pid: z.number().int().min(2),
});

/** What a kernel says it is (arms/runtime/soak_identity.py). */
export type KernelIdentity = z.infer<typeof kernelIdentitySchema>;

/** What an arm's environment must be, from inside a kernel. */
export interface ExpectedRuntime {
  readonly python: string;
  readonly libzmq: string | null;
}

/** What a kernel says it loaded; `null` where there is no runtime, it has not said yet, or what it says is nothing. */
export function readIdentity(path: string | null): KernelIdentity | null {
  const parsed = kernelIdentitySchema.safeParse(path === null ? null : readKernelJson(path, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}

const pidSchema = kernelIdentitySchema.shape.pid;

/**
 * The process id that a kernel gives first of all, before it is ready (arms/runtime/soak_kernel.py): what was started
 * may be a launcher. `null` where there is no runtime, it has not said yet, or what it says is none.
 */
export function readOwnPid(identityPath: string | null): number | null {
  if (identityPath === null) return null;
  const parsed = pidSchema.safeParse(readKernelJson(`${identityPath}.pid`, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}

const clientIdentitySchema = kernelIdentitySchema.pick({ sources: true, pid: true });

/** What a client says it loaded of the arm's package, in the same form, and the process that it is. */
export function readClientIdentity(path: string): Pick<KernelIdentity, 'sources' | 'pid'> | null {
  const parsed = clientIdentitySchema.safeParse(readKernelJson(path, MAX_FILE_BYTES));
  return parsed.success ? parsed.data : null;
}
