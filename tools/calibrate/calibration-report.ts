import { markdownTable } from 'markdown-table';
import { lineChartSvg } from '../../harness/report/figures/line-chart.ts';
import {
  type CalibrationDesign,
  type CalibrationPoint,
  type CalibrationResult,
  CHANCE,
  isAboveLevel,
} from './calibration.ts';

const KINDS: Readonly<Record<CalibrationResult['kind'], string>> = {
  interval: 'Intervals: share that misses the true value',
  test: 'Tests: share that finds a difference where there is none',
  verdict: 'The whole verdict of a fixed-size experiment, every arm at the same rate',
  'every-block': 'Looked at after every block',
};

/** The committed report: one table a kind, methods down, rates across. */
export function calibrationMarkdown(points: readonly CalibrationPoint[], design: CalibrationDesign): string {
  const methods = points[0]?.results ?? [];
  const above = points.flatMap(({ rate, results }) =>
    results
      .filter((result) => isAboveLevel(result, design.experiments))
      .map(({ method }) => `${method} at ${rate}`),
  );
  const sections = Object.entries(KINDS).map(([kind, title]) => {
    const rows = methods
      .filter((method) => method.kind === kind)
      .map(({ method, level, isExact }) => [
        method,
        `${isExact ? '≤' : '≈'} ${percent(level)}`,
        ...points.map(({ results }) =>
          percent(results.find((result) => result.method === method)?.errors ?? 0),
        ),
      ]);
    const head = ['method', 'level', ...points.map(({ rate }) => `rate ${rate}`)];
    return `## ${title}\n\n${markdownTable([head, ...rows], { align: ['l', 'r', ...points.map(() => 'r')] })}`;
  });
  return `${[
    '# Calibration',
    `Errors of every method where nothing differs, by simulation: ${design.experiments} seeded experiments at each wedge rate (seed ${design.seed}), ${design.runs} runs of each arm in the fixed-size methods, up to ${design.blocks} blocks in those that look after every block, α = ${design.alpha}. Repeat it with \`npm run calibrate\`.`,
    above.length === 0
      ? `Nothing that promises its level (≤) is above it by more than simulation error (${CHANCE} standard errors).`
      : `**Above their level by more than simulation error (${CHANCE} standard errors): ${above.join(', ')}.**`,
    'Methods marked ≈ cover on average over rates and not at each; reports use them as descriptions and decide nothing by them. The last row is why the sequential mode uses an e-process: testing again after every block is not a test of that level.',
    ...sections,
    '![Errors by wedge rate](calibration.svg)',
  ].join('\n\n')}\n`;
}

/** One line for each method and rate. */
export function calibrationCsv(points: readonly CalibrationPoint[], design: CalibrationDesign): string {
  const lines = points.flatMap(({ rate, results }) =>
    results.map((result) =>
      [
        rate,
        `"${result.method}"`,
        result.kind,
        result.level,
        result.isExact,
        result.errors,
        isAboveLevel(result, design.experiments),
      ].join(','),
    ),
  );
  return `${['rate,method,kind,level,exact,errors,above_level', ...lines].join('\n')}\n`;
}

const PLOTTED = [
  'Fisher less',
  'Boschloo less',
  'verdict: claim, with sham',
  'e-process',
  'Clopper–Pearson 95 %',
] as const;

/** Errors of the methods that decide, against the level. */
export function calibrationSvg(points: readonly CalibrationPoint[], design: CalibrationDesign): string {
  return lineChartSvg({
    title: `Errors where nothing differs (${design.experiments} experiments a point)`,
    xLabel: 'wedge rate of every arm',
    yLabel: 'share of experiments in error',
    xRange: [0, 0.5],
    yRange: [0, 0.07],
    xTicks: [0, 0.1, 0.2, 0.3, 0.4, 0.5],
    yTicks: [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07],
    formatX: String,
    formatY: percent,
    levels: [design.alpha],
    curves: PLOTTED.map((name) => ({
      name: name.replace('verdict: claim, with sham', 'verdict (sham)').replace(' 95 %', ''),
      points: points.map(
        ({ rate, results }) => [rate, results.find(({ method }) => method === name)?.errors ?? 0] as const,
      ),
    })),
  });
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100} %`;
}
