/**
 * Begins a journal in the folder given and appends runs until one is refused, then the end of the session,
 * and reports what happened. Its parent limits the size of files, so that the disk is full in the middle
 * of a line.
 */
import type { SoakError } from '../model/errors.ts';
import type { SessionRecord } from '../model/journal.ts';
import { begunRun, experimentRecord } from './journal.fixture.ts';
import { JournalWriter } from './write.ts';

const writer = await JournalWriter.create(process.argv[2] ?? '', experimentRecord());
let written = 0;
let refusal: SoakError | null = null;
while (refusal === null) {
  try {
    for (const record of begunRun(written, 'fix')) await writer.append(record);
    written += 1;
  } catch (error) {
    refusal = error as SoakError;
  }
}
const session: SessionRecord = { type: 'session', at: 'now', event: 'stopped', reason: 'x', abandoned: [] };
const ended = await writer.append(session).then(
  () => true,
  () => false,
);
await writer.close();
process.stdout.write(JSON.stringify({ written, code: refusal.code, exitCode: refusal.exitCode, ended }));
