import { join } from 'node:path';
import { orRefuse, writeEach } from '../report/write-report.ts';
import { type Mechanism, mechanismMarkdown } from './edge-drain.ts';

/** Write `mechanism.json` and `mechanism.md`. @throws SoakError `not-written` */
export async function writeMechanism(folder: string, mechanism: Mechanism): Promise<void> {
  const files = [
    { path: join(folder, 'mechanism.json'), content: `${JSON.stringify(mechanism, null, 2)}\n` },
    { path: join(folder, 'mechanism.md'), content: mechanismMarkdown(mechanism) },
  ];
  const remedy = 'Give --out a folder that you may write to, on a disk with space.';
  await orRefuse({ code: 'not-written', what: folder, remedy }, writeEach(files));
}
