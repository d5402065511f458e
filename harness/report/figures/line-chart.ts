import * as Plot from '@observablehq/plot';
import { PALETTES, seriesColour } from '../palette.ts';
import { frame, X_AXIS, Y_AXIS } from './chart-parts.ts';
import { figureSvg } from './svg.ts';

/** One curve; points in ascending x. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Horizontal reference lines, dashed. */
  readonly levels: readonly number[];
  readonly curves: readonly Curve[];
}

// The dashes tell the curves apart without colour.
const DASHES = ['none', '7 4', '2 3', '9 3 2 3', '4 2', '1 2', '12 4'] as const;
const LEGEND_LINE_HEIGHT = 18;

/** A standalone SVG picture of the curves: the same bytes for the same chart. */
export function lineChartSvg(chart: LineChart): string {
  const palette = PALETTES.light;
  const { xRange, yRange, xTicks, yTicks, levels } = chart;
  const curves = chart.curves.map((curve, index) => ({
    ...curve,
    colour: seriesColour(palette, index),
    dash: DASHES[index % DASHES.length] ?? 'none',
    legendY: 6 + LEGEND_LINE_HEIGHT * index,
  }));
  const drawing: Plot.PlotOptions = {
    ...frame(420, 84),
    marginRight: 170,
    x: { domain: [...xRange], label: chart.xLabel },
    y: { domain: [...yRange], label: chart.yLabel },
    marks: [
      Plot.gridY([...yTicks], { stroke: palette.rule, strokeOpacity: 1 }),
      Plot.axisX([...xTicks], { ...X_AXIS, color: palette.ink, tickFormat: chart.formatX }),
      Plot.axisY([...yTicks], { ...Y_AXIS, labelOffset: 68, color: palette.ink, tickFormat: chart.formatY }),
      Plot.ruleY([...levels], { stroke: palette.muted, strokeDasharray: '3 3' }),
      ...curves.flatMap(({ name, points, colour, dash, legendY }) => {
        const line = { stroke: colour, strokeWidth: 2, strokeDasharray: dash };
        return [
          Plot.line(
            points.map(([x, y]) => ({ x, y })),
            { ...line, x: 'x', y: 'y' },
          ),
          Plot.text([name], {
            frameAnchor: 'top-right',
            dx: 12,
            dy: legendY,
            textAnchor: 'start',
            fill: colour,
            fontWeight: 600,
          }),
        ];
      }),
    ],
  };
  const alternative = `${chart.yLabel}, over ${chart.xLabel}: ${curves.map(({ name }) => name).join(', ')}.`;
  const plan = { name: 'chart', title: chart.title, alternative, drawing: () => drawing };
  return `${figureSvg(plan, palette, 'light')}\n`;
}
