import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { wrapped } from '../../model/wrapped.ts';
import { escapeHtml } from '../escape.ts';
import type { FigureText } from '../figure-text.ts';
import { PALETTES, type Palette, THEMES } from '../palette.ts';

/** What Plot is told, without what every figure shares. */
export type PlotDrawing = Plot.PlotOptions;

/** A figure to be drawn: its words, and how it looks on a given palette. */
export interface FigurePlan extends FigureText {
  readonly drawing: (palette: Palette) => PlotDrawing;
}

/** Pixels of a figure on a page that has room for it, and of one for a phone: there it is shrunk by a fifth, no more. */
export const FIGURE_WIDTHS = { wide: 700, narrow: 440 } as const;

const LINE_HEIGHT = 17;
/** From the axis to the label's first line, pixels. */
const LABEL_BASELINE = 37;
/** Mean width of a character, pixels: of an axis label, and of a title. Rather too wide than too narrow. */
const LABEL_CHARACTER = 6.4;
const TITLE_CHARACTER = 8.4;

const FONT = 'system-ui, Segoe UI, Roboto, Helvetica, Liberation Sans, Arial, sans-serif';

/**
 * A figure as an SVG document: title and description first, for those who hear it. No browser, clock or
 * random number takes part, and nothing in it runs or loads. Content stands only in text nodes.
 */
export function figureSvg(
  plan: FigurePlan,
  palette: Palette,
  idSuffix: string,
  width: number = FIGURE_WIDTHS.wide,
): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const titleLines = lines(plan.title, (width - 24) / TITLE_CHARACTER);
  const { drawing, label } = withRoom(plan.drawing(palette), titleLines.length - 1, width);
  const plot = Plot.plot({
    width,
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
    ...drawing,
    style: {},
    className: 'soak-figure',
  } as Plot.PlotOptions) as unknown as SvgElement;
  plot.querySelector('style')?.remove();
  // Marks say which kind of drawing they are; the title and description already say what it shows.
  for (const element of plot.querySelectorAll('[aria-label]')) element.removeAttribute('aria-label');
  const height = plot.getAttribute('height') ?? '400';
  const titleId = `title-${plan.name}-${idSuffix}`;
  const descriptionId = `description-${plan.name}-${idSuffix}`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="soak-figure" role="img" aria-labelledby="${titleId} ${descriptionId}" ` +
    `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `fill="${palette.ink}" color="${palette.ink}" font-family="${FONT}" font-size="13" text-anchor="middle">` +
    `<title id="${titleId}">${escapeHtml(plan.title)}</title>` +
    `<desc id="${descriptionId}">${escapeHtml(plan.alternative)}</desc>` +
    `<rect width="100%" height="100%" fill="${palette.paper}"/>` +
    titleLines
      .map(
        (words, index) =>
          `<text x="12" y="${22 + LINE_HEIGHT * index}" text-anchor="start" font-size="15" font-weight="600">${escapeHtml(words)}</text>`,
      )
      .join('') +
    `${plot.innerHTML}${label}</svg>`
  );
}

/**
 * The drawing with room for further lines of the title, and for a label of its x axis that is too long for one line: Plot
 * would draw the further lines over the ticks, so they are drawn here.
 */
function withRoom(
  drawing: PlotDrawing,
  moreTitleLines: number,
  width: number,
): { readonly drawing: PlotDrawing; readonly label: string } {
  const { height = 0, marginTop = 0, marginBottom = 0, marginLeft = 40, marginRight = 20, x } = drawing;
  // The label stands under the middle of the plot, which is not the middle of the figure.
  const middle = (marginLeft + width - marginRight) / 2;
  const free = 2 * Math.min(middle, width - middle) - 12;
  const labelLines = typeof x?.label === 'string' ? lines(x.label, free / LABEL_CHARACTER) : [];
  const moreLabelLines = Math.max(0, labelLines.length - 1);
  const more = LINE_HEIGHT * (moreTitleLines + moreLabelLines);
  const first = height + more - marginBottom - LINE_HEIGHT * moreLabelLines + LABEL_BASELINE;
  return {
    drawing: {
      ...drawing,
      height: height + more,
      marginTop: marginTop + LINE_HEIGHT * moreTitleLines,
      marginBottom: marginBottom + LINE_HEIGHT * moreLabelLines,
      ...(moreLabelLines === 0 ? {} : { x: { ...x, label: null } }),
    },
    label:
      moreLabelLines === 0
        ? ''
        : labelLines
            .map(
              (words, index) =>
                `<text x="${middle}" y="${first + LINE_HEIGHT * index}" font-size="12">${escapeHtml(words)}</text>`,
            )
            .join(''),
  };
}

/** Words in lines of at most so many characters. */
function lines(words: string, characters: number): string[] {
  return wrapped(words, '', Math.floor(characters)).split('\n');
}

/** Each figure as files for a light and a dark ground, in the folder beside a document. */
export function figureFiles(
  plans: readonly FigurePlan[],
): { readonly path: string; readonly content: string }[] {
  return plans.flatMap((plan) =>
    THEMES.map((theme) => ({
      path: `figures/${plan.name}-${theme}.svg`,
      content: `${figureSvg(plan, PALETTES[theme], theme)}\n`,
    })),
  );
}

/** The part of the DOM that is used here; the project does without the browser's types. */
interface SvgElement {
  readonly innerHTML: string;
  getAttribute(name: string): string | null;
  removeAttribute(name: string): void;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<{ removeAttribute(name: string): void }>;
}
