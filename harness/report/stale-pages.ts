import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPageBeginning, PAGES_FOLDER } from './output-pages.ts';

/** A page says what it is before its styles. */
const BEGINNING_BYTES = 2_048;

/**
 * Remove the pages of an earlier report that this one does not write. A file goes only if its name is that of a page and
 * its text begins as the page of that name does: whatever else lies in the folder stays.
 *
 * @param written paths of the report's files, relative to `dir`
 */
export async function removeStalePages(dir: string, written: ReadonlySet<string>): Promise<void> {
  const folder = join(dir, PAGES_FOLDER);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  for (const entry of entries) {
    const { name } = entry;
    // What is no file, such as a link, is not ours.
    if (!entry.isFile() || !name.endsWith('.html') || written.has(`${PAGES_FOLDER}/${name}`)) continue;
    const path = join(folder, name);
    if (isPageBeginning(name.slice(0, -'.html'.length), await beginning(path))) await rm(path);
  }
}

async function beginning(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
