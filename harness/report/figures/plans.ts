import * as Plot from '@observablehq/plot';
import { cleanLine } from '../../model/clean-text.ts';
import type { ArmAnalysis } from '../../stats/arm-summary.ts';
import { capital, type EventWords, eventWords } from '../endpoint-words.ts';
import { count, counted, duration, eValue, percent, percentInterval, significant } from '../format-number.ts';
import { seriesColour } from '../palette.ts';
import type { Report } from '../report.ts';
import { innocenceWords } from '../words.ts';
import {
  axes,
  endLabels,
  evidenceDrawing,
  frame,
  labelRoom,
  spread,
  TITLE_ROOM,
  thinned,
  timeTicks,
  wholeTicks,
  X_AXIS,
} from './chart-parts.ts';
import { cellLatencies } from './latency.ts';
import type { FigurePlan } from './svg.ts';

/** Names are cut here in figures; the tables have them in full. */
const LABEL_LENGTH = 22;
/** Points of a curve at most: more cannot be told apart at 700 pixels. */
const CURVE_POINTS = 600;

/** The figures that the report has something to show for, in reading order. */
export function figurePlans(report: Report): FigurePlan[] {
  const arms = labelledArms(report);
  const words = eventWords(report.protocol);
  return [
    ratesPlan(arms, words),
    evidencePlan(report),
    positionsPlan(report, arms, words),
    survivalPlan(arms, words),
    latencyPlan(report, arms),
  ].flatMap((plan) => plan ?? []);
}

interface LabelledArm {
  readonly arm: ArmAnalysis;
  /** Cleaned and unique among the arms. */
  readonly label: string;
  readonly index: number;
}

function labelledArms(report: Report): LabelledArm[] {
  const seen = new Map<string, number>();
  return report.analysis.arms.map((arm, index) => {
    const whole = [...cleanLine(arm.name)];
    const short =
      whole.length <= LABEL_LENGTH ? whole.join('') : `${whole.slice(0, LABEL_LENGTH - 1).join('')}…`;
    const before = seen.get(short) ?? 0;
    seen.set(short, before + 1);
    return { arm, index, label: before === 0 ? short : `${short} (${before + 1})` };
  });
}

function ratesPlan(arms: readonly LabelledArm[], words: EventWords): FigurePlan | null {
  const known = arms.filter(({ arm }) => arm.runs > 0);
  if (known.length === 0) return null;
  const alternative = `${capital(words.rate)} of each arm with its 95 % Clopper–Pearson interval. ${known
    .map(
      ({ arm, label }) =>
        `${label}: ${arm.wedged}/${arm.runs}, ${percent(arm.rate)} (${percentInterval(arm.clopperPearson95)})`,
    )
    .join('; ')}.`;
  return {
    name: 'rates',
    title: `Runs that ${words.past}, by arm`,
    alternative,
    drawing: (palette) => {
      const rows = known.map(({ arm, label, index }) => ({
        label,
        rate: (arm.rate ?? 0) * 100,
        low: arm.clopperPearson95[0] * 100,
        high: arm.clopperPearson95[1] * 100,
        text: `${arm.wedged}/${arm.runs}`,
        colour: seriesColour(palette, index),
      }));
      return {
        ...frame(rows.length * 34 + TITLE_ROOM + 48, labelRoom(rows.map(({ label }) => label))),
        marginRight: 60,
        x: {
          domain: [0, 100],
          label: `${words.runsThat}, % (95 % interval)`,
        },
        y: { domain: rows.map(({ label }) => label), label: null },
        marks: [
          Plot.gridX({ stroke: palette.rule, strokeOpacity: 1 }),
          ...axes(palette, { yTicks: false }),
          Plot.ruleY(rows, { x1: 'low', x2: 'high', y: 'label', stroke: 'colour', strokeWidth: 3 }),
          Plot.dot(rows, {
            x: 'rate',
            y: 'label',
            r: 6,
            fill: 'colour',
            stroke: palette.paper,
            strokeWidth: 1.5,
          }),
          Plot.text(rows, {
            x: 'high',
            y: 'label',
            text: 'text',
            dx: 8,
            textAnchor: 'start',
            fill: palette.ink,
          }),
        ],
      };
    },
  };
}

