import { cleanLine, cleanText } from '../model/clean-text.ts';
import { terminalColumns } from '../model/terminal-width.ts';
import { READABLE_COLUMNS, wrapped } from '../model/wrapped.ts';
import { type Block, plainLine, type ReportDocument, type Table } from './document.ts';
import { markdownDocument } from './render-markdown.ts';
import { textTable } from './text-table.ts';

/** What a command prints of a document: laid out for the terminal, or Markdown where the output goes elsewhere. */
export function printedDocument(document: ReportDocument): string {
  return process.stdout.isTTY === true ? terminalDocument(document) : markdownDocument(document, []);
}

/** A document for a terminal of that many columns, without figures. Ends with one newline. */
export function terminalDocument(document: ReportDocument, columns = terminalColumns()): string {
  const width = { prose: Math.min(READABLE_COLUMNS, columns), tables: columns };
  const parts = [
    heading(plainLine(document.title), '=', width.prose),
    ...document.lead.map((block) => terminalBlock(block, width)),
    ...document.sections.flatMap((section) => [
      heading(section.title, '-', width.prose),
      ...section.blocks.map((block) => terminalBlock(block, width)),
    ]),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function heading(words: string, rule: string, width: number): string {
  const lines = wrapped(words, '', width);
  return `${lines}\n${rule.repeat(Math.max(...lines.split('\n').map((line) => line.length)))}`;
}

/** Columns: prose is not as wide as a wide terminal, and a table may be. */
interface Widths {
  readonly prose: number;
  readonly tables: number;
}

function terminalBlock(block: Block, width: Widths): string {
  switch (block.kind) {
    case 'paragraph':
      return wrapped(plainLine(block.line), '', width.prose);
    case 'callout':
      return `! ${wrapped(plainLine(block.line), '  ', width.prose)}`;
    case 'list':
      return block.items.map((item) => `- ${wrapped(plainLine(item), '  ', width.prose)}`).join('\n');
    case 'verbatim':
      return cleanText(block.content, block.limit);
    case 'figure':
      return '';
    case 'details':
      return [
        wrapped(plainLine(block.summary), '', width.prose),
        ...block.blocks.map((each) => terminalBlock(each, width)),
      ].join('\n\n');
    case 'table':
      return terminalTable(block, width.tables);
  }
}

function terminalTable({ columns, rows }: Table, width: number): string {
  const cells = [
    columns.map(({ title }) => (title === '' ? '' : cleanLine(title))),
    ...rows.map((row) => row.map((cell) => plainLine(cell))),
  ];
  return textTable(cells, (column) => columns[column]?.align === 'right', width).join('\n');
}
