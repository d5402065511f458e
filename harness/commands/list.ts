import type { Command } from 'commander';
import { BISECT_JOURNAL } from '../bisect/journal.ts';
import { DIAGNOSIS_FILE } from '../diagnose/record.ts';
import { JOURNAL_FILE } from '../journal/read.ts';
import { reportFolders } from '../journal/report-folders.ts';
import { terminalText } from '../model/clean-text.ts';
import { SoakError } from '../model/errors.ts';
import { printText } from '../model/wrapped.ts';

/** Add `soak list`: the reports below a folder, a paragraph each. */
export function registerList(program: Command): void {
  program
    .command('list')
    .description('List the reports below a folder, with their verdicts')
    .argument('[dir]', 'where to look', '.')
    .action(async (dir: string) => {
      const folders = await reportFolders(dir, [JOURNAL_FILE, BISECT_JOURNAL, DIAGNOSIS_FILE]);
      if (folders.length === 0) {
        printText(
          `No report was found below ${terminalText(dir)}: no folder there contains ${JOURNAL_FILE}.\n`,
        );
        return;
      }
      for (const folder of folders) printText(`${await reportEntry(folder)}\n`);
    });
}

async function reportEntry(folder: string): Promise<string> {
  const { readEvidence } = await import('../evidence/read-evidence.ts');
  try {
    const { at, title, line } = await readEvidence(folder);
    return `${terminalText(folder, 300)}\n  ${terminalText(at)}, ${terminalText(title)}\n  ${line}`;
  } catch (error) {
    if (!(error instanceof SoakError)) throw error;
    return `${terminalText(folder, 300)}\n  ${terminalText(error.message, 300)}`;
  }
}
