import type { Command } from 'commander';
import { bisectState, hasValidRun } from '../bisect/results.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';
import { counted } from '../report/format-number.ts';
import { reportExit } from '../report/judged-exit.ts';
import { buildReport } from '../report/report.ts';
import type { Difference, Verification } from '../report/verify.ts';

/** Differences printed at most: one changed line of a journal can change a hundred numbers. */
const PRINTED = 40;

/** `soak verify DIR|evidence.md`: recomputes every number of a report; exit code 1 when one differs. */
export function registerVerify(program: Command, onExit: (code: ExitCode) => void): void {
  addOptions(
    program
      .command('verify')
      .description(
        'recompute every number of a report from the journal beside it, and name each that differs',
      )
      .argument('<report>', 'folder of a report, or its evidence.md'),
    'verify',
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 verified, 1 a difference, 2 bad input, 3 verified, but an arm has no valid run, 4 environment.',
    )
    .action(async (target: string, options: { all?: true }) => {
      const limit = options.all ? Number.POSITIVE_INFINITY : PRINTED;
      const { isBisect } = await import('../bisect/write-bisect.ts');
      const { differences, text, isValid } = (await isBisect(target))
        ? await verifiedBisect(target, limit)
        : await verifiedExperiment(target, limit);
      process.stdout.write(`${text}\n`);
      if (differences.length === 0) {
        if (!isValid) process.stdout.write('It is true, and says nothing: an arm has no valid run.\n');
        onExit(isValid ? EXIT_CODES.done : EXIT_CODES.invalidExperiment);
        return;
      }
      throw new SoakError(
        'evidence-differs',
        `The report at ${target} is not what its journal gives: ${counted(differences.length, 'difference')}.`,
        {
          remedy:
            'If a document was changed, `soak report` writes it again. If the journal was, restore it: its hash is in every copy of the evidence. If another version of kernel-soak wrote the report, verify with that one.',
          exitCode: EXIT_CODES.failed,
        },
      );
    });
}

interface Verified {
  /** Whether every arm has a valid run; of a bisect, its control. */
  readonly isValid: boolean;
  readonly differences: readonly Difference[];
  readonly text: string;
}

async function verifiedExperiment(target: string, limit: number): Promise<Verified> {
  const { verifyReport } = await import('../report/verify.ts');
  const verification = await verifyReport(target);
  const { differences, journal } = verification;
  const isValid = journal === null || reportExit(buildReport(journal)) === EXIT_CODES.done;
  return { differences, text: verificationText(verification, limit), isValid };
}

async function verifiedBisect(target: string, limit: number): Promise<Verified> {
  const { verifyBisect } = await import('../bisect/write-bisect.ts');
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

/** What was compared and what differs, in lines for a terminal. */
export function verificationText(verification: Verification, limit: number): string {
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
