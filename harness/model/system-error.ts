import { EXIT_CODES, SoakError } from './errors.ts';

/** What can be done about what the operating system refuses, by errno. */
const REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: 'Raise the limit of open files (ulimit -n), or lower --concurrency.',
  ENFILE: 'The whole system has too many files open: end what holds them, or lower --concurrency.',
  EAGAIN: 'Raise the limit of processes (ulimit -u), end some, or lower --concurrency.',
  ENOMEM: 'Free memory, or lower --concurrency.',
  ENOSPC: 'Free space on that disk.',
  EDQUOT: 'Free space within the quota of that disk.',
  EROFS: 'Make that file system writable, or name another folder.',
  EIO: 'That disk or file system fails: look at the system’s log.',
};

/**
 * An error of the operating system that says that a resource is used up or lost, in words: it is the environment's
 * fault, not the harness's and not a kernel's.
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
