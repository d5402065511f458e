import type { EndpointRule } from '../model/endpoint.ts';
import { wrapped } from '../model/wrapped.ts';
import { endpointName, endpointOptions, eventWords, isAboutWedges } from '../report/endpoint-words.ts';
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

/** What an advice needs besides the plan. */
export interface AdviceContext {
  readonly rule: EndpointRule;
  readonly cost: BlockCost;
  /** The level that was given and has to be given again; `null`: the run's own. */
  readonly givenAlpha: number | null;
  /** The limit that an experiment until decided has by itself, in runs of each arm. */
  readonly defaultMaxRuns: number;
}

/** What to do, in a sentence: it stands before the figures. */
export function adviceText({ goal, eProcess }: RunPlan, context: AdviceContext): string {
  const { rule, cost, givenAlpha, defaultMaxRuns } = context;
  const { median, p90 } = eProcess.controlAndSham;
  if (goal.pTreatment >= goal.pReference) {
    return wrapped(
      'There is nothing to run: the treatment is not assumed to be below the reference. No number of runs will show that it is.',
    );
  }
  if (median === null) {
    return wrapped(
      `Do not begin yet: at these rates, half of the experiments would not be decided within ${MAX_BLOCKS} runs of each arm. ${eventWords(rule).advice}`,
    );
  }
  const limit = p90 ?? MAX_BLOCKS;
  const flags = [
    '--until-decided',
    ...(givenAlpha === null ? [] : [`--alpha ${givenAlpha}`]),
    ...(limit > defaultMaxRuns ? [`--max-runs ${roundedUp(limit)}`] : []),
    endpointOptions(rule),
  ].filter((flag) => flag !== '');
  const seldom =
    p90 === null
      ? `more than ${MAX_BLOCKS} in one experiment of ten or more`
      : `seldom more than ${p90} (one experiment in ten)`;
  const time = cost === null ? '' : `, ${minutesWords(median, p90, cost.blockSeconds)}`;
  return wrapped(
    `Run it with ${flags.join(' ')}: about ${counted(median, 'run')} of each arm, ${seldom}${time}.`,
  );
}

/** Two digits, rounded up: a limit that is easy to read. */
function roundedUp(runs: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(runs)) - 1);
  return Math.ceil(runs / step) * step;
}

/** `1 to 2 minutes`, `about 40 minutes`, `2 to 3 hours`. */
function minutesWords(median: number, p90: number | null, blockSeconds: number): string {
  const minutes = (blocks: number) => Math.max(1, Math.round((blocks * blockSeconds) / 60));
  const [from, to] = [minutes(median), minutes(p90 ?? median)];
  const isHours = from >= 120;
  const [a, b] = isHours ? [Math.round(from / 60), Math.round(to / 60)] : [from, to];
  const unit = isHours ? 'hour' : 'minute';
  return a === b ? `about ${counted(a, unit)}` : `${a} to ${counted(b, unit)}`;
}

/** What `soak plan` prints between its advice and the power curve. */
export function planText(plan: RunPlan, drops: Drops, cost: BlockCost, rule: EndpointRule): string {
  const { goal, eProcess } = plan;
  const time = (blocks: number | null) =>
    cost === null ? [] : [blocks === null ? '' : duration(blocks * cost.blockSeconds * 1000)];
  const fixed = (runs: number | null) => (runs === null ? `more than ${MAX_RUNS}` : String(runs));
  const blocks = (found: number | null) => (found === null ? `not by ${MAX_BLOCKS}` : String(found));
  const rows = [
    ['', 'one reference', 'control and sham', ...(cost === null ? [] : ['time for both']), 'level α'],
    ...(plan.fisher === null
      ? []
      : [
          [
            'Fisher, fixed size',
            fixed(plan.fisher.oneReference),
            fixed(plan.fisher.controlAndSham),
            ...time(plan.fisher.controlAndSham),
            String(goal.alpha),
          ],
        ]),
    [
      'Boschloo, fixed size',
      fixed(plan.boschloo.oneReference),
      fixed(plan.boschloo.controlAndSham),
      ...time(plan.boschloo.controlAndSham),
      String(goal.alpha),
    ],
    [
      'e-process, median',
      blocks(eProcess.oneReference.median),
      blocks(eProcess.controlAndSham.median),
      ...time(eProcess.controlAndSham.median),
      String(goal.alphaUntilDecided),
    ],
    [
      'e-process, 90 % by',
      blocks(eProcess.oneReference.p90),
      blocks(eProcess.controlAndSham.p90),
      ...time(eProcess.controlAndSham.p90),
      String(goal.alphaUntilDecided),
    ],
  ];
  const title = `Runs of each arm to find ${percent(goal.pTreatment)} below ${percent(goal.pReference)} (fixed sizes: ${percent(goal.power)} power)`;
  const notes =
    goal.pTreatment >= goal.pReference
      ? []
      : [
          '"Control and sham" is what the verdict `fixes` needs: the treatment below both.',
          'The e-process is what --until-decided runs: it may stop after any block. A fixed size must be run to its end.',
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
  goal: Pick<PlanGoal, 'alphaUntilDecided'>,
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
    `Notebook length at ${hazard} ${words.nouns} per reply, e-process at α = ${goal.alphaUntilDecided}, control and sham and a treatment that never ${words.present}`,
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
