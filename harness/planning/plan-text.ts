import type { EndpointRule } from '../model/endpoint.ts';
import { wrapped } from '../model/wrapped.ts';
import { endpointName, eventWords, isAboutWedges } from '../report/endpoint-words.ts';
import type { LineChart } from '../report/figures/line-chart.ts';
import { counted, duration, percent } from '../report/format-number.ts';
import { textTable } from '../report/text-table.ts';
import type { ExactTest } from '../stats/power.ts';
import type { Pilot } from './pilot.ts';
import {
  MAX_BLOCKS,
  MAX_RUNS,
  type NotebookLength,
  type PlanGoal,
  type PowerPoint,
  type RunPlan,
  type visibleDrops,
} from './run-plan.ts';

type Curves = Readonly<Record<ExactTest, readonly PowerPoint[]>>;
type Drops = ReturnType<typeof visibleDrops>;
type BlockCost = { readonly blockSeconds: number } | null;

/** What `soak plan` prints above the power curve. */
export function planText(plan: RunPlan, drops: Drops, cost: BlockCost, rule: EndpointRule): string {
  const { goal, eProcess } = plan;
  const time = (blocks: number | null) =>
    cost === null || blocks === null ? '' : duration(blocks * cost.blockSeconds * 1000);
  const fixed = (runs: number | null) => (runs === null ? `more than ${MAX_RUNS}` : String(runs));
  const blocks = (found: number | null) => (found === null ? `not by ${MAX_BLOCKS}` : String(found));
  const rows = [
    ['', 'one reference', 'control and sham', ...(cost === null ? [] : ['time for both'])],
    ...(plan.fisher === null
      ? []
      : [
          [
            'Fisher, fixed size',
            fixed(plan.fisher.oneReference),
            fixed(plan.fisher.controlAndSham),
            time(plan.fisher.controlAndSham),
          ],
        ]),
    [
      'Boschloo, fixed size',
      fixed(plan.boschloo.oneReference),
      fixed(plan.boschloo.controlAndSham),
      time(plan.boschloo.controlAndSham),
    ],
    [
      'e-process, median',
      blocks(eProcess.oneReference.median),
      blocks(eProcess.controlAndSham.median),
      time(eProcess.controlAndSham.median),
    ],
    [
      'e-process, 90 % by',
      blocks(eProcess.oneReference.p90),
      blocks(eProcess.controlAndSham.p90),
      time(eProcess.controlAndSham.p90),
    ],
  ];
  const title = `Runs of each arm to find ${percent(goal.pTreatment)} below ${percent(goal.pReference)} at α = ${goal.alpha} (fixed sizes: ${percent(goal.power)} power)`;
  const notes =
    goal.pTreatment >= goal.pReference
      ? ['The treatment is not assumed to be below the reference: no number of runs will show that it is.']
      : [
          '"Control and sham" is what the verdict `fixes` needs: the treatment below both.',
          'The e-process may stop after any block; a fixed size must be run to its end.',
          ...competingNotes(goal),
        ];
  const event = isAboutWedges(rule)
    ? []
    : [wrapped(`The event is ${endpointName(rule)}. ${eventWords(rule).definition}`)];
  const seen = drops.map(({ test, runsPerArm, visible }) =>
    visible === null
      ? `${runsPerArm} runs of each arm do not even see a drop to zero with ${percent(goal.power)} power (${test}).`
      : `${runsPerArm} runs of each arm see a drop of ${(visible.drop * 100).toFixed(1)} points, to ${percent(visible.pTreatment)}, with ${percent(goal.power)} power (${test}).`,
  );
  return [
    title,
    '',
    ...textTable(rows, (column) => column > 0),
    ...event,
    ...notes,
    ...(seen.length === 0 ? [] : ['', ...seen]),
  ].join('\n');
}

function competingNotes({ competing }: PlanGoal): string[] {
  if (competing === 0) return [];
  return [
    `In every arm, ${percent(competing)} of the runs are assumed to end otherwise (competing events). The rates are those of the other runs.`,
    'The claim needs the event, and the event or a competing event together, to be rarer, and no greater share of competing events. Its power is simulated.',
  ];
}

/** The power of the claim at one size, with competing events. */
export function claimPowerText(runs: number, power: number): string {
  return `${counted(runs, 'run')} of each arm reach the claim against control and sham with ${percent(power)} power.`;
}

