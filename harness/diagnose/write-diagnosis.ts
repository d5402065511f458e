import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SoakError } from '../model/errors.ts';
import { writeOutput } from '../model/write-output.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import type { Difference } from '../report/verify.ts';
import type { ReportFile } from '../report/write-report.ts';
import type { WayJournal } from './diagnosis.ts';
import { diagnosisDocument } from './document.ts';
import { DIAGNOSIS_FILE, type DiagnosisRecord, readDiagnosisRecord, readWays } from './record.ts';

export const DIAGNOSIS_DOCUMENT = 'diagnosis.md';

function diagnosisFiles(journals: readonly WayJournal[], record: DiagnosisRecord): ReportFile[] {
  return [{ path: DIAGNOSIS_DOCUMENT, content: markdownDocument(diagnosisDocument(journals, record), []) }];
}

/** Keep what the journals will not say. Before the first run. @throws SoakError `cannot-write` */
export async function keepRecord(folder: string, record: DiagnosisRecord): Promise<void> {
  await writeOutput(join(folder, DIAGNOSIS_FILE), `${JSON.stringify(record, null, 1)}\n`);
}

/** Write `diagnosis.md`. @returns its path. @throws SoakError `cannot-write` */
export async function writeDiagnosis(
  folder: string,
  journals: readonly WayJournal[],
  record: DiagnosisRecord,
): Promise<string[]> {
  return Promise.all(
    diagnosisFiles(journals, record).map(({ path, content }) => writeOutput(join(folder, path), content)),
  );
}

/** The folder of a diagnosis that `target` names: itself, or one of its files. `null`: it names none. */
export async function diagnosisFolder(target: string): Promise<string | null> {
  const isFile = await stat(target).then(
    (found) => found.isFile(),
    () => false,
  );
  const folder = isFile ? dirname(target) : target;
  return stat(join(folder, DIAGNOSIS_FILE)).then(
    () => folder,
    () => null,
  );
}

/** A diagnosis with its record and the journals of its ways. */
export interface ReadDiagnosis {
  readonly record: DiagnosisRecord;
  readonly journals: readonly WayJournal[];
}

/** @throws SoakError `bad-diagnosis`, `no-journal`, `bad-journal` */
export async function readDiagnosis(folder: string): Promise<ReadDiagnosis> {
  const record = await readDiagnosisRecord(folder);
  if (record === null) {
    throw new SoakError('no-journal', `There is no ${DIAGNOSIS_FILE} in ${folder}.`, {
      remedy: 'Give a folder that `soak NOTEBOOK.ipynb` has written.',
    });
  }
  return { record, journals: await readWays(folder, record) };
}

/** A diagnosis's folder, compared with what its journals give. */
export interface DiagnosisVerification {
  readonly journals: readonly WayJournal[];
  readonly differences: readonly Difference[];
  readonly files: readonly string[];
}

/**
 * Works everything out again: the evidence of each way from its journal, and the diagnosis from all of them.
 *
 * @param target the folder, or a file in it
 * @throws SoakError `no-report`, `no-journal`, `bad-diagnosis`
 */
export async function verifyDiagnosis(target: string): Promise<DiagnosisVerification> {
  const folder = (await diagnosisFolder(target)) ?? target;
  const { record, journals } = await readDiagnosis(folder);
  const files = diagnosisFiles(journals, record);
  if (folder !== target && !files.some(({ path }) => path === basename(target))) {
    throw new SoakError('no-report', `${target} is not a file of a diagnosis.`, {
      remedy: `Give the folder, or its ${DIAGNOSIS_DOCUMENT}.`,
    });
  }
  // It draws the figures of the ways anew.
  const { folderDifferences, verifyReport } = await import('../report/verify.ts');
  const own = await folderDifferences(folder, files);
  const ways = await Promise.all(
    record.ways.map(async (name) => ({ name, ...(await verifyReport(join(folder, name))) })),
  );
  return {
    journals,
    differences: [
      ...own,
      ...ways.flatMap(({ name, differences }) =>
        differences.map((each) => ({ ...each, file: `${name}/${each.file}` })),
      ),
    ],
    files: [
      ...files.map(({ path }) => path),
      ...ways.flatMap(({ name, files: ofWay }) => ofWay.map((path) => `${name}/${path}`)),
    ],
  };
}
