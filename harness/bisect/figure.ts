import * as Plot from '@observablehq/plot';
import { cleanLine } from '../model/clean-text.ts';
import { eventWords, uncapital } from '../report/endpoint-words.ts';
import { frame, TITLE_ROOM, X_AXIS } from '../report/figures/chart-parts.ts';
import type { FigurePlan } from '../report/figures/svg.ts';
import { percent } from '../report/format-number.ts';
import { seriesColour } from '../report/palette.ts';
import type { BisectProtocol } from './journal.ts';
import type { BisectState } from './results.ts';

const LABEL_LENGTH = 16;
const ROW_HEIGHT = 26;

/** What may have changed with a release, and how probable that is. */
interface Bar {
  readonly row: string;
  readonly what: 'brought' | 'cured';
  readonly probability: number;
}

/** The rows of the figure: the releases, and the belief that a label of the ends is wrong. */
function bars({ releases, bad }: BisectProtocol, { belief }: BisectState): { rows: string[]; bars: Bar[] } {
  const { brought, cured } = belief.posterior;
  const rows: string[] = [];
  const all: Bar[] = [];
  const add = (row: string, what: Bar['what'], probability: number) => {
    rows.push(row);
    all.push({ row, what, probability });
  };
  const names = releases.map((name) => cleanLine(name, LABEL_LENGTH));
  brought.forEach((probability, release) => {
    add(release === 0 ? `${names[0]} or before` : (names[release] ?? ''), 'brought', probability);
  });
  cured.forEach((probability, index) => {
    const release = bad + 1 + index;
    add(release === releases.length ? `after ${names.at(-1)}` : (names[release] ?? ''), 'cured', probability);
  });
  return { rows, bars: all };
}

/** The posterior of the change points, a bar a release, with what its runs showed. */
export function posteriorPlan(protocol: BisectProtocol, state: BisectState): FigurePlan {
  const { rows, bars: all } = bars(protocol, state);
  const words = (what: Bar['what']) =>
    all
      .filter((bar) => bar.what === what)
      .map(({ row, probability }) => `${row} ${percent(probability)}`)
      .join(', ');
  const cured = words('cured');
  const { fault, runsOf } = eventWords(protocol);
  const counts = rows.map((row, index) => {
    const tally = state.tallies[index];
    return { row, label: tally === undefined ? '' : `${tally.wedged}/${tally.runs}` };
  });
  return {
    name: 'posterior',
    title: `Which release of ${cleanLine(protocol.package, 40)} changed it`,
    alternative: `Posterior probability that each release brought the ${fault}: ${words('brought')}.${cured === '' ? '' : ` That it cured it: ${cured}.`} ${runsOf} each: ${counts.flatMap(({ row, label }) => (label === '' ? [] : [`${row} ${label}`])).join(', ')}.`,
    drawing: (palette) => ({
      ...frame(
        rows.length * ROW_HEIGHT + TITLE_ROOM + 48,
        24 + 7 * Math.max(...rows.map((row) => row.length)),
      ),
      marginRight: 130,
      x: { domain: [0, 1], label: null },
      y: { domain: rows, label: null, padding: 0.28 },
      marks: [
        Plot.gridX({ stroke: palette.rule, strokeOpacity: 1, ticks: 5 }),
        Plot.axisX({
          ...X_AXIS,
          color: palette.ink,
          ticks: 5,
          label: `Posterior probability; right: ${uncapital(runsOf)} valid runs`,
          labelOffset: 38,
          tickFormat: (share: number) => `${Math.round(share * 100)} %`,
        }),
        Plot.axisY({ color: palette.ink, tickSize: 0, fontSize: 13 }),
        Plot.barX(all, {
          y: 'row',
          x: 'probability',
          fill: ({ what }: Bar) => seriesColour(palette, what === 'brought' ? 0 : 2),
        }),
        // A name at each bar that can be seen, within a long one: no legend, and no reliance on colour.
        ...[true, false].map((isLong) =>
          Plot.text(
            all.filter(({ probability }) => probability >= 0.005 && probability > 0.6 === isLong),
            {
              y: 'row',
              x: 'probability',
              text: ({ what, probability }: Bar) => `${what} it: ${percent(probability)}`,
              textAnchor: isLong ? 'end' : 'start',
              dx: isLong ? -6 : 6,
              fontSize: 12,
              fill: isLong ? palette.paper : palette.ink,
            },
          ),
        ),
        Plot.text(counts, {
          y: 'row',
          x: () => 1,
          text: 'label',
          textAnchor: 'start',
          dx: 14,
          fontSize: 12,
          fill: palette.muted,
        }),
      ],
    }),
  };
}