/** What `soak plan --hazard` prints. */
export function lengthsText(
  hazard: number,
  lengths: readonly NotebookLength[],
  soonest: NotebookLength | null,
  goal: Pick<PlanGoal, 'alpha'>,
  rule: EndpointRule,
): string {
  const words = eventWords(rule);
  const rows = [
    ['cells', words.rate, 'blocks (median)', 'blocks (90 % by)', 'a block', 'verdict (90 % by)'],
    ...lengths.map((length) => [
      String(length.cells),
      percent(length.pReference),
      length.medianBlocks === null ? `not by ${MAX_BLOCKS}` : String(length.medianBlocks),
      length.p90Blocks === null ? `not by ${MAX_BLOCKS}` : String(length.p90Blocks),
      duration(length.blockSeconds * 1000),
      length.p90Seconds === null
        ? ''
        : `${duration(length.p90Seconds * 1000)}${length === soonest ? '  ← soonest' : ''}`,
    ]),
  ];
  return [
    `Notebook length at ${hazard} ${words.nouns} per reply, e-process at α = ${goal.alpha}, control and sham and a treatment that never ${words.present}`,
    '',
    ...textTable(rows, (column) => column > 0),
    soonest === null
      ? 'None of these lengths reaches a verdict: make the assay more sensitive first (soak tune).'
      : `${counted(soonest.cells, 'cell')} ${soonest.cells === 1 ? 'reaches' : 'reach'} a verdict soonest.`,
  ].join('\n');
}

/** The power curve, for the terminal and as SVG. */
export function powerChart(goal: PlanGoal, curves: Curves): LineChart {
  const last = curves.fisher.at(-1)?.runsPerArm ?? 1;
  const points = (curve: readonly PowerPoint[]) =>
    curve.map(({ runsPerArm, power }) => [runsPerArm, power] as const);
  return {
    title: `Power to find ${percent(goal.pTreatment)} below ${percent(goal.pReference)} at α = ${goal.alpha}`,
    xLabel: 'runs of each arm',
    yLabel: 'power against one reference',
    xRange: [0, last],
    yRange: [0, 1],
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * last)),
    yTicks: [0, 0.25, 0.5, 0.75, 1],
    formatX: String,
    formatY: (power) => `${Math.round(power * 100)} %`,
    levels: [goal.power],
    curves: [
      { name: 'Boschloo', points: points(curves.boschloo) },
      { name: 'Fisher', points: points(curves.fisher) },
    ],
  };
}

/** What `soak plan --json` prints, a published format. */
export function planJson(
  plan: RunPlan,
  curves: Curves,
  drops: Drops,
  {
    rule,
    cost,
    pilot,
  }: { readonly rule: EndpointRule; readonly cost: BlockCost; readonly pilot: Pilot | null },
) {
  const { pReference, pTreatment, alpha, power } = plan.goal;
  const needed = (runsPerArm: number | null) => [{ pReference, pTreatment, alpha, power, runsPerArm }];
  const powers = (curve: readonly PowerPoint[]) =>
    curve.map((point) => ({
      pReference,
      pTreatment,
      runsPerArm: point.runsPerArm,
      alpha,
      power: point.power,
    }));
  const minutes = (blocks: number | null) =>
    cost === null || blocks === null ? null : (blocks * cost.blockSeconds) / 60;
  return {
    ...plan.goal,
    endpoint: endpointName(rule),
    ...(pilot === null ? {} : { pilot: { seconds: pilot.seconds, control: pilot.control } }),
    runsNeededFisherLess: needed(plan.fisher?.oneReference ?? null),
    runsNeededBoschlooLess: needed(plan.boschloo.oneReference),
    controlAndSham: {
      runsNeededFisherLess: needed(plan.fisher?.controlAndSham ?? null),
      runsNeededBoschlooLess: needed(plan.boschloo.controlAndSham),
    },
    eProcess: plan.eProcess,
    minutes:
      cost === null
        ? null
        : {
            fisher: minutes(plan.fisher?.controlAndSham ?? null),
            boschloo: minutes(plan.boschloo.controlAndSham),
            eProcessMedian: minutes(plan.eProcess.controlAndSham.median),
            eProcessP90: minutes(plan.eProcess.controlAndSham.p90),
          },
    smallestDrop: drops,
    powerFisherLess: powers(curves.fisher),
    powerBoschlooLess: powers(curves.boschloo),
  };
}
