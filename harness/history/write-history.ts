import { join } from 'node:path';
import { writeOutput } from '../model/write-output.ts';
import { figureFiles } from '../report/figures/svg.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { printedDocument } from '../report/render-terminal.ts';
import type { History } from './history.ts';
import { historyDocument } from './history-document.ts';
import { historyPlans } from './history-figures.ts';

/** Version of `history.json`. */
const HISTORY_SCHEMA = 1;

export function historyJson(history: History): string {
  return `${JSON.stringify({ schema: HISTORY_SCHEMA, ...history }, null, 2)}\n`;
}

/** What a command prints: Markdown, or a layout for the terminal. */
export function printedHistory(history: History): string {
  return printedDocument(historyDocument(history));
}

/**
 * Write `history.md`, `history.json` and the figures. Each file appears whole or not at all, and replaces that of an
 * earlier history.
 *
 * @returns the paths that were written
 * @throws SoakError `cannot-write`
 */
export async function writeHistory(out: string, history: History): Promise<string[]> {
  const files = [
    { path: 'history.md', content: markdownDocument(historyDocument(history), historyPlans(history)) },
    { path: 'history.json', content: historyJson(history) },
    ...figureFiles(historyPlans(history)),
  ];
  const paths: string[] = [];
  for (const { path, content } of files) paths.push(await writeOutput(join(out, path), content));
  return paths;
}