function survivalPlan(arms: readonly LabelledArm[], words: EventWords): FigurePlan | null {
  const known = arms.filter(({ arm }) => arm.runs > 0);
  if (!words.endsRun || !known.some(({ arm }) => arm.wedged > 0)) return null;
  const alternative = `Kaplan–Meier estimate of the share of runs ${words.notYet}, over replies. At the end: ${known
    .map(({ arm, label }) => `${label} ${percent(arm.kaplanMeier.at(-1)?.share ?? 1)}`)
    .join('; ')}.`;
  return {
    name: 'survival',
    title: `Runs ${words.notYet}, over replies (Kaplan–Meier)`,
    alternative,
    drawing: (palette) => {
      const end = Math.max(
        ...known.map(({ arm }) =>
          Math.max(arm.hazard.replies / arm.runs, arm.kaplanMeier.at(-1)?.replies ?? 0),
        ),
      );
      const curves = known.flatMap(({ arm, label, index }) => {
        const steps = thinned(arm.kaplanMeier, CURVE_POINTS);
        const points = [
          { replies: 0, share: 1 },
          ...steps,
          { replies: end, share: steps.at(-1)?.share ?? 1 },
        ];
        return points.map(({ replies, share }) => ({
          label,
          replies,
          share: share * 100,
          colour: seriesColour(palette, index),
        }));
      });
      const ends = spread(
        known.map(({ arm, label, index }) => ({
          label,
          value: (arm.kaplanMeier.at(-1)?.share ?? 1) * 100,
          colour: seriesColour(palette, index),
        })),
        6.2,
      );
      return {
        ...frame(340, 62),
        marginRight: labelRoom(known.map(({ label }) => label)),
        x: {
          domain: [0, end],
          label: 'Replies sent by the kernel',
        },
        y: { domain: [0, 100], label: `${capital(words.notYet)}, %` },
        marks: [
          Plot.gridY({ stroke: palette.rule, strokeOpacity: 1 }),
          ...axes(palette),
          Plot.line(curves, {
            x: 'replies',
            y: 'share',
            z: 'label',
            stroke: 'colour',
            strokeWidth: 2.25,
            curve: 'step-after',
          }),
          endLabels(ends, end),
        ],
      };
    },
  };
}

function positionsPlan(report: Report, arms: readonly LabelledArm[], words: EventWords): FigurePlan | null {
  const wedging = arms.filter(({ arm }) => arm.positions.cells.some(({ wedges }) => wedges > 0));
  if (wedging.length === 0) return null;
  const { notebooks } = report.protocol;
  const offsets = notebooks.map((_, index) =>
    notebooks.slice(0, index).reduce((sum, { codeCells }) => sum + codeCells.length, 0),
  );
  const place = (cell: { notebook: number; cell: number }) => (offsets[cell.notebook] ?? 0) + cell.cell;
  const total = notebooks.reduce((sum, { codeCells }) => sum + codeCells.length, 0);
  const alternative = `Number of ${words.nouns} at each cell, by arm. ${wedging
    .map(({ arm, label }) => {
      const cells = arm.positions.cells.filter(({ wedges }) => wedges > 0);
      return `${label}: ${counted(arm.wedged, words.noun, words.nouns)} at ${counted(cells.length, 'cell')} of ${total}`;
    })
    .join('; ')}; ${innocenceWords(report)}.`;
  return {
    name: 'positions',
    title: `Where in the notebook runs ${words.past}`,
    alternative,
    drawing: (palette) => {
      const labels = wedging.map(({ label }) => label);
      const dots = wedging.flatMap(({ arm, label, index }) =>
        arm.positions.cells
          .filter(({ wedges }) => wedges > 0)
          .map((cell) => ({
            label,
            cell: place(cell),
            wedges: cell.wedges,
            text: cell.wedges > 1 ? count(cell.wedges) : '',
            colour: seriesColour(palette, index),
          })),
      );
      const greatest = Math.max(...dots.map(({ wedges }) => wedges));
      const several = notebooks.length > 1;
      return {
        ...frame(wedging.length * 48 + TITLE_ROOM + 48, labelRoom(labels)),
        marginRight: 24,
        x: {
          domain: [-0.5, Math.max(0.5, total - 0.5)],
          label: several
            ? `Cell, counted from 0 through ${notebooks.length} notebooks (area: ${words.nouns})`
            : `Cell, counted from 0 (area: ${words.nouns})`,
        },
        y: { domain: labels, label: null },
        r: { domain: [0, Math.max(1, greatest)], range: [0, greatest > 1 ? 17 : 7] },
        marks: [
          Plot.ruleY(labels, { stroke: palette.rule }),
          ...(several
            ? [
                Plot.ruleX(
                  offsets.slice(1).map((offset) => offset - 0.5),
                  { stroke: palette.muted, strokeDasharray: '3 3' },
                ),
              ]
            : []),
          ...axes(palette, { yTicks: false, integerX: true }),
          Plot.dot(dots, {
            x: 'cell',
            y: 'label',
            r: 'wedges',
            fill: 'colour',
            fillOpacity: 0.85,
            stroke: palette.paper,
          }),
          Plot.text(
            dots.filter(({ wedges }) => wedges > 1 && wedges >= greatest / 3),
            { x: 'cell', y: 'label', text: 'text', fill: palette.paper, fontWeight: 600, fontSize: 12 },
          ),
        ],
      };
    },
  };
}

