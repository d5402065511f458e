import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { writeWhole } from '../model/write-whole.ts';
import { plainLine } from '../report/document.ts';
import type { Localisation } from './localisation.ts';
import { locateDocument, locateMarkdown } from './locate-document.ts';

/**
 * Write `locate.md`.
 *
 * @returns its path, and its leading line as plain text
 * @throws SoakError `cannot-write`
 */
export async function writeLocated(
  out: string,
  located: Localisation,
): Promise<{ place: string; line: string | null }> {
  const place = join(out, 'locate.md');
  await writeWhole('write-report', place, locateMarkdown(located)).catch((cause: unknown) => {
    throw new SoakError('cannot-write', `${place} cannot be written: ${(cause as Error).message}`, {
      remedy:
        'Free space or choose another --out. The experiments are complete, and the same command reads them.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  });
  const [lead] = locateDocument(located).lead;
  return { place, line: lead?.kind === 'callout' ? plainLine(lead.line) : null };
}
