import { join } from 'node:path';
import { endOf } from '../bisect/document.ts';
import { readBisect } from '../bisect/journal.ts';
import { bisectState, hasValidRun } from '../bisect/results.ts';
import { resultLine } from '../bisect/words.ts';
import { isBisect, writeBisect } from '../bisect/write-bisect.ts';
import { diagnosisOf, wasObserved } from '../diagnose/diagnosis.ts';
import { answer } from '../diagnose/sentences.ts';
import { diagnosisFolder, readDiagnosis, writeDiagnosis } from '../diagnose/write-diagnosis.ts';
import { readJournal } from '../journal/read.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { plainLine } from '../report/document.ts';
import { reportExit } from '../report/judged-exit.ts';
import { buildReport, type Report } from '../report/report.ts';
import { kernelsTitle } from '../report/sections/arm-environments.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';
import { writeReport } from '../report/write-report.ts';

/** The evidence in a folder, worked out from its journal: an experiment, a bisect, or a diagnosis. */
export interface Evidence {
  /** When it was begun. */
  readonly at: string;
  /** What was examined, in plain text. */
  readonly title: string;
  /** The result in one line. */
  readonly line: string;
  /** The result as prose. */
  readonly verdict: string;
  /** `invalidExperiment` where an arm, or the control of a bisect, has no valid run. */
  readonly exitCode: ExitCode;
  /** `null` for a bisect and a diagnosis. */
  readonly report: Report | null;
  /** Write the documents again. @returns their paths. @throws SoakError `report-not-written` */
  readonly write: () => Promise<string[]>;
}

/** @throws SoakError `no-journal`, `bad-journal` */
export async function readEvidence(folder: string): Promise<Evidence> {
  if ((await diagnosisFolder(folder)) !== null) return diagnosisEvidence(folder);
  return (await isBisect(folder)) ? bisectEvidence(folder) : experimentEvidence(folder);
}

async function diagnosisEvidence(folder: string): Promise<Evidence> {
  const { record, journals } = await readDiagnosis(folder);
  const diagnosis = diagnosisOf(journals);
  const sentences = answer(diagnosis);
  return {
    at: record.at,
    title: `diagnosis of ${diagnosis.notebook.name}`,
    line: plainLine(sentences.whether),
    verdict: [sentences.whether, sentences.what, sentences.toDo].map(plainLine).join(' '),
    exitCode: wasObserved(diagnosis) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment,
    report: null,
    write: async () => {
      const written = await writeDiagnosis(folder, journals, record);
      for (const { name, journal } of journals)
        written.push(...(await writeReport(join(folder, name), journal, buildReport(journal))));
      return written;
    },
  };
}

async function experimentEvidence(folder: string): Promise<Evidence> {
  const { journal } = await readJournal(folder);
  const report = buildReport(journal);
  return {
    at: report.experiment.at,
    title: plainLine(kernelsTitle(report)).replaceAll('`', ''),
    line: summaryLine(report),
    verdict: verdictParagraph(report),
    exitCode: reportExit(report),
    report,
    write: () => writeReport(folder, journal, report),
  };
}

async function bisectEvidence(folder: string): Promise<Evidence> {
  const { journal } = await readBisect(folder);
  const { at, protocol } = journal.bisect;
  const state = bisectState(journal);
  const line = plainLine(resultLine(protocol, state, endOf(journal)));
  return {
    at,
    title: `bisect of ${protocol.package}`,
    line,
    verdict: line,
    exitCode: hasValidRun(state) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment,
    report: null,
    write: () => writeBisect(folder, journal, state),
  };
}
