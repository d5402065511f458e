import { terminalColumns } from '../model/terminal-width.ts';
import type { Curve, LineChart } from '../report/figures/line-chart.ts';

const MARKS = ['●', '○', '×', '+', '▲'] as const;

/** Columns of the plot, without its axis and what stands beside it. */
const PLOT_COLUMNS = 64;
const AXIS_COLUMNS = 9;

/**
 * The same curves in characters, `columns` × `rows` of plot, narrower in a narrow terminal. Where curves meet, the first
 * one shows.
 */
export function lineChartText(
  chart: LineChart,
  columns = Math.min(PLOT_COLUMNS, terminalColumns() - AXIS_COLUMNS),
  rows = 16,
): string {
  const [x0, x1] = chart.xRange;
  const [y0, y1] = chart.yRange;
  const grid = Array.from({ length: rows + 1 }, () => new Array<string>(columns + 1).fill(' '));
  const row = (value: number) => Math.round((1 - (value - y0) / (y1 - y0 || 1)) * rows);
  const column = (value: number) => Math.round(((value - x0) / (x1 - x0 || 1)) * columns);
  for (const level of chart.levels) grid[row(level)]?.fill('·');
  [...chart.curves].reverse().forEach((curve, i) => {
    const mark = MARKS[(chart.curves.length - 1 - i) % MARKS.length] ?? '*';
    for (let place = 0; place <= columns; place += 1) {
      const height = heightAt(curve, x0 + (place / columns) * (x1 - x0));
      const line = height === null ? undefined : grid[row(height)];
      if (line !== undefined) line[place] = mark;
    }
  });
  const labels = new Map(chart.yTicks.map((tick) => [row(tick), chart.formatY(tick)]));
  const margin = Math.max(...[...labels.values()].map((label) => label.length));
  const axis = new Array<string>(columns + 8).fill(' ');
  for (const tick of chart.xTicks) {
    [...chart.formatX(tick)].forEach((character, i) => {
      axis[column(tick) + i] = character;
    });
  }
  return [
    `${chart.title}: ${chart.curves.map(({ name }, i) => `${MARKS[i % MARKS.length]} ${name}`).join(', ')}`,
    ...grid.map((line, i) => `${(labels.get(i) ?? '').padStart(margin)} │${line.join('').trimEnd()}`),
    `${' '.repeat(margin)} └${'─'.repeat(columns + 1)}`,
    `${' '.repeat(margin + 2)}${axis.join('').trimEnd()}`,
    `${' '.repeat(margin + 2)}${chart.xLabel}`,
  ].join('\n');
}

/** The curve's height at x, straight between its points; `null` outside them. */
function heightAt({ points }: Curve, x: number): number | null {
  for (let i = 1; i < points.length; i += 1) {
    const [before, after] = [points[i - 1], points[i]];
    if (before === undefined || after === undefined || x < before[0] || x > after[0]) continue;
    return before[1] + ((x - before[0]) / (after[0] - before[0] || 1)) * (after[1] - before[1]);
  }
  return null;
}
