import type { Command } from 'commander';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { terminalText } from '../report/escape.ts';
import { counted } from '../report/format-number.ts';
import { type Difference, type Verification, verifyReport } from '../report/verify.ts';

/** Differences printed at most: one changed line of a journal can change a hundred numbers. */
const PRINTED = 40;

/** `soak verify DIR|evidence.md`: recomputes every number of a report; exit code 1 when one differs. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('recompute every number of a report from the journal beside it, and name each that differs')
    .argument('<report>', 'folder of a report, or its evidence.md')
    .option('--all', `print every difference, not only the first ${PRINTED}`)
    .action(async (target: string, options: { all?: true }) => {
      const verification = await verifyReport(target);
      process.stdout.write(
        `${verificationText(verification, options.all ? Number.POSITIVE_INFINITY : PRINTED)}\n`,
      );
      const { differences } = verification;
      if (differences.length === 0) return;
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
