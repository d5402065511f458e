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

function markdownLine(content: Line): string {
  return content.map(markdownInline).join('');
}

function markdownInline(inline: Inline): string {
  switch (inline.kind) {
    case 'text':
      return escapeMarkdown(inline.text);
    case 'strong':
      return `**${inline.children.map(markdownInline).join('')}**`;
    case 'code':
      return markdownCode(inline.content);
    case 'run':
      return markdownCode(inline.run);
    case 'phrase': {
      const words = cleanLine(inline.content);
      return isPlainPhrase(words) ? words : markdownCode(words);
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
      return markdownFence(block.content, block.language);
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

function markdownTableOf(table: Table): string {
  const head = table.columns.map((column) => escapeMarkdown(column.title));
  const body = table.rows.map((row) => row.map(markdownLine));
  return markdownTable([head, ...body], {
    align: table.columns.map((column) => (column.align === 'right' ? 'right' : 'left')),
    stringLength: stringWidth,
  });
}
