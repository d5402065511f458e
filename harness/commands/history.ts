import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { journalFolders } from '../experiment/report-folders.ts';
import { type History, historyOf } from '../history/history.ts';
import { historyDocument } from '../history/history-document.ts';
import type { NamedJournal } from '../journal/merge.ts';
import { readJournal } from '../journal/read.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';
import { writeWhole } from '../model/write-whole.ts';
import { markdownDocument } from '../report/render-markdown.ts';

/** Version of `history.json`. */
const HISTORY_SCHEMA = 1;

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
      const journals: NamedJournal[] = [];
      for (const folder of await journalFolders(dirs)) {
        journals.push({ name: terminalText(folder, 300), journal: (await readJournal(folder)).journal });
      }
      const history = historyOf(journals, flagAlpha(options.flagAlpha));
      const markdown = await historyMarkdown(history, options.out !== undefined);
      if (options.out !== undefined) await writeHistory(resolve(options.out), history, markdown, write);
      if (options.json) write(historyJson(history));
      else if (options.out === undefined) write(markdown);
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

async function historyMarkdown(history: History, withFigures: boolean): Promise<string> {
  const { historyPlans } = await import('../history/history-figures.ts');
  const texts = withFigures
    ? historyPlans(history).map(({ name, title, alternative }) => ({ name, title, alternative }))
    : [];
  return markdownDocument(historyDocument(history), texts);
}

function historyJson(history: History): string {
  return `${JSON.stringify({ schema: HISTORY_SCHEMA, ...history }, null, 2)}\n`;
}

/** Each file appears whole or not at all; what is there of an earlier history is replaced. */
async function writeHistory(
  out: string,
  history: History,
  markdown: string,
  write: (text: string) => void,
): Promise<void> {
  const { historyFigures } = await import('../history/history-figures.ts');
  const files = [
    { path: 'history.md', content: markdown },
    { path: 'history.json', content: historyJson(history) },
    ...historyFigures(history).map(({ name, svg }) => ({ path: join('figures', name), content: svg })),
  ];
  try {
    for (const { path, content } of files) {
      const target = join(out, path);
      await writeWhole('write-report', target, content);
      write(`${target}\n`);
    }
  } catch (cause) {
    throw new SoakError('cannot-write', `The folder ${out} cannot be written: ${(cause as Error).message}`, {
      remedy: 'Free space or choose another --out.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}
