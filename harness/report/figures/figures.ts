import type { FigureText } from '../figure-text.ts';
import { PAGE_PALETTE } from '../palette.ts';
import type { InlineFigure } from '../render-html.ts';
import type { Report } from '../report.ts';
import { figurePlans } from './plans.ts';
import { FIGURE_WIDTHS, type FigurePlan, figureFiles, figureSvg } from './svg.ts';

// Words, files and page need the same plans, and the latencies of 100,000 runs are not cheap.
const plansOf = new WeakMap<Report, FigurePlan[]>();

function plans(report: Report): FigurePlan[] {
  const known = plansOf.get(report) ?? figurePlans(report);
  plansOf.set(report, known);
  return known;
}

/** The words of the figures that the report has; a figure without data is absent. */
export function figureTexts(report: Report): FigureText[] {
  return plans(report).map(({ name, title, alternative }) => ({ name, title, alternative }));
}

/** Each figure as files for a light and a dark ground. */
export function figures(report: Report) {
  return figureFiles(plans(report));
}

/** Each figure for a wide and for a narrow page, its colours the page's own. */
export function inlineFigures(report: Report): InlineFigure[] {
  return plans(report).map((plan) => ({
    name: plan.name,
    title: plan.title,
    alternative: plan.alternative,
    svg: figureSvg(plan, PAGE_PALETTE, 'page'),
    narrowSvg: figureSvg(plan, PAGE_PALETTE, 'narrow', FIGURE_WIDTHS.narrow),
  }));
}
