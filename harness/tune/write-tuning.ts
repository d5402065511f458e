import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { writeWhole } from '../model/write-whole.ts';
import { figureSvg } from '../report/figures/svg.ts';
import { PALETTES, THEMES } from '../report/palette.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { dosePlan } from './dose-response.ts';
import { recordText, type TuningRecord } from './record.ts';
import { tuningResults } from './results.ts';
import { tuningDocument } from './tuning-document.ts';

export const RECORD_FILE = 'tuning.json';

/** What is derived from a record. Pure: the same record, the same bytes. */
export function tuningFiles(record: TuningRecord): { readonly path: string; readonly content: string }[] {
  const results = tuningResults(record);
  const plan = dosePlan(record, results);
  return [
    {
      path: 'tuning.md',
      content: markdownDocument(tuningDocument(record, results), plan === null ? [] : [plan]),
    },
    ...(plan === null
      ? []
      : THEMES.map((theme) => ({
          path: `figures/${plan.name}-${theme}.svg`,
          content: `${figureSvg(plan, PALETTES[theme], theme)}\n`,
        }))),
  ];
}

async function written(path: string, content: string): Promise<void> {
  try {
    await writeWhole('write-report', path, content);
  } catch (cause) {
    throw new SoakError('tuning-not-written', `${path} could not be written: ${(cause as Error).message}`, {
      remedy: 'Give --out a folder that you may write to, on a disk with space.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}

/** @throws SoakError `tuning-not-written` */
export async function writeRecord(folder: string, record: TuningRecord): Promise<void> {
  await written(join(folder, RECORD_FILE), recordText(record));
}

/** @throws SoakError `tuning-not-written` */
export async function writeTuningFiles(folder: string, record: TuningRecord): Promise<void> {
  for (const { path, content } of tuningFiles(record)) await written(join(folder, path), content);
}
