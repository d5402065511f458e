import type { Command } from 'commander';
import type { ExitCode } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';

/** Add `soak report`: it writes the documents again from the journal. */
export function registerReport(program: Command, onExit: (code: ExitCode) => void): void {
  addOptions(
    program
      .command('report')
      .description('Write the documents of an experiment again from its journal')
      .argument('<dir>', 'folder with journal.jsonl'),
    'report',
  )
    .addHelpText('after', '\nExit codes: 0 done, 2 bad input, 3 an arm without a valid run, 4 environment.')
    .action(async (dir: string, options: { line?: true }) => {
      const { readEvidence } = await import('../evidence/read-evidence.ts');
      const { line, verdict, exitCode, report, write } = await readEvidence(dir);
      onExit(exitCode);
      if (options.line) {
        process.stdout.write(`${line}\n`);
        return;
      }
      const paths = await write();
      process.stdout.write(`${verdict}\n\n${paths.map((path) => `${path}\n`).join('')}`);
      if (report === null) return;
      const { reportToGithub } = await import('../report/github.ts');
      await reportToGithub(report, process.env, (text) => process.stdout.write(text));
    });
}
