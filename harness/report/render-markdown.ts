import { markdownTable } from 'markdown-table';
import stringWidth from 'string-width';
import { cleanLine } from '../model/clean-text.ts';
import type { Block, Inline, Line, ReportDocument, Table } from './document.ts';
import { escapeHtml, escapeMarkdown, isPlainPhrase, markdownCode, markdownFence } from './escape.ts';
import type { FigureText } from './figure-text.ts';

/** A document as GitHub-flavoured Markdown that also reads well as plain text. Ends with one newline. */
export function markdownDocument(document: ReportDocument, figures: readonly FigureText[]): string {
  const parts = [`# ${markdownLine(document.title)}`];
  for (const block of document.lead) parts.push(markdownBlock(block, figures));
  for (const section of document.sections) {
    parts.push(`## ${escapeMarkdown(section.title)}`);
    for (const block of section.blocks) parts.push(markdownBlock(block, figures));
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Blocks alone, for a job summary. */
export function markdownBlocks(blocks: readonly Block[], figures: readonly FigureText[]): string {
  return blocks.map((block) => markdownBlock(block, figures)).join('\n\n');
}

/** How a cut text says so. */
const CUT = ' … (cut)';

/** A line of content that is cut to so many characters, for a text that has little room. */
const SHORT_CODE = 60;

/**
 * A sentence within `room` characters, cut between words with a sign of it, and never within code or emphasis. Empty
 * where not even a word has room.
 */
export function markdownLineWithin(content: Line, room: number): string {
  const whole = shortLine(content);
  if (whole.length <= room) return whole;
  const kept = beginning(content, room - CUT.length).trimEnd();
  return kept === '' ? '' : `${kept}${CUT}`;
}

function shortLine(content: Line): string {
  return content.map((inline) => markdownInline(inline, SHORT_CODE)).join('');
}

/** As many whole words, code spans and emphasised parts as have room. */
function beginning(content: Line, room: number): string {
  let kept = '';
  for (const inline of content) {
    const whole = markdownInline(inline, SHORT_CODE);
    if (kept.length + whole.length <= room) {
      kept += whole;
      continue;
    }
    const left = room - kept.length;
    if (inline.kind === 'strong') {
      const inner = beginning(inline.children, left - 4).trimEnd();
      return inner === '' ? kept : `${kept}**${inner}**`;
    }
    if (inline.kind !== 'text') return kept;
    for (const word of inline.text.split(/(?<= )/)) {
      const spelled = escapeMarkdown(word);
      if (kept.length + spelled.length > room) return kept;
      kept += spelled;
    }
  }
  return kept;
}

function markdownLine(content: Line): string {
  return content.map((inline) => markdownInline(inline)).join('');
}

/** @param limit of a piece of content, in characters */
function markdownInline(inline: Inline, limit?: number): string {
  switch (inline.kind) {
    case 'text':
      return escapeMarkdown(inline.text);
    case 'strong':
      return `**${inline.children.map((child) => markdownInline(child, limit)).join('')}**`;
    case 'code':
      return markdownCode(inline.content, limit);
    case 'run':
      return markdownCode(inline.run, limit);
    case 'phrase': {
      const words = cleanLine(inline.content, limit);
      return isPlainPhrase(words) ? words : markdownCode(words, limit);
    }
  }
}

function markdownBlock(block: Block, figures: readonly FigureText[]): string {
  switch (block.kind) {
    case 'paragraph':
      return markdownLine(block.line);
    case 'callout':
      return `> ${markdownLine(block.line)}`;
    case 'list':
      return block.items.map((item) => `- ${markdownLine(item)}`).join('\n');
    case 'verbatim':
      return markdownFence(block.content, block.language, block.limit);
    case 'figure':
      return markdownFigure(figures.find((figure) => figure.name === block.name));
    case 'details': {
      const inner = block.blocks.map((each) => markdownBlock(each, figures)).join('\n\n');
      // GitHub reads Markdown inside <details> only after a blank line; the summary itself is HTML, so it
      // holds the project's words and numbers alone.
      return `<details>\n<summary>${block.summary.map(plainWords).join('')}</summary>\n\n${inner}\n\n</details>`;
    }
    case 'table':
      return markdownTableOf(block);
  }
}

/** Summaries are written by this folder without content; anything else is a mistake of ours, seen in tests. */
function plainWords(inline: Inline): string {
  if (inline.kind !== 'text') throw new TypeError(`a summary holds text only, got ${inline.kind}`);
  return escapeMarkdown(inline.text);
}

function markdownFigure(figure: FigureText | undefined): string {
  if (figure === undefined) return '';
  const source = (theme: string) => `figures/${figure.name}-${theme}.svg`;
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${source('dark')}">`,
    `  <img alt="${escapeHtml(figure.alternative)}" src="${source('light')}" width="700">`,
    '</picture>',
  ].join('\n');
}

/** A table without the spaces that align its source, for a text that has little room. */
export function compactTable(table: Table): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(table.columns.map(({ title }) => escapeMarkdown(title))),
    row(table.columns.map(({ align }) => (align === 'right' ? '--:' : ':--'))),
    ...table.rows.map((cells) => row(cells.map(shortLine))),
  ].join('\n');
}

function markdownTableOf(table: Table): string {
  const head = table.columns.map((column) => escapeMarkdown(column.title));
  const body = table.rows.map((row) => row.map(markdownLine));
  return markdownTable([head, ...body], {
    align: table.columns.map((column) => (column.align === 'right' ? 'right' : 'left')),
    stringLength: stringWidth,
  });
}
