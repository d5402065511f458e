import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';

const RETRIES = 5;

/** The error for a folder for temporary files that cannot be written. */
export function noTemporaryFolder(within: string, cause: unknown): SoakError {
  return new SoakError(
    'no-temporary-folder',
    `The folder for temporary files, ${within}, cannot be written: ${(cause as Error).message}.`,
    {
      remedy: 'Make it writable and free space there, or set TMPDIR (Windows: TEMP) to another folder.',
      exitCode: EXIT_CODES.environment,
      cause,
    },
  );
}

/** Whether a file could not be written because the disk is full or permission is missing. */
export function isUnwritable(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Remove the private folder of a process that has ended. If a notebook removed permissions inside it, they are restored
 * first.
 *
 * @throws Error of the file system where it cannot be removed
 */
export async function removePrivateFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: RETRIES });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    await makeRemovable(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: RETRIES });
  }
}

async function makeRemovable(folder: string): Promise<void> {
  const places = [folder];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    // The target of a link is not ours.
    if (!(await lstat(place)).isDirectory()) continue;
    await chmod(place, 0o700);
    for (const entry of await readdir(place, { withFileTypes: true })) {
      if (entry.isDirectory()) places.push(join(place, entry.name));
    }
  }
}
