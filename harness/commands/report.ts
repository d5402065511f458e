import type { Command } from 'commander';
import { endOf } from '../bisect/document.ts';
import { readBisect } from '../bisect/journal.ts';
import { bisectState, hasValidRun } from '../bisect/results.ts';
import { resultLine } from '../bisect/words.ts';
import { readJournal } from '../journal/read.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';
import { plainLine } from '../report/document.ts';
import { reportExit } from '../report/judged-exit.ts';
import { buildReport } from '../report/report.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';

/** `soak report DIR`: renders again from the journal. */
export function registerReport(program: Command, onExit: (code: ExitCode) => void): void {
  addOptions(
    program
      .command('report')
      .description('write the documents of an experiment again from its journal, byte for byte')
      .argument('<dir>', 'folder with journal.jsonl'),
    'report',
  )
    .addHelpText('after', '\nExit codes: 0 done, 2 bad input, 3 an arm without a valid run, 4 environment.')
    .action(async (dir: string, options: { line?: true }) => {
      const { isBisect } = await import('../bisect/write-bisect.ts');
      if (await isBisect(dir)) {
        onExit(await reportBisect(dir, options.line === true));
        return;
      }
      const { journal } = await readJournal(dir);
      const report = buildReport(journal);
      onExit(reportExit(report));
      if (options.line) {
        process.stdout.write(`${summaryLine(report)}\n`);
        return;
      }
      const { writeReport } = await import('../report/write-report.ts');
      const { githubAnnotations, writeGithubSummary } = await import('../report/github.ts');
      const paths = await writeReport(dir, journal, report);
      process.stdout.write(`${verdictParagraph(report)}\n\n${paths.map((path) => `${path}\n`).join('')}`);
      await writeGithubSummary(report, process.env);
      if (process.env['GITHUB_ACTIONS'] === 'true') {
        process.stdout.write(`${githubAnnotations(report).join('\n')}\n`);
      }
    });
}

async function reportBisect(dir: string, onlyLine: boolean): Promise<ExitCode> {
  const { writeBisect } = await import('../bisect/write-bisect.ts');
  const { journal } = await readBisect(dir);
  const state = bisectState(journal);
  const result = plainLine(resultLine(journal.bisect.protocol, state, endOf(journal)));
  const paths = onlyLine ? [] : await writeBisect(dir, journal, state);
  process.stdout.write(`${result}\n${onlyLine ? '' : `\n${paths.map((path) => `${path}\n`).join('')}`}`);
  return hasValidRun(state) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment;
}
