import type { Command } from 'commander';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { printText } from '../model/wrapped.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { Options, RawOptions } from '../options/table.ts';

/** Add `soak report`: it writes the documents again from the journal. */
export function registerReport(program: Command, onExit: (code: ExitCode) => void): void {
  addOptions(
    program
      .command('report')
      .description('Write the documents of an experiment again from its journal')
      .argument('<dir>', 'folder with journal.jsonl'),
    'report',
  )
    .addHelpText('after', REPORT_HELP)
    .action(async (dir: string, raw: RawOptions<'report'>) => {
      const options = parsedOptions('report', raw);
      if (options.endpoint !== null || options.slowAfterMs !== null || options.memoryAboveBytes !== null) {
        printText(await exploration(dir, options));
        onExit(EXIT_CODES.done);
        return;
      }
      const { readEvidence } = await import('../evidence/read-evidence.ts');
      const { line, verdict, exitCode, report, write } = await readEvidence(dir);
      onExit(exitCode);
      if (options.line) {
        printText(`${line}\n`);
        return;
      }
      const paths = await write();
      printText(`${verdict}\n\n${paths.map((path) => `${path}\n`).join('')}`);
      if (report === null) return;
      const { reportToGithub } = await import('../report/github.ts');
      await reportToGithub(report, process.env, printText);
    });
}

/**
 * The journal read under another endpoint. It goes to standard output, so that nothing in the folder can be taken for its
 * evidence.
 */
async function exploration(
  dir: string,
  { endpoint, slowAfterMs, memoryAboveBytes }: Options<'report'>,
): Promise<string> {
  const { readJournal } = await import('../journal/read.ts');
  const { assertEndpointFits } = await import('../experiment/endpoint-options.ts');
  const { printedExploration } = await import('../report/exploratory.ts');
  const { journal } = await readJournal(dir);
  const timeoutSeconds = journal.experiment.protocol.timeoutMs / 1000;
  assertEndpointFits({ endpoint, slowAfterMs, memoryAboveBytes, also: null, timeoutSeconds });
  return printedExploration(journal, {
    endpoint: endpoint ?? 'wedged',
    ...(slowAfterMs === null ? {} : { slowAfterMs }),
    ...(memoryAboveBytes === null ? {} : { memoryAboveBytes }),
  });
}

const REPORT_HELP = `
With --endpoint, the runs are counted again for another endpoint. The counts go to standard output, marked as exploratory and without a verdict, and no file is written.

Exit codes: 0 done, 2 bad input, 3 an arm without a valid run, 4 environment.`;
