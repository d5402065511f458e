import { cleanLine, cleanText } from '../model/clean-text.ts';
import {
  type Block,
  type Inline,
  type Line,
  plainLine,
  type ReportDocument,
  type Table,
} from './document.ts';
import { escapeHtml } from './escape.ts';
import type { FigureText } from './figure-text.ts';
import { STYLE_SHEET } from './style-sheet.ts';
import { columnNames, roomClass } from './table-room.ts';

/** A figure with its drawing, colours taken from the page's custom properties. */
export interface InlineFigure extends FigureText {
  readonly svg: string;
  /** The same for a page as narrow as a phone's. */
  readonly narrowSvg: string;
}

/** A story of one run: what a link to it leads to. */
export interface Story {
  readonly run: string;
  readonly summary: Line;
  readonly blocks: readonly Block[];
}

export interface HtmlOptions {
  readonly figures: readonly InlineFigure[];
  readonly stories: readonly Story[];
  /** A sentence under the heading of the stories. */
  readonly storiesNote: Line;
}

/**
 * A document as one self-contained page: no script, nothing loaded from anywhere. Links to a run's story work
 * because browsers open a `<details>` around the target of a fragment; the stories are also plain to walk
 * through by keyboard.
 */
export function htmlDocument(document: ReportDocument, options: HtmlOptions): string {
  const render = new HtmlRenderer(options);
  const title = escapeHtml(plainLine(document.title));
  const sections = document.sections.map(
    (section) =>
      `<section id="${section.id}" aria-labelledby="${section.id}-title">\n` +
      `<h2 id="${section.id}-title">${escapeHtml(section.title)}</h2>\n` +
      `${section.blocks.map((block) => render.block(block)).join('\n')}\n</section>`,
  );
  const links = [...document.sections.map(({ id, title: name }) => ({ id, name }))];
  if (options.stories.length > 0) links.push({ id: 'stories', name: 'Each run' });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>
${STYLE_SHEET}
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<main id="main">
<header>
<h1>${render.line(document.title)}</h1>
${document.lead.map((block) => render.block(block)).join('\n')}
</header>
<nav aria-label="Sections">
<ul>
${links.map(({ id, name }) => `<li><a href="#${id}">${escapeHtml(name)}</a></li>`).join('\n')}
</ul>
</nav>
${sections.join('\n')}
${render.stories()}
</main>
</body>
</html>
`;
}

class HtmlRenderer {
  readonly #options: HtmlOptions;
  readonly #anchors: ReadonlyMap<string, string>;

  constructor(options: HtmlOptions) {
    this.#options = options;
    // Positions, not names: a run's name is content, and an id must be unique and harmless.
    this.#anchors = new Map(options.stories.map((story, index) => [story.run, `run-${index + 1}`]));
  }

  block(block: Block): string {
    switch (block.kind) {
      case 'paragraph':
        return `<p>${this.line(block.line)}</p>`;
      case 'callout':
        return `<p class="callout" role="note">${this.line(block.line)}</p>`;
      case 'list':
        return `<ul>\n${block.items.map((item) => `<li>${this.line(item)}</li>`).join('\n')}\n</ul>`;
      case 'verbatim':
        return `<pre tabindex="0"><code>${escapeHtml(cleanText(block.content, block.limit))}</code></pre>`;
      case 'figure':
        return this.#figure(block.name);
      case 'details': {
        const inner = block.blocks.map((each) => this.block(each)).join('\n');
        return `<details>\n<summary>${this.line(block.summary)}</summary>\n${inner}\n</details>`;
      }
      case 'table':
        return this.#table(block);
    }
  }

  line(content: Line): string {
    return content.map((inline) => this.#inline(inline)).join('');
  }

  stories(): string {
    const { stories, storiesNote } = this.#options;
    if (stories.length === 0) return '';
    // The id is inside: a browser opens the <details> around a fragment's target, not one that is the target.
    const items = stories.map(
      (story) =>
        `<details class="story">\n<summary>${this.line(story.summary)}</summary>\n` +
        `<div id="${this.#anchors.get(story.run)}">\n` +
        `${story.blocks.map((block) => this.block(block)).join('\n')}\n</div>\n</details>`,
    );
    return (
      `<section id="stories" aria-labelledby="stories-title">\n<h2 id="stories-title">Each run</h2>\n` +
      `<p>${this.line(storiesNote)}</p>\n${items.join('\n')}\n</section>`
    );
  }

  #inline(inline: Inline): string {
    switch (inline.kind) {
      case 'text':
        // A number and its percent sign stay on one line.
        return escapeHtml(inline.text).replace(/(\d) %/g, '$1\u00a0%');
      case 'strong':
        return `<strong>${inline.children.map((child) => this.#inline(child)).join('')}</strong>`;
      case 'code':
        return `<code>${escapeHtml(cleanLine(inline.content))}</code>`;
      case 'phrase':
        return escapeHtml(cleanLine(inline.content));
      case 'run': {
        const label = `<code>${escapeHtml(cleanLine(inline.run))}</code>`;
        const anchor = this.#anchors.get(inline.run);
        return anchor === undefined ? label : `<a href="#${anchor}">${label}</a>`;
      }
    }
  }

  #figure(name: string): string {
    const figure = this.#options.figures.find((each) => each.name === name);
    if (figure === undefined) return '';
    return `<figure id="figure-${figure.name}">\n<div class="drawing wide">${figure.svg}</div>\n<div class="drawing narrow">${figure.narrowSvg}</div>\n<figcaption>${escapeHtml(figure.alternative)}</figcaption>\n</figure>`;
  }

  /** The roles keep a table a table for those who hear it, where the style sheet lays it out as cards. */
  #table(table: Table): string {
    const align = (column: number) => (table.columns[column]?.align === 'right' ? ' class="number"' : '');
    const head = table.columns
      .map(
        (column, index) =>
          `<th scope="col" role="columnheader"${align(index)}>${escapeHtml(column.title)}</th>`,
      )
      .join('');
    const body = table.rows.map((row) => {
      const cells = row.map((cell, index) =>
        index === 0
          ? `<th scope="row" role="rowheader"${align(index)}>${this.line(cell)}</th>`
          : `<td role="cell"${align(index)}>${this.line(cell)}</td>`,
      );
      return `<tr role="row">${cells.join('')}</tr>`;
    });
    return (
      `<div class="table ${roomClass(table)}" tabindex="0" role="region" aria-label="${escapeHtml(table.caption)}">\n` +
      `<table role="table" style="${escapeHtml(columnNames(table))}">\n` +
      `<thead role="rowgroup"><tr role="row">${head}</tr></thead>\n` +
      `<tbody role="rowgroup">\n${body.join('\n')}\n</tbody>\n</table>\n</div>`
    );
  }
}
