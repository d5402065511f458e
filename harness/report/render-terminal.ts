import { cleanLine, cleanText } from '../model/clean-text.ts';
import { readableColumns, wrapped } from '../model/wrapped.ts';
import { type Block, plainLine, type ReportDocument, type Table } from './document.ts';
import { markdownDocument } from './render-markdown.ts';
import { textTable } from './text-table.ts';

/** What a command prints of a document: laid out for the terminal, or Markdown where the output goes elsewhere. */
export function printedDocument(document: ReportDocument): string {
  return process.stdout.isTTY === true ? terminalDocument(document) : markdownDocument(document, []);
}

/** A document for a terminal of that many columns, without figures. Ends with one newline. */
export function terminalDocument(document: ReportDocument, width = readableColumns()): string {
  const parts = [
    heading(plainLine(document.title), '=', width),
    ...document.lead.map((block) => terminalBlock(block, width)),
    ...document.sections.flatMap((section) => [
      heading(section.title, '-', width),
      ...section.blocks.map((block) => terminalBlock(block, width)),
    ]),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function heading(words: string, rule: string, width: number): string {
  const lines = wrapped(words, '', width);
  return `${lines}\n${rule.repeat(Math.max(...lines.split('\n').map((line) => line.length)))}`;
}

function terminalBlock(block: Block, width: number): string {
  switch (block.kind) {
    case 'paragraph':
      return wrapped(plainLine(block.line), '', width);
    case 'callout':
      return `! ${wrapped(plainLine(block.line), '  ', width)}`;
    case 'list':
      return block.items.map((item) => `- ${wrapped(plainLine(item), '  ', width)}`).join('\n');
    case 'verbatim':
      return cleanText(block.content);
    case 'figure':
      return '';
    case 'details':
      return [
        wrapped(plainLine(block.summary), '', width),
        ...block.blocks.map((each) => terminalBlock(each, width)),
      ].join('\n\n');
    case 'table':
      return terminalTable(block);
  }
}

function terminalTable({ columns, rows }: Table): string {
  const cells = [
    columns.map(({ title }) => cleanLine(title)),
    ...rows.map((row) => row.map((cell) => plainLine(cell))),
  ];
  return textTable(cells, (column) => columns[column]?.align === 'right').join('\n');
}
