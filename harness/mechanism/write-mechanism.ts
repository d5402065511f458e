import { join } from 'node:path';
import { writeOutput } from '../model/write-output.ts';
import { type Mechanism, mechanismMarkdown } from './edge-drain.ts';

/** Write `mechanism.json` and `mechanism.md`. @throws SoakError `cannot-write` */
export async function writeMechanism(folder: string, mechanism: Mechanism): Promise<void> {
  await writeOutput(join(folder, 'mechanism.json'), `${JSON.stringify(mechanism, null, 2)}\n`);
  await writeOutput(join(folder, 'mechanism.md'), mechanismMarkdown(mechanism));
}
