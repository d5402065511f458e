import { join } from 'node:path';
import { writeOutput } from '../model/write-output.ts';
import { figureFiles } from '../report/figures/svg.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import type { ReportFile } from '../report/write-report.ts';
import { dosePlan } from './dose-response.ts';
import { recordText, type TuningRecord } from './record.ts';
import { tuningResults } from './results.ts';
import { tuningDocument } from './tuning-document.ts';

export const RECORD_FILE = 'tuning.json';

/** What is derived from a record. Pure: the same record, the same bytes. */
export function tuningFiles(record: TuningRecord): ReportFile[] {
  const results = tuningResults(record);
  const plan = dosePlan(record, results);
  const plans = plan === null ? [] : [plan];
  return [
    { path: 'tuning.md', content: markdownDocument(tuningDocument(record, results), plans) },
    ...figureFiles(plans),
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
