import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml } from '../escape.ts';
import type { FigureText } from '../figure-text.ts';
import { PALETTES, type Palette, THEMES } from '../palette.ts';

/** What Plot is told, without what every figure shares. */
export type PlotDrawing = Plot.PlotOptions;

/** A figure to be drawn: its words, and how it looks on a given palette. */
export interface FigurePlan extends FigureText {
  readonly drawing: (palette: Palette) => PlotDrawing;
}

const FIGURE_WIDTH = 700;

const FONT = 'system-ui, Segoe UI, Roboto, Helvetica, Liberation Sans, Arial, sans-serif';

/**
 * A figure as an SVG document: title and description first, for those who hear it. No browser, clock or
 * random number takes part, and nothing in it runs or loads. Content stands only in text nodes.
 */
export function figureSvg(plan: FigurePlan, palette: Palette, idSuffix: string): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const drawing = plan.drawing(palette);
  const plot = Plot.plot({
    width: FIGURE_WIDTH,
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
    `width="${FIGURE_WIDTH}" height="${height}" viewBox="0 0 ${FIGURE_WIDTH} ${height}" ` +
    `fill="${palette.ink}" color="${palette.ink}" font-family="${FONT}" font-size="13" text-anchor="middle">` +
    `<title id="${titleId}">${escapeHtml(plan.title)}</title>` +
    `<desc id="${descriptionId}">${escapeHtml(plan.alternative)}</desc>` +
    `<rect width="100%" height="100%" fill="${palette.paper}"/>` +
    `<text x="12" y="22" text-anchor="start" font-size="15" font-weight="600">${escapeHtml(plan.title)}</text>` +
    `${plot.innerHTML}</svg>`
  );
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
