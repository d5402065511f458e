import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileWithDeadline } from '../model/deadlines.ts';
import type { Journal } from '../model/journal.ts';
import { makeFolder } from '../model/make-folder.ts';
import { orRefuse, type Refusal } from '../model/or-refuse.ts';
import { writeWhole } from '../model/write-whole.ts';
import { commentMarkdown, evidenceHtml, evidenceMarkdown, figures } from './evidence.ts';
import { junitXml } from './junit.ts';
import { outputPages } from './output-pages.ts';
import { buildReport, type Report } from './report.ts';
import { removeStalePages } from './stale-pages.ts';
import { summaryJson } from './summary.ts';

/** A file that follows from a journal, such as one of a report folder. */
export interface ReportFile {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  readonly content: string;
}

/** All files of a report, in a fixed order. Pure: the same journal, the same bytes, on every machine. */
export function reportFiles(report: Report): ReportFile[] {
  return [
    { path: 'evidence.md', content: evidenceMarkdown(report) },
    { path: 'comment.md', content: commentMarkdown(report) },
    { path: 'evidence.html', content: evidenceHtml(report) },
    { path: 'summary.json', content: summaryJson(report) },
    { path: 'junit.xml', content: junitXml(report) },
    ...figures(report),
    ...outputPages(report).map(({ path, content }) => ({ path, content })),
  ];
}

/**
 * Writes every file of the journal's report into `dir` and returns their paths. Each file appears whole or
 * not at all; a figure or a page of outputs that the report no longer has is removed.
 *
 * @param report of that journal, if the caller already has it: the analysis of a long one takes seconds
 * @throws SoakError `report-not-written` when the folder cannot be written.
 */
export async function writeReport(
  dir: string,
  journal: Journal,
  report: Report = buildReport(journal),
): Promise<string[]> {
  const files = reportFiles(report);
  const paths = await writeFiles(dir, files);
  const removing = removeStalePages(dir, new Set(files.map(({ path }) => path)));
  await orRefuse(notWritten(dir), fileWithDeadline('write-report', removing));
  return paths;
}

/**
 * Writes a set of files with their figures into `dir`: each appears whole or not at all; a figure that is not
 * among them is removed.
 *
 * @throws SoakError `report-not-written`
 */
export async function writeFiles(dir: string, files: readonly ReportFile[]): Promise<string[]> {
  return orRefuse(notWritten(dir), fileWithDeadline('write-report', writtenFiles(dir, files)));
}

function notWritten(dir: string): Refusal {
  return {
    code: 'report-not-written',
    what: `The report in ${dir}`,
    remedy:
      'Make the folder writable, or free space on its disk. Then run `soak report` on it: the journal is whole.',
  };
}

async function writtenFiles(dir: string, files: readonly ReportFile[]): Promise<string[]> {
  await makeFolder(join(dir, 'figures'));
  const paths: string[] = [];
  for (const file of files) {
    const path = join(dir, ...file.path.split('/'));
    await writeWhole('write-report', path, file.content);
    paths.push(path);
  }
  const known = new Set(files.map(({ path }) => path));
  for (const name of await readdir(join(dir, 'figures'))) {
    if (name.endsWith('.svg') && !known.has(`figures/${name}`)) await rm(join(dir, 'figures', name));
  }
  return paths;
}
