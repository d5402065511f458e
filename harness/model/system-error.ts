import { EXIT_CODES, SoakError } from './errors.ts';

/** Remedies for errors of the operating system, by errno. */
const REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: 'Raise the limit of open files (ulimit -n), or lower --concurrency.',
  ENFILE: 'The whole system has too many open files: end programs that hold them, or lower --concurrency.',
  EAGAIN: 'Raise the limit of processes (ulimit -u), end some processes, or lower --concurrency.',
  ENOMEM: 'Free memory, or lower --concurrency.',
  ENOSPC: 'Free space on that disk.',
  EDQUOT: 'Free space within the quota of that disk.',
  EROFS: 'Make that file system writable, or choose another folder.',
  EIO: 'The disk or file system has an error: see the system’s log.',
};

/**
 * An error of the operating system because a resource is used up or lost, as a SoakError: the environment's fault, not
 * the harness's or a kernel's.
 *
 * @returns `null` for any other error
 */
export function systemError(error: unknown): SoakError | null {
  if (!(error instanceof Error) || error instanceof SoakError) return null;
  const { code } = error as NodeJS.ErrnoException;
  const remedy = code === undefined ? undefined : REMEDIES[code];
  if (remedy === undefined) return null;
  return new SoakError('system-refused', `The system refused a call: ${error.message}.`, {
    remedy: `${remedy} Recorded runs are kept: continue with --resume.`,
    exitCode: EXIT_CODES.environment,
    cause: error,
  });
}
