import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { terminalText } from '../model/clean-text.ts';
import { SoakError } from '../model/errors.ts';
import type { NamedJournal } from './merge.ts';
import { JOURNAL_FILE, readJournal } from './read.ts';

/** Folders deep that reports are looked for. */
const DEPTH = 4;

/**
 * The folder itself and those below it that hold a journal, in the order of their names.
 *
 * @param journals file names of the journals that count
 * @throws SoakError `no-folder`
 */
export async function reportFolders(
  dir: string,
  journals: readonly string[] = [JOURNAL_FILE],
  depth = DEPTH,
): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new SoakError('no-folder', `${dir} cannot be listed: ${String(cause)}`, {
      remedy: 'Give a folder that exists and that you may read.',
      cause,
    });
  });
  const found = entries.some((entry) => entry.isFile() && journals.includes(entry.name)) ? [dir] : [];
  if (depth === 0) return found;
  const inner = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map(({ name }) => name)
    .sort();
  for (const name of inner) found.push(...(await reportFolders(join(dir, name), journals, depth - 1)));
  return found;
}

/**
 * Every folder with a journal in or below the given ones, each once.
 *
 * @throws SoakError `no-folder`; `no-journal` when one of them has none
 */
export async function journalFolders(dirs: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const dir of dirs) {
    const folders = await reportFolders(dir);
    if (folders.length === 0) {
      throw new SoakError('no-journal', `Neither ${dir} nor a folder below it holds a ${JOURNAL_FILE}.`, {
        remedy: 'Give folders that soak run wrote, or one above them.',
      });
    }
    found.push(...folders);
  }
  return [...new Set(found)];
}

/** The journals in or below the given folders, each named by its folder. @throws SoakError as `journalFolders`, `readJournal` */
export async function namedJournals(dirs: readonly string[]): Promise<NamedJournal[]> {
  const journals: NamedJournal[] = [];
  for (const folder of await journalFolders(dirs)) {
    journals.push({ name: terminalText(folder, 300), journal: (await readJournal(folder)).journal });
  }
  return journals;
}

/** When a report was begun, as the name of its folder has it. */
export function folderStamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}
