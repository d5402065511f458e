import { join } from 'node:path';
import { writeWhole } from '../model/write-whole.ts';
import { plainLine } from '../report/document.ts';
import { orRefuse } from '../report/write-report.ts';
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
  const remedy =
    'Free space or choose another --out. The experiments are complete, and the same command reads them.';
  const writing = writeWhole('write-report', place, locateMarkdown(located));
  await orRefuse({ code: 'cannot-write', what: place, remedy }, writing);
  const [lead] = locateDocument(located).lead;
  return { place, line: lead?.kind === 'callout' ? plainLine(lead.line) : null };
}
