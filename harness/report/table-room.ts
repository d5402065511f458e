import { cleanLine } from '../model/clean-text.ts';
import { plainLine, type Table } from './document.ts';

/** Widths in rem, one class each, at which a page lays tables out as cards. */
const STEPS = [16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 84, 96] as const;

// Widths in rem, at the font size of a table: a character (mean), the padding of a cell, that of `code`, and what the last
// column of words is given at least. Rather too wide than too narrow: what does not fit becomes cards.
const CHARACTER = 0.545;
const PADDING = 0.9;
const CODE_PADDING = 0.6;
const LAST_COLUMN = 15;

/** The class of a table that says how much room it needs: `room-40`. Where the page has less, its rows are cards. */
export function roomClass(table: Table): string {
  const needed = neededRem(table);
  return `room-${STEPS.find((step) => step >= needed) ?? STEPS.at(-1)}`;
}

/** Least width at which no word and no figure of the table is cut, in rem. */
function neededRem({ columns, rows }: Table): number {
  return columns.reduce((sum, { title, align }, index) => {
    const isLastWords = index === columns.length - 1 && align === 'left' && index > 0;
    const cells = rows.map((row) => {
      const cell = row[index] ?? [];
      const words = plainLine(cell);
      const isCode = cell.some(({ kind }) => kind === 'code' || kind === 'run');
      const longest = align === 'right' && !isCode ? words.length : longestPart(cell);
      return longest * CHARACTER + (isCode ? CODE_PADDING : 0);
    });
    const heading = Math.max(...title.split(' ').map((word) => word.length)) * CHARACTER;
    return sum + Math.max(isLastWords ? LAST_COLUMN : 0, heading, ...cells) + PADDING;
  }, 0);
}

/** Characters of the longest piece that is not broken: a word, or a name in code. */
function longestPart(cell: Table['rows'][number][number]): number {
  return Math.max(
    0,
    ...cell.flatMap((inline) => {
      const words = plainLine([inline]);
      return inline.kind === 'code' || inline.kind === 'run'
        ? [words.length]
        : words
            .replace(/(\d) %/g, '$1\u00a0%')
            .split(' ')
            .map((word) => word.length);
    }),
  );
}

/** Columns of a table that cards can name. A table of more is not made. */
const MOST_COLUMNS = 12;

/** The names of a table's columns as properties of its style, which cards set beside the cells. */
export function columnNames({ columns }: Table): string {
  return columns
    .slice(1)
    .map(({ title }, index) => `--c${index + 2}:${cssText(title === '' ? '' : cleanLine(title))}`)
    .join(';');
}

/** A text of CSS: everything but letters, digits and spaces as its code point. */
function cssText(words: string): string {
  return `"${words.replace(/[^\p{L}\p{N} ]/gu, (each) => `\\${each.codePointAt(0)?.toString(16)} `)}"`;
}

const NAMES = Array.from({ length: MOST_COLUMNS - 1 }, (_, index) => index + 2)
  .map((column) => `td:nth-child(${column}) { --name: var(--c${column}); }`)
  .join('\n');

/** Rules that lay a table out as cards, one a row, where the page has less room than the table needs. */
export const CARD_RULES = STEPS.map(
  (step) => `@container (max-width: ${step}rem) {\n${cardRules(`.room-${step}`)}\n}`,
)
  .concat(NAMES)
  .join('\n');

// A cell keeps two fifths of its width free on the left, and the name of its column stands there.
function cardRules(table: string): string {
  return [
    `${table} :is(table, tbody, tr, tbody th) { display: block; }`,
    `${table} thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }`,
    `${table} tr { padding: 0.5rem 0; border-bottom: 1px solid var(--rule); }`,
    `${table} :is(tbody th, td, td:last-child) { border: 0; padding: 0.1rem 0; min-width: 0; text-align: left; white-space: normal; overflow-wrap: anywhere; }`,
    `${table} :is(td, td:last-child) { display: flow-root; padding-left: 40%; }`,
    `${table} td::before { content: var(--name); float: left; width: 60%; margin-left: calc(-200% / 3); color: var(--muted); }`,
    `${table} td:empty { display: none; }`,
    `${table} :is(td, th) code { white-space: normal; }`,
  ].join('\n');
}
