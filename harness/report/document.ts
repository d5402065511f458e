import { cleanLine } from '../model/clean-text.ts';

/**
 * What a report says, apart from how it is spelled. Markdown, HTML and the terminal render the same document,
 * so they cannot disagree; and content reaches them only as `code` or `phrase`, so no renderer can be handed
 * markup by mistake.
 */

/** A piece of a sentence. `text` holds the project's own words only. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'strong'; readonly children: readonly Inline[] }
  /** Content: arm names, file names, versions, messages. */
  | { readonly kind: 'code'; readonly content: string }
  /** Content to be read as words, such as an arm's description. Printed as words if harmless, else as code. */
  | { readonly kind: 'phrase'; readonly content: string }
  /** To a run's story, where the format has one. */
  | { readonly kind: 'run'; readonly run: string };

/** A sentence or two. */
export type Line = readonly Inline[];

export interface Table {
  readonly kind: 'table';
  /** What the table shows, for those who cannot see it. */
  readonly caption: string;
  readonly columns: readonly { readonly title: string; readonly align: 'left' | 'right' }[];
  readonly rows: readonly (readonly Line[])[];
}

export type Block =
  | { readonly kind: 'paragraph'; readonly line: Line }
  /** Set apart: what a reader must not miss. */
  | { readonly kind: 'callout'; readonly line: Line }
  | { readonly kind: 'list'; readonly items: readonly Line[] }
  | { readonly kind: 'figure'; readonly name: string }
  /** A command or a message, verbatim after cleaning. */
  | {
      readonly kind: 'verbatim';
      readonly content: string;
      readonly language: 'sh' | 'text' | 'diff';
      /** Characters at most; absent: `BLOCK_LIMIT`. */
      readonly limit?: number;
    }
  | { readonly kind: 'details'; readonly summary: Line; readonly blocks: readonly Block[] }
  | Table;

export interface Section {
  /** Stable, for links: `arms`, `comparisons`, … */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** A whole report, in reading order. */
export interface ReportDocument {
  readonly title: Line;
  /** The first screen: what a reader who stops here takes away. */
  readonly lead: readonly Block[];
  readonly sections: readonly Section[];
}

/** The project's own words. */
export function text(words: string): Inline {
  return { kind: 'text', text: words };
}

export function code(content: string): Inline {
  return { kind: 'code', content };
}

export function phrase(content: string): Inline {
  return { kind: 'phrase', content };
}

export function strong(...children: readonly Inline[]): Inline {
  return { kind: 'strong', children };
}

export function runLink(run: string): Inline {
  return { kind: 'run', run };
}

/** What a `line` template takes: content is always wrapped, numbers always formatted first. */
export type LinePart = Inline | Line;

/**
 * A sentence as a template. Its literal parts are the project's words, and only an Inline fits between them, so a bare
 * string of unknown origin does not compile.
 */
export function line(words: TemplateStringsArray, ...parts: readonly LinePart[]): Line {
  const inlines: Inline[] = [];
  words.forEach((literal, index) => {
    if (literal !== '') inlines.push(text(literal));
    const part = parts[index];
    if (part === undefined) return;
    if ('kind' in part) inlines.push(part);
    else inlines.push(...part);
  });
  return inlines;
}

/** Blocks that a reader unfolds. @param summary the project's words and numbers alone */
export function folded(summary: Line, blocks: readonly Block[]): Block {
  return { kind: 'details', summary, blocks };
}

export function paragraph(content: Line): Block {
  return { kind: 'paragraph', line: content };
}

export function list(items: readonly Line[]): Block {
  return { kind: 'list', items };
}

/** @param titles of the columns: a list, or `Arm | >Wedged`. `>` aligns a column to the right, for numbers */
export function table(caption: string, titles: string | readonly string[], rows: Table['rows']): Table {
  const columns = (typeof titles === 'string' ? titles.split(' | ') : titles).map((title) =>
    title.startsWith('>')
      ? ({ title: title.slice(1), align: 'right' } as const)
      : ({ title, align: 'left' } as const),
  );
  return { kind: 'table', caption, columns, rows };
}

/** Lines one after another, a space between. */
export function joined(lines: readonly Line[], separator = ' '): Line {
  return lines.flatMap((each, index) => (index === 0 ? each : [text(separator), ...each]));
}

/** `a`, `b` and `c`. */
export function enumeration(items: readonly Line[], conjunction = 'and'): Line {
  return items.flatMap((item, index) => {
    if (index === 0) return item;
    return [text(index === items.length - 1 ? ` ${conjunction} ` : ', '), ...item];
  });
}

/** A sentence without markup, for a terminal, a page title or an attribute; content is cleaned, not quoted. */
export function plainLine(content: Line): string {
  return content
    .map((inline): string => {
      switch (inline.kind) {
        case 'text':
          return inline.text;
        case 'strong':
          return plainLine(inline.children);
        case 'run':
          return cleanLine(inline.run);
        default:
          return cleanLine(inline.content);
      }
    })
    .join('');
}