function evidencePlan(report: Report): FigurePlan | null {
  const { analysis } = report;
  const labels = new Map(labelledArms(report).map(({ arm, label }) => [arm.name, label]));
  const pairs = analysis.comparisons
    .filter((pair) => pair.eProcess.path.length > 0)
    .map((pair) => ({
      pair,
      ...pairLabels(labels.get(pair.treatment) ?? '', labels.get(pair.reference) ?? ''),
    }));
  if (pairs.length === 0) return null;
  const alternative = `E for each comparison over blocks, on a logarithmic scale, with the bound 1/α = ${significant(1 / analysis.alpha, 6)}. ${pairs
    .map(({ pair, name: label }) => {
      const reached =
        analysis.strata !== undefined
          ? `product over ${analysis.strata.length} strata ${eValue(pair.eProcess.logE)}`
          : pair.eProcess.reachedAtBlock === null
            ? 'bound not reached'
            : `bound reached after ${counted(pair.eProcess.reachedAtBlock + 1, 'block')}`;
      return analysis.strata !== undefined
        ? `${label}: ${reached}`
        : `${label}: greatest E ${eValue(pair.eProcess.maxLogE)}, ${reached}`;
    })
    .join('; ')}.`;
  return {
    name: 'evidence',
    title: 'E over blocks',
    alternative,
    drawing: (palette) => {
      const armIndex = new Map(analysis.arms.map(({ name }, index) => [name, index]));
      const last = Math.max(...pairs.map(({ pair }) => (pair.eProcess.pathBlocks.at(-1) ?? 0) + 1));
      const curves = pairs.flatMap(({ pair, label }) => {
        const points = pair.eProcess.path.map((logE, index) => ({
          block: (pair.eProcess.pathBlocks[index] ?? 0) + 1,
          value: logE / Math.LN10,
        }));
        return [{ block: 0, value: 0 }, ...thinned(points, CURVE_POINTS)].map((point) => ({
          ...point,
          label,
          colour: seriesColour(palette, armIndex.get(pair.treatment) ?? 0),
          kind: pair.kind,
        }));
      });
      return evidenceDrawing(palette, {
        alpha: analysis.alpha,
        values: curves.map(({ value }) => value),
        ends: pairs.map(({ pair, label }) => ({
          label,
          value: (pair.eProcess.path.at(-1) ?? 0) / Math.LN10,
          colour: seriesColour(palette, armIndex.get(pair.treatment) ?? 0),
        })),
        x: {
          domain: [0, last],
          label: analysis.strata === undefined ? 'Blocks' : 'Blocks, one stratum after another',
        },
        axisX: Plot.axisX({ ...X_AXIS, color: palette.ink, ticks: wholeTicks(0, last) }),
        lines: (['treatment-control', 'treatment-sham', 'sham-control', 'a-a'] as const).map((kind) =>
          Plot.line(
            curves.filter((point) => point.kind === kind),
            { x: 'block', y: 'value', z: 'label', stroke: 'colour', strokeWidth: 2, ...dashed(kind) },
          ),
        ),
      });
    },
  };
}

