import { mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileWithDeadline } from '../model/deadlines.ts';
import { missingFolders } from '../model/make-folder.ts';
import { unwritable } from './write.ts';

/**
 * Refuse a report folder that could not be made or written, before anything costly is prepared. Leaves nothing behind:
 * a folder is made and removed in the nearest one that exists, which is the only test that no user or file system
 * passes by permission bits alone.
 *
 * @throws SoakError `cannot-write`; DeadlinePassed
 */
export async function assertWritable(folder: string): Promise<void> {
  try {
    await fileWithDeadline('make-folder', tried(folder), folder);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

async function tried(folder: string): Promise<void> {
  const { existing } = await missingFolders(folder);
  await rmdir(await mkdtemp(join(existing, '.soak-')));
}
