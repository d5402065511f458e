import { join } from 'node:path';
import { writeOutput } from '../model/write-output.ts';
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

/** @throws SoakError `cannot-write` */
export async function writeRecord(folder: string, record: TuningRecord): Promise<void> {
  await writeOutput(join(folder, RECORD_FILE), recordText(record));
}

/** @throws SoakError `cannot-write` */
export async function writeTuningFiles(folder: string, record: TuningRecord): Promise<void> {
  for (const { path, content } of tuningFiles(record)) await writeOutput(join(folder, path), content);
}
