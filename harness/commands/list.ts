import type { Command } from 'commander';
import { JOURNAL_FILE, readJournal } from '../journal/read.ts';
import { SoakError } from '../model/errors.ts';
import { terminalText } from '../report/escape.ts';
import { buildReport } from '../report/report.ts';
import { summaryLine } from '../report/summary.ts';
import { reportFolders } from './report-folders.ts';

/** `soak list [DIR]`: the reports below a folder, one paragraph each. */
export function registerList(program: Command): void {
  program
    .command('list')
    .description('show the reports below a folder')
    .argument('[dir]', 'where to look', '.')
    .action(async (dir: string) => {
      const folders = await reportFolders(dir);
      if (folders.length === 0) {
        process.stdout.write(
          `No report below ${terminalText(dir)}: no folder there has a ${JOURNAL_FILE}.\n`,
        );
        return;
      }
      for (const folder of folders) process.stdout.write(`${await reportEntry(folder)}\n`);
    });
}

async function reportEntry(folder: string): Promise<string> {
  try {
    const report = buildReport((await readJournal(folder)).journal);
    const { at, environment } = report.experiment;
    return `${terminalText(folder, 300)}\n  ${terminalText(at)}, ipykernel ${terminalText(environment.ipykernel)}\n  ${summaryLine(report)}`;
  } catch (error) {
    if (!(error instanceof SoakError)) throw error;
    return `${terminalText(folder, 300)}\n  ${terminalText(error.message, 300)}`;
  }
}
