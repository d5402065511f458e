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

const WIDTH = 720;
const HEIGHT = 420;
const PLOT = { left: 76, right: 24, top: 64, bottom: 52 } as const;
/** Okabe and Ito's colours, apart for the colour-blind; the dashes tell the curves apart without colour. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'] as const;
const DASHES = ['', '7 4', '2 3', '9 3 2 3', '4 2', '1 2', '12 4'] as const;

/** A standalone SVG picture of the curves: no script, no font of its own, the same bytes for the same chart. */
export function lineChartSvg(chart: LineChart): string {
  const [x0, x1] = chart.xRange;
  const [y0, y1] = chart.yRange;
  const right = WIDTH - PLOT.right;
  const bottom = HEIGHT - PLOT.bottom;
  const x = (value: number) => tenth(PLOT.left + ((value - x0) / (x1 - x0 || 1)) * (right - PLOT.left));
  const y = (value: number) => tenth(bottom - ((value - y0) / (y1 - y0 || 1)) * (bottom - PLOT.top));
  const slot = (right - PLOT.left) / Math.max(1, chart.curves.length);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(chart.title)}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${PLOT.left}" y="22" font-size="15" font-weight="600">${escaped(chart.title)}</text>`,
    ...chart.yTicks.flatMap((tick) => [
      `<line x1="${PLOT.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e4e4e4"/>`,
      `<text x="${PLOT.left - 8}" y="${y(tick) + 4}" text-anchor="end" fill="#444">${escaped(chart.formatY(tick))}</text>`,
    ]),
    ...chart.xTicks.map(
      (tick) =>
        `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle" fill="#444">${escaped(chart.formatX(tick))}</text>`,
    ),
    `<line x1="${PLOT.left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="#444"/>`,
    `<text x="${(PLOT.left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle" fill="#222">${escaped(chart.xLabel)}</text>`,
    `<text transform="translate(16 ${(PLOT.top + bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#222">${escaped(chart.yLabel)}</text>`,
    ...chart.levels.map(
      (level) =>
        `<line x1="${PLOT.left}" x2="${right}" y1="${y(level)}" y2="${y(level)}" stroke="#888" stroke-dasharray="3 3"/>`,
    ),
    ...chart.curves.flatMap((curve, i) => {
      const stroke = `stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[i % DASHES.length]}"`;
      const left = tenth(PLOT.left + i * slot);
      return [
        `<polyline fill="none" ${stroke} points="${curve.points.map(([a, b]) => `${x(a)},${y(b)}`).join(' ')}"/>`,
        `<line x1="${left}" x2="${left + 22}" y1="42" y2="42" ${stroke}/>`,
        `<text x="${left + 28}" y="46" fill="#222">${escaped(curve.name)}</text>`,
      ];
    }),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

const MARKS = ['●', '○', '×', '+', '▲'] as const;

/** The same curves in characters, `columns` × `rows` of plot; where curves meet, the first one shows. */
export function lineChartText(chart: LineChart, columns = 64, rows = 16): string {
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
    `${' '.repeat(margin + 2)}${axis.join('').trimEnd()}  ${chart.xLabel}`,
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

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
