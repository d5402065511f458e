import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOLDER_PREFIX } from './no-folder-left.ts';

const made: string[] = [];

/** A new folder, its real path. It is removed after the tests of the file that asked for it. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), process.env[FOLDER_PREFIX] ?? 'soak-test-')));
  made.push(folder);
  return folder;
}

/** Remove the folders that were made since it was last called. */
export async function removeTemporaryFolders(): Promise<void> {
  await Promise.all(
    made.splice(0).map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })),
  );
}
