import stringWidth from 'string-width';
import { terminalColumns } from './terminal-width.ts';

/** Longer lines are tiring to read, however wide the terminal is. */
export const READABLE_COLUMNS = 100;
/** Columns of help where there is no terminal, as commander has it. */
const HELP_COLUMNS = 80;

// A number keeps its percent sign, and a quantity its value. A command in backticks is not broken, to be copied.
const WORD = /(?:`[^`\n]*`|[^\s`]|`|(?<=\d) (?=%)| (?== \d)|(?<= =) (?=\d))+/g;

/**
 * Words in lines for a terminal, each but the first after `indent`. A word that is longer than a line is not cut.
 *
 * @param width of a line with its indent, in columns; default: that of the terminal, at most 100
 */
export function wrapped(words: string, indent = '', width = readableColumns()): string {
  const lines: string[] = [];
  let current = '';
  for (const [word] of words.matchAll(WORD)) {
    const next = current === '' ? word : `${current} ${word}`;
    if (current !== '' && stringWidth(next) + indent.length > width) {
      lines.push(current);
      current = word;
    } else current = next;
  }
  return [...lines, current].join(`\n${indent}`);
}

/** Columns of help: those of the terminal, else 80. */
export function helpColumns(): number {
  const columns = terminalColumns();
  return Number.isFinite(columns) ? columns : HELP_COLUMNS;
}

/** Columns of prose: those of the terminal, at most 100. Where there is no terminal, 100. */
export function readableColumns(): number {
  return Math.min(READABLE_COLUMNS, terminalColumns());
}

// JSON and a command to copy stay as they are.
const WHOLE = /^\s*(?:[[{]$|[\]}],?$|[[{]["[{\d]|"[^"]*":)|^\s*(npm run soak|soak) |: npm run soak /;

/**
 * Text whose lines fit into so many columns. A longer line is wrapped between words, and goes on under its text: behind
 * the indent, the bullet or the label that it begins with. Lines to copy stay whole.
 *
 * @param width default: that of the terminal; infinite: the text as it is, so that a log can be searched
 */
export function fittedText(text: string, width = terminalColumns()): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .map((line) => (stringWidth(line) <= width || WHOLE.test(line) ? line : fittedLine(line, width)))
    .join('\n');
}

function fittedLine(line: string, width: number): string {
  const [indent = ''] = /^\s*/.exec(line) ?? [];
  const [label = indent] = /^\s*(?:[-!>|] |\S+(?: \S+)*? {2,})/.exec(line) ?? [];
  const begin = stringWidth(label) > width / 2 ? indent : label;
  return `${begin}${wrapped(line.slice(begin.length), ' '.repeat(stringWidth(begin)), Math.min(width, READABLE_COLUMNS))}`;
}

/** Write to standard output, laid out for the terminal if it is one. */
export function printText(text: string): void {
  process.stdout.write(fittedText(text));
}
