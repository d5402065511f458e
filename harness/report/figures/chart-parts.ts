import * as Plot from '@observablehq/plot';
import { eValue, significant } from '../format-number.ts';
import type { Palette } from '../palette.ts';
import type { PlotDrawing } from './svg.ts';

/** Room above every drawing for its title. */
export const TITLE_ROOM = 46;

export const X_AXIS = {
  tickSize: 4,
  fontSize: 12,
  labelAnchor: 'center',
  labelArrow: 'none',
  labelOffset: 40,
} as const;
export const Y_AXIS = {
  tickSize: 4,
  fontSize: 12,
  labelAnchor: 'center',
  labelArrow: 'none',
  labelOffset: 46,
} as const;

export function frame(height: number, marginLeft: number): PlotDrawing {
  return { height, marginLeft, marginTop: TITLE_ROOM, marginBottom: 48, color: { type: 'identity' } };
}

export function axes(
  palette: Palette,
  options: { yTicks?: boolean; integerX?: boolean } = {},
): Plot.Markish[] {
  return [
    Plot.axisX({
      ...X_AXIS,
      color: palette.ink,
      ...(options.integerX
        ? { tickFormat: (value: number) => (Number.isInteger(value) ? String(value) : '') }
        : {}),
    }),
    Plot.axisY({
      ...Y_AXIS,
      color: palette.ink,
      ...(options.yTicks === false ? { tickSize: 0, fontSize: 13 } : {}),
    }),
  ];
}

export interface EndLabel {
  readonly label: string;
  readonly value: number;
  readonly colour: string;
}

/** Names beside the ends of their curves: no legend to look up, and no reliance on colour. */
export function endLabels(ends: readonly EndLabel[], x: number): Plot.Markish {
  return Plot.text(ends, {
    x: () => x,
    y: 'value',
    text: 'label',
    dx: 8,
    textAnchor: 'start',
    fill: 'colour',
    fontWeight: 600,
    fontSize: 12,
    lineHeight: 1.2,
  });
}

/** A margin wide enough for the longest line of a label, at about seven pixels a character. */
export function labelRoom(labels: readonly string[]): number {
  const lines = labels.flatMap((label) => label.split('\n'));
  return Math.min(220, 30 + 7.5 * Math.max(0, ...lines.map((line) => line.length)));
}

/** Curves of E as powers of ten, the bound that decides, and each curve's name at its end. */
export function evidenceDrawing(
  palette: Palette,
  chart: {
    readonly alpha: number;
    readonly values: readonly number[];
    readonly ends: readonly EndLabel[];
    readonly x: { readonly domain: [number, number]; readonly label?: string };
    readonly axisX: Plot.Markish;
    readonly lines: readonly Plot.Markish[];
  },
): PlotDrawing {
  const bound = Math.log10(1 / chart.alpha);
  const values = [0, bound, ...chart.values];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 1) * 0.08;
  const lines = Math.max(1, ...chart.ends.map(({ label }) => label.split('\n').length));
  const { ends, bottom, top } = endsWithin(chart.ends, low - room, high + room, 2 + 15 * lines);
  const ticks = powersOfTen(bottom, top);
  const [first, last] = chart.x.domain;
  return {
    ...frame(380, 66),
    marginRight: labelRoom(ends.map(({ label }) => label)),
    x: chart.x,
    y: { domain: [bottom, top], label: 'E (logarithmic)' },
    marks: [
      Plot.gridY({ stroke: palette.rule, strokeOpacity: 1, ticks }),
      chart.axisX,
      Plot.axisY(ticks, {
        color: palette.ink,
        ...Y_AXIS,
        tickFormat: (exponent: number) => eValue(exponent * Math.LN10),
      }),
      Plot.ruleY([bound], { stroke: palette.ink, strokeDasharray: '6 4' }),
      Plot.text([bound], {
        x: () => first,
        y: (value: number) => value,
        text: () => `1/α = ${significant(1 / chart.alpha, 6)}`,
        dx: 6,
        dy: -9,
        textAnchor: 'start',
        fill: palette.ink,
      }),
      ...chart.lines,
      endLabels(ends, last),
    ],
  };
}

/** Pixels of the plot between the title and the axis. */
const PLOT_HEIGHT = 286;

/** Labels moved apart, and the range that has room for all of them: at its ends they may need more than the curves do. */
function endsWithin(
  labels: readonly EndLabel[],
  low: number,
  high: number,
  pixels: number,
): { readonly ends: EndLabel[]; readonly bottom: number; readonly top: number } {
  let [bottom, top] = [low, high];
  let ends: EndLabel[] = [];
  // A wider range makes the gaps wider, too. A few rounds come close enough, and labels that fit need one.
  for (let round = 0; round < 4; round += 1) {
    const gap = ((top - bottom) * pixels) / PLOT_HEIGHT;
    ends = spread(labels, gap);
    const values = ends.map(({ value }) => value);
    bottom = Math.min(low, ...values.map((value) => value - gap / 3));
    top = Math.max(high, ...values.map((value) => value + gap / 3));
  }
  return { ends, bottom, top };
}

/** Labels moved apart so that none is closer than `gap` to its neighbour, their centre kept where it can be. */
export function spread(labels: readonly EndLabel[], gap: number): EndLabel[] {
  const sorted = labels
    .map((label, index) => ({ ...label, index }))
    .sort((a, b) => a.value - b.value || b.index - a.index);
  const placed: { value: number; members: number }[] = [];
  for (const { value } of sorted) {
    let group = { value, members: 1 };
    for (
      let before = placed.at(-1);
      before !== undefined && group.value - before.value < (gap * (before.members + group.members)) / 2;
      before = placed.at(-1)
    ) {
      placed.pop();
      const members = before.members + group.members;
      group = { value: (before.value * before.members + group.value * group.members) / members, members };
    }
    placed.push(group);
  }
  const values = placed.flatMap(({ value, members }) =>
    Array.from({ length: members }, (_, index) => value + gap * (index - (members - 1) / 2)),
  );
  return sorted.map(({ label, colour, value }, index) => ({ label, colour, value: values[index] ?? value }));
}

/** Every n-th point and the last, so that no more than `limit` are drawn. */
export function thinned<T>(points: readonly T[], limit: number): T[] {
  const step = Math.ceil(points.length / limit);
  return step <= 1
    ? [...points]
    : points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

function powersOfTen(low: number, high: number): number[] {
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const ticks: number[] = [];
  for (let exponent = Math.ceil(low / step) * step; exponent <= high; exponent += step) ticks.push(exponent);
  return ticks;
}

export function wholeTicks(low: number, high: number): number[] {
  const rough = Math.max(1, (high - low) / 8);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? 1);
  const ticks: number[] = [];
  for (let tick = low; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

/** Round durations within the range, as powers of ten of milliseconds. */
export function timeTicks(low: number, high: number): number[] {
  const decades = high - low;
  const factors = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 1.5, 2, 3, 4, 5, 7];
  const ticks: number[] = [];
  for (let exponent = Math.floor(low); exponent <= high; exponent += 1) {
    for (const factor of factors) {
      const tick = exponent + Math.log10(factor);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}
