import { resolve } from 'node:path';
import type { Command } from 'commander';
import { historyOf } from '../history/history.ts';
import { namedJournals } from '../journal/report-folders.ts';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

const DEFAULT_FLAG_ALPHA = 0.05;

/** `soak history DIR…`: many nights of one series. */
export function registerHistory(program: Command, write: (text: string) => void): void {
  program
    .command('history')
    .description('many nights: rates, flagged changes, the accumulated E; as Markdown, figures and JSON')
    .argument('<dir...>', 'folders of reports, merged or not, or folders above them')
    .option(
      '--out <dir>',
      'write history.md, history.json and figures there instead of printing the Markdown',
    )
    .option('--json', 'print JSON')
    .option(
      '--flag-alpha <level>',
      `chance of any flagged change if no rate ever changes (default: ${DEFAULT_FLAG_ALPHA})`,
    )
    .addHelpText('after', HISTORY_HELP)
    .action(async (dirs: string[], options: HistoryOptions) => {
      const history = historyOf(await namedJournals(dirs), flagAlpha(options.flagAlpha));
      const { historyJson, historyMarkdown, writeHistory } = await import('../history/write-history.ts');
      if (options.out !== undefined) {
        for (const path of await writeHistory(resolve(options.out), history)) write(`${path}\n`);
      }
      if (options.json) write(historyJson(history));
      else if (options.out === undefined) write(historyMarkdown(history, false));
    });
}

interface HistoryOptions {
  readonly out?: string;
  readonly json?: true;
  readonly flagAlpha?: string;
}

const HISTORY_HELP = `
Journals whose runs began within half a day make one night. The protocol may change from
night to night, and what changed is listed; arms are followed by name. A change is flagged by
an e-process, so that looking every night raises no false flags beyond --flag-alpha.`;

function flagAlpha(text: string | undefined): number {
  if (text === undefined) return DEFAULT_FLAG_ALPHA;
  const value = /^(0?\.\d{1,12}|\d(\.\d{1,6})?e-\d{1,2})$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value < 1) return value;
  throw new SoakError('bad-option', `--flag-alpha ${quoted(text)} is not usable.`, {
    remedy: 'Give a probability between 0 and 1, such as 0.05.',
  });
}
