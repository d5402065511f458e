import { resolve } from 'node:path';
import type { Command } from 'commander';
import { historyOf } from '../history/history.ts';
import { namedJournals } from '../journal/report-folders.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';

/** Add `soak history`: the rates of one experiment over many nights. */
export function registerHistory(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('history')
      .description('Show how the rates of an experiment changed over many nights')
      .argument('<dir...>', 'folders of reports, merged or not, or folders above them'),
    'history',
  )
    .addHelpText('after', HISTORY_HELP)
    .action(async (dirs: string[], raw: RawOptions<'history'>) => {
      const { out, json, flagAlpha } = parsedOptions('history', raw);
      const history = historyOf(await namedJournals(dirs), flagAlpha);
      const { historyJson, printedHistory, writeHistory } = await import('../history/write-history.ts');
      if (out !== null) {
        for (const path of await writeHistory(resolve(out), history)) write(`${path}\n`);
      }
      if (json) write(historyJson(history));
      else if (out === null) write(printedHistory(history));
    });
}

const HISTORY_HELP = `
Journals whose runs began within half a day make one night. The protocol may change from night to night, and what changed is listed; arms are followed by name. A change is flagged by an e-process, so that looking every night raises no false flags beyond --flag-alpha.`;
