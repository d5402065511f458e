import { bisectState, hasValidRun } from '../bisect/results.ts';
import { isBisect, verifyBisect } from '../bisect/write-bisect.ts';
import { diagnosisOf, wasObserved } from '../diagnose/diagnosis.ts';
import { diagnosisFolder, verifyDiagnosis } from '../diagnose/write-diagnosis.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES } from '../model/errors.ts';
import { counted } from '../report/format-number.ts';
import { reportExit } from '../report/judged-exit.ts';
import { buildReport } from '../report/report.ts';
import { type Difference, type Verification, verifyReport } from '../report/verify.ts';

/** A report compared with what its journal gives. */
export interface Verified {
  /** Whether every arm has a valid run; of a bisect, its control; of a diagnosis, any way. */
  readonly isValid: boolean;
  readonly differences: readonly Difference[];
  /** What was compared and what differs, in lines for a terminal. */
  readonly text: string;
}

/**
 * Recompute a report from its journal, of whichever kind.
 *
 * @param target the folder, or a file in it
 * @param limit differences that are printed at most
 * @throws SoakError `no-journal`, `bad-journal`
 */
export async function verifyEvidence(target: string, limit: number): Promise<Verified> {
  if ((await diagnosisFolder(target)) !== null) return verifiedDiagnosis(target, limit);
  return (await isBisect(target)) ? verifiedBisect(target, limit) : verifiedExperiment(target, limit);
}

async function verifiedExperiment(target: string, limit: number): Promise<Verified> {
  const verification = await verifyReport(target);
  const { differences, journal } = verification;
  const isValid = journal === null || reportExit(buildReport(journal)) === EXIT_CODES.done;
  return { differences, text: verificationText(verification, limit), isValid };
}

async function verifiedBisect(target: string, limit: number): Promise<Verified> {
  const { journal, differences, files } = await verifyBisect(target);
  const isValid = hasValidRun(bisectState(journal));
  if (differences.length > 0) return { differences, text: differencesText(differences, limit), isValid };
  return {
    differences,
    isValid,
    text: [
      `${terminalText(target)}: verified. ${counted(files.length, 'file')}, every number in them and the choice of every batch follow from the journal.`,
      `${counted(journal.batches.length, 'batch', 'batches')}; journal ${journal.sha256}, protocol ${journal.bisect.protocolSha256}.`,
    ].join('\n'),
  };
}

async function verifiedDiagnosis(target: string, limit: number): Promise<Verified> {
  const { journals, differences, files } = await verifyDiagnosis(target);
  const isValid = wasObserved(diagnosisOf(journals));
  if (differences.length > 0) return { differences, text: differencesText(differences, limit), isValid };
  const runs = journals.reduce((sum, { journal }) => sum + journal.runs.length, 0);
  return {
    differences,
    isValid,
    text: [
      `${terminalText(target)}: verified. ${counted(files.length, 'file')} and every number in them follow from the journals.`,
      `${counted(journals.length, 'way')}, ${counted(runs, 'run')}; journals ${journals.map(({ journal }) => journal.sha256).join(', ')}.`,
    ].join('\n'),
  };
}

function verificationText(verification: Verification, limit: number): string {
  const { differences, files, folder, journal } = verification;
  if (differences.length === 0 && journal !== null) {
    const { experiment, runs, sha256 } = journal;
    return [
      `${terminalText(folder)}: verified. ${counted(files.length, 'file')} and every number in them follow from the journal.`,
      `${counted(experiment.protocol.arms.length, 'arm')}, ${counted(runs.length, 'run')}; journal ${sha256}, protocol ${experiment.protocolSha256}.`,
    ].join('\n');
  }
  return differencesText(differences, limit);
}

function differencesText(differences: readonly Difference[], limit: number): string {
  const lines = differences.slice(0, limit).map(differenceText);
  if (differences.length > limit) lines.push(`and ${differences.length - limit} more (--all shows them)`);
  return lines.join('\n');
}

function differenceText({ file, place, found, recomputed }: Difference): string {
  const where = place === '' ? terminalText(file) : `${terminalText(file)}, ${terminalText(place)}`;
  if (found === null) return `${where}: missing, should be ${terminalText(recomputed ?? 'nothing')}`;
  if (recomputed === null) return `${where}: ${terminalText(found, 300)}`;
  return `${where}: ${terminalText(found)}, recomputed ${terminalText(recomputed)}`;
}
