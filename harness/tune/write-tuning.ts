import { join } from 'node:path';
import { figureFiles } from '../report/figures/svg.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { orRefuse, type ReportFile, writeEach } from '../report/write-report.ts';
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

async function write(folder: string, files: readonly ReportFile[]): Promise<void> {
  const placed = files.map(({ path, content }) => ({ path: join(folder, path), content }));
  const remedy = 'Give --out a folder that you may write to, on a disk with space.';
  await orRefuse({ code: 'tuning-not-written', what: folder, remedy }, writeEach(placed));
}

/** @throws SoakError `tuning-not-written` */
export async function writeRecord(folder: string, record: TuningRecord): Promise<void> {
  await write(folder, [{ path: RECORD_FILE, content: recordText(record) }]);
}

/** @throws SoakError `tuning-not-written` */
export async function writeTuningFiles(folder: string, record: TuningRecord): Promise<void> {
  await write(folder, tuningFiles(record));
}
