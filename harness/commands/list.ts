import type { Command } from 'commander';
import { endOf } from '../bisect/document.ts';
import { BISECT_JOURNAL, readBisect } from '../bisect/journal.ts';
import { bisectState } from '../bisect/results.ts';
import { resultLine } from '../bisect/words.ts';
import { JOURNAL_FILE, readJournal } from '../journal/read.ts';
import { reportFolders } from '../journal/report-folders.ts';
import { terminalText } from '../model/clean-text.ts';
import { SoakError } from '../model/errors.ts';
import { plainLine } from '../report/document.ts';
import { buildReport } from '../report/report.ts';
import { kernelsTitle } from '../report/sections/arm-environments.ts';
import { summaryLine } from '../report/summary.ts';

/** `soak list [DIR]`: the reports below a folder, one paragraph each. */
export function registerList(program: Command): void {
  program
    .command('list')
    .description('show the reports below a folder')
    .argument('[dir]', 'where to look', '.')
    .action(async (dir: string) => {
      const folders = await reportFolders(dir, [JOURNAL_FILE, BISECT_JOURNAL]);
      if (folders.length === 0) {
        process.stdout.write(
          `No report below ${terminalText(dir)}: no folder there has a ${JOURNAL_FILE}.\n`,
        );
        return;
      }
      for (const folder of folders) process.stdout.write(`${await reportEntry(folder)}\n`);
    });
}

async function bisectEntry(folder: string): Promise<string> {
  const { journal } = await readBisect(folder);
  const { at, protocol } = journal.bisect;
  const result = plainLine(resultLine(protocol, bisectState(journal), endOf(journal)));
  return `${terminalText(folder, 300)}\n  ${terminalText(at)}, bisect of ${terminalText(protocol.package)}\n  ${result}`;
}

async function reportEntry(folder: string): Promise<string> {
  try {
    const { isBisect } = await import('../bisect/write-bisect.ts');
    if (await isBisect(folder)) return await bisectEntry(folder);
    const report = buildReport((await readJournal(folder)).journal);
    const { at } = report.experiment;
    return `${terminalText(folder, 300)}\n  ${terminalText(at)}, ${terminalText(plainLine(kernelsTitle(report)).replaceAll('`', ''))}\n  ${summaryLine(report)}`;
  } catch (error) {
    if (!(error instanceof SoakError)) throw error;
    return `${terminalText(folder, 300)}\n  ${terminalText(error.message, 300)}`;
  }
}
