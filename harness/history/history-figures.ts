import * as Plot from '@observablehq/plot';
import { cleanLine } from '../model/clean-text.ts';
import { capital, eventWords } from '../report/endpoint-words.ts';
import { evidenceDrawing, frame, TITLE_ROOM, X_AXIS, Y_AXIS } from '../report/figures/chart-parts.ts';
import type { FigurePlan } from '../report/figures/svg.ts';
import { counted, eValue, percent, significant } from '../report/format-number.ts';
import { seriesColour } from '../report/palette.ts';
import type { History } from './history.ts';

const LABEL_LENGTH = 22;
/** Nights named below the axis at most. */
const NAMED_NIGHTS = 8;
const PANEL_HEIGHT = 120;

/** The figures of a history, in reading order. */
export function historyPlans(history: History): FigurePlan[] {
  return [ratesPlan(history), evidencePlan(history)].flatMap((plan) => plan ?? []);
}

/** Labels of some nights, as many as there is room for; the x of a night is its number. */
function nightAxis({ nights }: History, colour: string): Plot.Markish {
  const step = Math.max(1, Math.ceil(nights.length / NAMED_NIGHTS));
  const ticks = nights.map((_, night) => night).filter((night) => night % step === 0);
  return Plot.axisX(ticks, {
    ...X_AXIS,
    color: colour,
    label: 'Night, by its beginning (UTC)',
    tickFormat: (night: number) => nights[night]?.label.slice(0, 10) ?? '',
  });
}

function ratesPlan(history: History): FigurePlan | null {
  const arms = history.arms.filter(({ runs }) => runs > 0);
  if (arms.length === 0) return null;
  const { nights } = history;
  const words = eventWords(history.rule);
  const label = (arm: string) => cleanLine(arm, LABEL_LENGTH);
  const alternative = `${capital(words.rate)} of each arm by night with its 95 % Clopper–Pearson interval, one panel an arm. ${arms
    .map(
      ({ arm, wedged, runs, changes }) =>
        `${label(arm)}: ${wedged}/${runs} (${percent(wedged / runs)}), ${changes.found.length === 0 ? 'no change flagged' : `changed after ${changes.found.map(({ after }) => nights[after]?.label).join(', ')}`}`,
    )
    .join('; ')}.`;
  return {
    name: 'history-rates',
    title: `Runs that ${words.past}, by night: ${counted(nights.length, 'night')}`,
    alternative,
    drawing: (palette) => {
      const points = arms.flatMap(({ arm }, index) =>
        nights.flatMap((night, at) =>
          night.arms
            .filter((each) => each.arm === arm && each.runs > 0)
            .map(({ rate, clopperPearson95 }) => ({
              panel: label(arm),
              at,
              rate: (rate ?? 0) * 100,
              low: clopperPearson95[0] * 100,
              high: clopperPearson95[1] * 100,
              colour: seriesColour(palette, index),
            })),
        ),
      );
      const flags = arms.flatMap(({ arm, changes }) =>
        changes.found.map(({ after }) => ({ panel: label(arm), at: after + 0.5 })),
      );
      return {
        ...frame(arms.length * PANEL_HEIGHT + TITLE_ROOM + 56, 62),
        marginRight: 130,
        x: { domain: [-0.5, nights.length - 0.5] },
        y: { domain: [0, 100], label: `${words.runsThat}, %` },
        fy: { domain: arms.map(({ arm }) => label(arm)), label: null, padding: 0.14, axis: null },
        marks: [
          Plot.ruleY([0, 50, 100], { stroke: palette.rule }),
          nightAxis(history, palette.ink),
          Plot.axisY([0, 50, 100], { ...Y_AXIS, color: palette.ink }),
          Plot.ruleX(points, {
            x: 'at',
            y1: 'low',
            y2: 'high',
            fy: 'panel',
            stroke: 'colour',
            strokeWidth: 2,
          }),
          Plot.dot(points, {
            x: 'at',
            y: 'rate',
            fy: 'panel',
            r: nights.length > 60 ? 2.5 : 4.5,
            fill: 'colour',
            stroke: palette.paper,
          }),
          Plot.ruleX(flags, {
            x: 'at',
            fy: 'panel',
            stroke: palette.ink,
            strokeDasharray: '5 4',
            strokeWidth: 1.5,
          }),
          Plot.text(flags, {
            x: 'at',
            y: 100,
            fy: 'panel',
            text: () => 'change',
            dx: 5,
            dy: 8,
            textAnchor: 'start',
            fill: palette.ink,
          }),
          Plot.text(
            arms.map(({ arm }, index) => ({
              panel: label(arm),
              text: label(arm),
              colour: seriesColour(palette, index),
            })),
            {
              x: nights.length - 0.5,
              y: 50,
              fy: 'panel',
              text: 'text',
              dx: 10,
              textAnchor: 'start',
              fill: 'colour',
              fontWeight: 600,
            },
          ),
        ],
      };
    },
  };
}

function evidencePlan(history: History): FigurePlan | null {
  const { nights, alpha } = history;
  const curves = new Map<
    string,
    { readonly arm: string; readonly points: { at: number; value: number }[] }
  >();
  nights.forEach(({ evidence }, at) => {
    for (const { reference, treatment, accumulatedLogE } of evidence) {
      const label = `${cleanLine(treatment, LABEL_LENGTH)} < ${cleanLine(reference, LABEL_LENGTH)}`;
      const curve = curves.get(label) ?? { arm: treatment, points: [{ at: -1, value: 0 }] };
      curve.points.push({ at, value: accumulatedLogE / Math.LN10 });
      curves.set(label, curve);
    }
  });
  if (curves.size === 0) return null;
  const lines = [...curves].map(([label, curve]) => ({
    label,
    ...curve,
    end: curve.points.at(-1)?.value ?? 0,
  }));
  return {
    name: 'history-evidence',
    title: 'E over nights',
    alternative: `Product of E over all nights so far, on a logarithmic scale, with the bound 1/α = ${significant(1 / alpha, 6)}. ${lines.map(({ label, end }) => `${label}: ${eValue(end * Math.LN10)}`).join('; ')}.`,
    drawing: (palette) => {
      const index = new Map(history.arms.map(({ arm }, i) => [arm, i]));
      const colour = (arm: string) => seriesColour(palette, index.get(arm) ?? 0);
      return evidenceDrawing(palette, {
        alpha,
        values: lines.flatMap(({ points }) => points.map(({ value }) => value)),
        ends: lines.map(({ label, arm, end }) => ({ label, value: end, colour: colour(arm) })),
        x: { domain: [-1, nights.length - 1] },
        axisX: nightAxis(history, palette.ink),
        lines: lines.map(({ points, arm }) =>
          Plot.line(points, {
            x: 'at',
            y: 'value',
            stroke: colour(arm),
            strokeWidth: 2,
            curve: 'step-after',
          }),
        ),
      });
    },
  };
}
