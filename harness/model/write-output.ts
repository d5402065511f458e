import type { FileDeadline } from './deadlines.ts';
import { EXIT_CODES, SoakError } from './errors.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Write a file that a command was asked for, whole or not at all. Its folder is made where it is missing.
 *
 * @returns its path
 * @throws SoakError `cannot-write`
 */
export async function writeOutput(
  path: string,
  content: string | Iterable<string>,
  deadline: FileDeadline = 'write-report',
): Promise<string> {
  try {
    await writeWhole(deadline, path, content);
    return path;
  } catch (cause) {
    throw new SoakError('cannot-write', `${path} cannot be written: ${(cause as Error).message}`, {
      remedy: 'Free space on the disk, or choose a folder that you may write to.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}
