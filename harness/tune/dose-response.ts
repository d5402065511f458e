import * as Plot from '@observablehq/plot';
import type { EndpointRule } from '../model/endpoint.ts';
import type { Traffic } from '../model/traffic.ts';
import { capital, eventWords } from '../report/endpoint-words.ts';
import { frame, TITLE_ROOM, X_AXIS } from '../report/figures/chart-parts.ts';
import type { FigurePlan } from '../report/figures/svg.ts';
import { perThousand, perThousandInterval, significant } from '../report/format-number.ts';
import { seriesColour } from '../report/palette.ts';
import { conditionalLess, type Exposure } from '../stats/hazard.ts';
import type { TuningBody } from './record.ts';
import type { CandidateResult, TuningResults } from './results.ts';

/** One latency on a curve. */
export interface DosePoint {
  readonly spec: string;
  readonly meanMs: number;
  readonly result: CandidateResult;
}

/** Hazard over mean latency under one traffic profile, ascending. */
export interface DoseCurve {
  readonly traffic: Traffic;
  readonly points: readonly DosePoint[];
}

/**
 * The curves of the chosen notebook, or of the first one when nothing was chosen: one for each traffic
 * profile, of the latencies that had a reply. Runs of the whole notebook only, whatever length was chosen:
 * the search measures curves there.
 */
export function doseCurves(results: TuningResults): DoseCurve[] {
  const shown = results.chosen ?? [...results.ranked].sort((a, b) => a.index - b.index)[0];
  if (shown === undefined) return [];
  const { notebook } = shown.candidate;
  const ofNotebook = results.ranked.filter(({ candidate }) => candidate.notebook === notebook);
  const cells = Math.max(...ofNotebook.map(({ candidate }) => candidate.cells));
  const curves = new Map<Traffic, DosePoint[]>();
  for (const result of ofNotebook.sort((a, b) => a.index - b.index)) {
    const { candidate, hazard } = result;
    if (candidate.cells !== cells || hazard === null) continue;
    const points = curves.get(candidate.traffic) ?? [];
    points.push({ spec: candidate.latency.spec, meanMs: candidate.latency.meanMs, result });
    curves.set(candidate.traffic, points);
  }
  return [...curves].map(([traffic, points]) => ({
    traffic,
    points: points.sort((a, b) => a.meanMs - b.meanMs),
  }));
}

/** The chosen traffic's wedges without latency against those with any. */
export interface DoseContrast {
  readonly traffic: Traffic;
  readonly without: Exposure;
  readonly withLatency: Exposure;
  /** Exact conditional test that the hazard without latency is lower, one-sided. */
  readonly p: number;
}

/** `null` unless something was chosen and both sides of its curve have replies. */
export function doseContrast(results: TuningResults): DoseContrast | null {
  const traffic = results.chosen?.candidate.traffic;
  const curve = doseCurves(results).find((each) => each.traffic === traffic);
  if (traffic === undefined || curve === undefined) return null;
  const exposure = (points: readonly DosePoint[]): Exposure => ({
    wedges: points.reduce((sum, { result }) => sum + result.tally.wedged, 0),
    replies: points.reduce((sum, { result }) => sum + result.tally.replies, 0),
  });
  const without = exposure(curve.points.filter(({ meanMs }) => meanMs === 0));
  const withLatency = exposure(curve.points.filter(({ meanMs }) => meanMs > 0));
  const p = conditionalLess(withLatency, without);
  return p === null ? null : { traffic, without, withLatency, p };
}

const PANEL_HEIGHT = 150;
// Intervals of a single run reach far beyond any hazard seen; the frame ends at this many times the greatest.
const HEADROOM = 1.8;
const CEILING_WITHOUT_WEDGES = 20;

function ceiling(curves: readonly DoseCurve[]): number {
  const greatest = Math.max(
    0,
    ...curves.flatMap(({ points }) => points.map(({ result }) => (result.hazard ?? 0) * 1000)),
  );
  return greatest === 0 ? CEILING_WITHOUT_WEDGES : greatest * HEADROOM;
}

