import type { Command } from 'commander';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { printText } from '../model/wrapped.ts';
import { addOptions } from '../options/add-options.ts';
import { counted } from '../report/format-number.ts';

/** Differences that are printed at most. One changed line of a journal can change a hundred numbers. */
const PRINTED = 40;

/** Add `soak verify`: it recomputes every number of a report. Exit code 1 when one differs. */
export function registerVerify(program: Command, onExit: (code: ExitCode) => void): void {
  addOptions(
    program
      .command('verify')
      .description('Recompute every number of a report from its journal, and list those that differ')
      .argument('<report>', 'folder of a report, or its evidence.md'),
    'verify',
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 verified, 1 a difference, 2 bad input, 3 verified, but an arm has no valid run, 4 environment.',
    )
    .action(async (target: string, options: { all?: true }) => {
      const limit = options.all ? Number.POSITIVE_INFINITY : PRINTED;
      const { verifyEvidence } = await import('../evidence/verify-evidence.ts');
      const { differences, text, isValid } = await verifyEvidence(target, limit);
      printText(`${text}\n`);
      if (differences.length === 0) {
        if (!isValid) printText('The report is correct but shows nothing: an arm has no valid run.\n');
        onExit(isValid ? EXIT_CODES.done : EXIT_CODES.invalidExperiment);
        return;
      }
      throw new SoakError(
        'evidence-differs',
        `The report at ${target} does not follow from its journal: ${counted(differences.length, 'difference')}.`,
        {
          remedy:
            'If a document was changed, `soak report` writes it again. If the journal was changed, restore it: every copy of the evidence has its hash. If another version of kernel-soak wrote the report, verify it with that version.',
          exitCode: EXIT_CODES.failed,
        },
      );
    });
}
