import { randomBytes } from 'node:crypto';
import { chmod, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeadlinePassed, type FileDeadline, fileWithDeadline } from './deadlines.ts';
import { makeFolder } from './make-folder.ts';

/**
 * Write a file whole or not at all, in a folder that is made where it is missing. The file keeps the permissions of
 * the one that it replaces. A rename within one folder is atomic: neither a reader nor a crash leaves half a file.
 *
 * @throws DeadlinePassed; Error of the file system
 */
export async function writeWhole(
  deadline: FileDeadline,
  path: string,
  content: string | Iterable<string>,
): Promise<void> {
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`;
  try {
    await fileWithDeadline(deadline, writeAndMove(partial, path, content));
  } catch (error) {
    // A disk that did not answer would not answer this either.
    if (!(error instanceof DeadlinePassed)) await rm(partial, { force: true }).catch(() => {});
    throw error;
  }
}

async function writeAndMove(
  partial: string,
  path: string,
  content: string | Iterable<string>,
): Promise<void> {
  await makeFolder(dirname(path));
  const replaced = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const file = await open(partial, 'wx');
  try {
    await writeFile(file, content);
    await file.sync();
  } finally {
    await file.close();
  }
  if (replaced !== null) await chmod(partial, replaced.mode & 0o7777);
  await rename(partial, path);
}
