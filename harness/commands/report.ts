import type { Command } from 'commander';
import { readJournal } from '../journal/read.ts';
import { githubAnnotations, writeGithubSummary } from '../report/github.ts';
import { buildReport } from '../report/report.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';
import { writeReport } from '../report/write-report.ts';

/** `soak report DIR`: renders again from the journal. */
export function registerReport(program: Command): void {
  program
    .command('report')
    .description('write the documents of an experiment again from its journal, byte for byte')
    .argument('<dir>', 'folder with journal.jsonl')
    .option('--line', 'print only the result in one line, for a commit message; write nothing')
    .action(async (dir: string, options: { line?: true }) => {
      const { journal } = await readJournal(dir);
      const report = buildReport(journal);
      if (options.line) {
        process.stdout.write(`${summaryLine(report)}\n`);
        return;
      }
      const paths = await writeReport(dir, journal, report);
      process.stdout.write(`${verdictParagraph(report)}\n\n${paths.map((path) => `${path}\n`).join('')}`);
      await writeGithubSummary(report, process.env);
      if (process.env['GITHUB_ACTIONS'] === 'true') {
        process.stdout.write(`${githubAnnotations(report).join('\n')}\n`);
      }
    });
}
