import { join } from 'node:path';
import { writeOutput } from '../model/write-output.ts';
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
  const place = await writeOutput(join(out, 'locate.md'), locateMarkdown(located));
  const [lead] = locateDocument(located).lead;
  return { place, line: lead?.kind === 'callout' ? plainLine(lead.line) : null };
}
