import { join } from 'node:path';
import { z } from 'zod';
import { deadlineMs } from '../../model/deadlines.ts';
import { packageRoot } from '../../model/package-root.ts';
import { type CommandResult, runCommand } from './run-command.ts';

export const environmentFactsSchema = z.object({
  /** For example `3.13.1`. */
  python: z.string(),
  /** For example `CPython`. */
  implementation: z.string(),
  /** Python's `sys.platform`. */
  platform: z.string(),
  /** Architecture, as Python's `platform.machine()`. */
  machine: z.string(),
  /** Built without the global interpreter lock. */
  freeThreaded: z.boolean(),
  /** Everything installed: normalised name to version. */
  packages: z.record(z.string(), z.string()),
  /** Version and absolute package folder; `null` when it is not there. */
  ipykernel: z.object({ version: z.string(), folder: z.string() }).nullable(),
  /** Absolute folder of each package that a kernel serves its channels with, by import name. */
  sourceFolders: z.record(z.string(), z.string()),
  pyzmq: z.string().nullable(),
  /** The libzmq that pyzmq runs on; `null` when pyzmq does not import. */
  libzmq: z.string().nullable(),
  tornado: z.string().nullable(),
  /** What this ipykernel runs on this platform; classes with their modules. */
  eventLoop: z.object({
    /** Of the main thread, which runs the cells. */
    main: z.string(),
    /** Of the thread that serves the shell channel. */
    shellChannel: z.string(),
    /** `null` where Python has no event-loop policies any more. */
    policy: z.string().nullable(),
  }),
  /** What a kernel needs and this environment lacks or cannot import. Empty when all is there. */
  missing: z.array(z.object({ package: z.string(), reason: z.string() })),
});
export type EnvironmentFacts = z.infer<typeof environmentFactsSchema>;

/** The facts, or why there are none: then this interpreter cannot be used. */
export type ProbeResult =
  | { readonly runs: true; readonly facts: EnvironmentFacts }
  | { readonly runs: false; readonly reason: string };

/** Asks an environment's interpreter what it consists of. Installs and changes nothing. */
export async function probeEnvironment(python: string, signal?: AbortSignal): Promise<ProbeResult> {
  const script = join(packageRoot(), 'arms', 'runtime', 'probe_environment.py');
  const result = await runCommand(python, ['-I', script], {
    timeoutMs: deadlineMs('probe-python'),
    signal,
  });
  if (result.spawnError || result.code !== 0) return { runs: false, reason: endOf(result) };
  try {
    return { runs: true, facts: environmentFactsSchema.parse(JSON.parse(result.stdout)) };
  } catch (error) {
    return {
      runs: false,
      reason: `its answer could not be read (${(error as Error).message.slice(0, 200)})`,
    };
  }
}

function endOf(result: CommandResult): string {
  if (result.spawnError) return `its interpreter cannot be started (${result.spawnError.code ?? 'unknown'})`;
  if (result.timedOut) return `its interpreter did not answer within ${deadlineMs('probe-python') / 1000} s`;
  const last = result.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  return `its interpreter ended with ${result.signal ?? `exit code ${result.code}`}${last === '' ? '' : `: ${last}`}`;
}