/** Beside a curve, a pair with long names takes two lines: there is no more room. */
const SHORT_PAIR = 22;

function pairLabels(treatment: string, reference: string): { readonly name: string; readonly label: string } {
  const name = `${treatment} < ${reference}`;
  return { name, label: name.length <= SHORT_PAIR ? name : `${treatment}\n< ${reference}` };
}

function dashed(kind: string): { strokeDasharray?: string } {
  return kind === 'treatment-control' ? {} : { strokeDasharray: kind === 'treatment-sham' ? '7 3' : '2 3' };
}

function latencyPlan(report: Report, arms: readonly LabelledArm[]): FigurePlan | null {
  const latencies = cellLatencies(report);
  const known = arms.flatMap((arm) => {
    const quantiles = latencies.get(arm.arm.name);
    return quantiles === undefined ? [] : [{ ...arm, quantiles }];
  });
  if (known.length === 0) return null;
  const alternative = `Time from a cell's request to its reply and idle status, answered cells only, by arm: median, middle half, 1st to 99th percentile, slowest. ${known
    .map(
      ({ label, quantiles: q }) =>
        `${label}: ${counted(q.cells, 'cell')}, median ${duration(q.median)}, slowest ${duration(q.slowest)}`,
    )
    .join('; ')}.`;
  return {
    name: 'latency',
    title: 'Time to answer a cell, by arm',
    alternative,
    drawing: (palette) => {
      const rows = known.map(({ label, index, quantiles }) => ({
        label,
        colour: seriesColour(palette, index),
        ...quantiles,
      }));
      // A logarithm needs a floor: what takes less than the clock can tell is drawn there.
      const floor = 0.1;
      const at = (value: number) => Math.log10(Math.max(floor, value));
      const low = Math.min(...rows.map(({ first }) => at(first)));
      const high = Math.max(...rows.map(({ slowest }) => at(slowest)));
      const room = Math.max(0.08, (high - low) * 0.05);
      return {
        ...frame(rows.length * 34 + TITLE_ROOM + 48, labelRoom(rows.map(({ label }) => label))),
        marginRight: 24,
        x: {
          domain: [low - room, high + room],
          label:
            'Request to reply and idle (logarithmic; box: middle half, line: 1st to 99th percentile, cross: slowest)',
        },
        y: { domain: rows.map(({ label }) => label), label: null },
        marks: [
          Plot.gridX({ stroke: palette.rule, strokeOpacity: 1, ticks: timeTicks(low - room, high + room) }),
          Plot.axisX(timeTicks(low - room, high + room), {
            ...X_AXIS,
            color: palette.ink,
            tickFormat: (exponent: number) => duration(10 ** exponent),
          }),
          Plot.axisY({ color: palette.ink, tickSize: 0, fontSize: 13 }),
          Plot.ruleY(rows, {
            x1: (d) => at(d.first),
            x2: (d) => at(d.last),
            y: 'label',
            stroke: 'colour',
            strokeWidth: 1.5,
          }),
          Plot.ruleY(rows, {
            x1: (d) => at(d.lower),
            x2: (d) => at(d.upper),
            y: 'label',
            stroke: 'colour',
            strokeWidth: 12,
            strokeOpacity: 0.45,
          }),
          Plot.dot(rows, {
            x: (d) => at(d.median),
            y: 'label',
            r: 5,
            fill: 'colour',
            stroke: palette.paper,
            strokeWidth: 1.5,
          }),
          Plot.dot(rows, {
            x: (d) => at(d.slowest),
            y: 'label',
            r: 4,
            symbol: 'times',
            stroke: 'colour',
            strokeWidth: 1.75,
          }),
        ],
      };
    },
  };
}
