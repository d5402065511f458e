import type { FigureText } from '../figure-text.ts';
import type { InlineFigure } from '../render-html.ts';
import type { Report } from '../report.ts';

/** An SVG file of a report. */
export interface FigureFile {
  /** Without folder: `rates-light.svg`. */
  readonly name: string;
  readonly svg: string;
}

export function figureTexts(_report: Report): FigureText[] {
  return [];
}

export function figures(_report: Report): FigureFile[] {
  return [];
}

export function inlineFigures(_report: Report): InlineFigure[] {
  return [];
}
