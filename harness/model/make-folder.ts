import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Make a folder and those above it that are missing. One by one, from the one that exists downwards: where the file
 * system answers ENOENT to a new folder, as /proc does, Node's `recursive` tries for ever.
 *
 * @param mode of the folders that are made; default: as the process has it
 * @throws Error of the file system, such as ENOTDIR, EACCES, ENOENT
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  for (const folder of (await missingFolders(path)).missing.reverse()) {
    await mkdir(folder, mode === undefined ? {} : { mode }).catch((error: unknown) => {
      // Another process made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

/**
 * The folders that making `path` would make, deepest first, and the existing one that they would be made in.
 *
 * @throws Error of the file system: ENOTDIR where something on the way is no folder
 */
export async function missingFolders(path: string): Promise<{ missing: string[]; existing: string }> {
  const missing: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    const found = await stat(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || dirname(at) === at) throw error;
      return null;
    });
    if (found?.isDirectory() === true) return { missing, existing: at };
    if (found !== null) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${at}'`), { code: 'ENOTDIR' });
    }
    missing.push(at);
  }
}
