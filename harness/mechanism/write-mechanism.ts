import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { makeFolder } from '../model/make-folder.ts';
import { type Mechanism, mechanismMarkdown } from './edge-drain.ts';

/** Write `mechanism.json` and `mechanism.md`. @throws SoakError `not-written` */
export async function writeMechanism(folder: string, mechanism: Mechanism): Promise<void> {
  try {
    await makeFolder(folder);
    await writeFile(join(folder, 'mechanism.json'), `${JSON.stringify(mechanism, null, 2)}\n`);
    await writeFile(join(folder, 'mechanism.md'), mechanismMarkdown(mechanism));
  } catch (cause) {
    throw new SoakError('not-written', `${folder} cannot be written: ${(cause as Error).message}`, {
      remedy: 'Give --out a folder that you may write to, on a disk with space.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}
