import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { readJournal } from '../journal/read.ts';
import { comparisonDocument, type NamedReport } from '../report/compare.ts';
import { printedDocument } from '../report/render-terminal.ts';
import { buildReport } from '../report/report.ts';

/** Add `soak compare`: two experiments side by side, laid out for the terminal, or as Markdown where the output goes elsewhere. */
export function registerCompare(program: Command): void {
  program
    .command('compare')
    .description('Compare two experiments: their arms, verdicts and settings')
    .argument('<first>', 'folder of a report')
    .argument('<second>', 'folder of another report')
    .action(async (first: string, second: string) => {
      const document = comparisonDocument(await named(first), await named(second));
      process.stdout.write(printedDocument(document));
    });
}

async function named(dir: string): Promise<NamedReport> {
  const { journal } = await readJournal(dir);
  return { name: basename(resolve(dir)), report: buildReport(journal) };
}