/** The dose–response figure, a panel for each traffic profile; `null` without a point. */
export function dosePlan(record: TuningBody, results: TuningResults): FigurePlan | null {
  const curves = doseCurves(results);
  if (curves.length === 0) return null;
  const notebook = record.notebooks[results.chosen?.candidate.notebook ?? 0]?.name ?? '';
  const events = capital(eventWords(record).nouns);
  const alternative = `${events} per 1000 replies over the front end's mean latency, with 95 % Garwood intervals cut at the frame, on ${notebook}. ${curves
    .map(
      ({ traffic, points }) =>
        `${traffic}: ${points.map(({ spec, result }) => `${spec} ${perThousand(result.hazard)}`).join(', ')}`,
    )
    .join('; ')}.`;
  const top = ceiling(curves);
  return {
    name: 'dose-response',
    title: `${events} per 1000 replies over front-end latency, control arm`,
    alternative,
    drawing: (palette) => {
      const rows = curves.flatMap(({ traffic, points }, series) =>
        points.map(({ meanMs, spec, result }) => ({
          traffic,
          meanMs,
          hazard: (result.hazard ?? 0) * 1000,
          low: Math.min(top, (result.hazard95?.[0] ?? 0) * 1000),
          high: Math.min(top, (result.hazard95?.[1] ?? 0) * 1000),
          symbol: spec.startsWith('uniform:') || spec === 'none' ? 'circle' : 'diamond',
          // Only what the axis does not say: an evenly spread latency is its own mean.
          label: spec.startsWith('uniform:') || spec === 'none' ? '' : spec,
          curve: spec.startsWith('uniform:') || spec === 'none',
          colour: seriesColour(palette, series),
        })),
      );
      const furthest = Math.max(1, ...rows.map(({ meanMs }) => meanMs));
      const ticks = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000].filter((tick) => tick <= furthest * 1.05);
      return {
        ...frame(curves.length * PANEL_HEIGHT + TITLE_ROOM + 48, 56),
        marginRight: 96,
        symbol: { type: 'identity' },
        fy: { domain: curves.map(({ traffic }) => traffic), label: null, padding: 0.16 },
        x: {
          type: 'sqrt',
          domain: [0, furthest * 1.12],
        },
        y: { domain: [0, top], label: null },
        marks: [
          Plot.axisFy({ color: palette.ink, fontSize: 13, fontWeight: 600 } as Plot.AxisXOptions),
          Plot.gridY({ stroke: palette.rule, strokeOpacity: 1, ticks: 4 }),
          Plot.axisX(ticks, {
            ...X_AXIS,
            color: palette.ink,
            label: 'Mean latency, ms (square-root scale; circles: none and uniform, diamonds: others)',
            labelOffset: 38,
            tickFormat: (ms: number) => significant(ms, 2),
          }),
          Plot.axisY({ color: palette.ink, tickSize: 4, fontSize: 12, ticks: 4 }),
          Plot.line(
            rows.filter(({ curve }) => curve),
            { x: 'meanMs', y: 'hazard', fy: 'traffic', stroke: 'colour', strokeWidth: 1.75 },
          ),
          Plot.ruleX(rows, {
            x: 'meanMs',
            y1: 'low',
            y2: 'high',
            fy: 'traffic',
            stroke: 'colour',
            strokeOpacity: 0.55,
            strokeWidth: 1.5,
          }),
          Plot.dot(rows, {
            x: 'meanMs',
            y: 'hazard',
            fy: 'traffic',
            r: 4.5,
            symbol: 'symbol',
            fill: 'colour',
            stroke: palette.paper,
            strokeWidth: 1,
          }),
          // Names on either side of their points: the fixed and the measured latency may lie close together.
          ...(['end', 'start'] as const).map((anchor) =>
            Plot.text(
              rows.filter(({ label }) => label !== '' && (label === 'nbclient') === (anchor === 'start')),
              {
                x: 'meanMs',
                y: 'hazard',
                fy: 'traffic',
                text: 'label',
                textAnchor: anchor,
                dx: anchor === 'start' ? 8 : -8,
                dy: -10,
                fontSize: 11,
                fill: palette.muted,
              },
            ),
          ),
        ],
      };
    },
  };
}

const BAR_WIDTH = 30;

/** The chosen traffic's curve in characters, one latency a line; empty without one. */
export function doseText(rule: EndpointRule, results: TuningResults): string {
  const curves = doseCurves(results);
  const traffic = results.chosen?.candidate.traffic;
  const curve = curves.find((each) => each.traffic === traffic) ?? curves[0];
  if (curve === undefined) return '';
  const greatest = Math.max(...curve.points.map(({ result }) => result.hazard ?? 0));
  const specWidth = Math.max(...curve.points.map(({ spec }) => spec.length));
  const lines = curve.points.map(({ spec, meanMs, result }) => {
    const filled = greatest === 0 ? 0 : Math.round(((result.hazard ?? 0) / greatest) * BAR_WIDTH);
    const mean = `${significant(meanMs, 2)} ms`.padStart(7);
    return `  ${spec.padEnd(specWidth)} ${mean} │${'█'.repeat(filled).padEnd(BAR_WIDTH)}│ ${perThousand(result.hazard)} (${perThousandInterval(result.hazard95)})`;
  });
  return [
    `${capital(eventWords(rule).nouns)} per 1000 replies over mean latency, ${curve.traffic} traffic (95 % interval):`,
    ...lines,
  ].join('\n');
}
