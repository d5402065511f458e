import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { LEVEL, PROBABILITY, parseNumber } from '../options/parse-number.ts';
import { pilotSeconds } from '../planning/pilot.ts';
import { lengthsText, planJson, planText, powerChart } from '../planning/plan-text.ts';
import {
  type AssayCost,
  notebookLengths,
  type PlanGoal,
  powerCurve,
  runPlan,
  soonestLength,
  visibleDrops,
} from '../planning/run-plan.ts';
import { lineChartSvg, lineChartText } from '../stats/line-chart.ts';

interface PlanOptions {
  readonly referenceRate?: string;
  readonly treatmentRate: string;
  readonly alpha: string;
  readonly power: string;
  readonly runs?: string;
  readonly secondsPerRun?: string;
  readonly minutesPerRun?: string;
  readonly pilot?: string;
  readonly arms: string;
  readonly concurrency: string;
  readonly hazard?: string;
  readonly cells: string;
  readonly repliesPerCell: string;
  readonly secondsPerStart: string;
  readonly secondsPerCell: string;
  readonly secondsPerWedge: string;
  readonly simulations: string;
  readonly seed: string;
  readonly svg?: string;
  readonly json?: boolean;
}

const SECONDS = { min: 0, max: 1e6, example: '2' } as const;
const WHOLE = { min: 1, max: 1e6, whole: true, example: '20' } as const;

/** A million of them take minutes; 10,000 give a quantile to within a per cent. */
const SIMULATIONS = { ...WHOLE, min: 100, max: 10_000, example: '2000' } as const;

/** Adds `soak plan`: how many runs, and how long a notebook. */
export function registerPlan(program: Command): void {
  program
    .command('plan')
    .description('Work out how many runs a verdict needs, or which notebook length reaches one soonest')
    .option('--reference-rate <rate>', 'assumed wedge rate without the change, for example 0.3')
    .option('--treatment-rate <rate>', 'assumed wedge rate with it', '0')
    .option('--alpha <level>', 'level of the claim', '0.05')
    .option('--power <share>', 'wanted chance of reaching it', '0.9')
    .option('--runs <n>', 'also say the smallest drop that this many runs of each arm can see')
    .option('--seconds-per-run <s>', 'cost of a run, to print the time that it all takes')
    .option('--minutes-per-run <min>', 'the same in minutes')
    .option('--pilot <dir>', 'take the cost of a run from the report of a short experiment on this machine')
    .option('--arms <n>', 'arms in a block, for the cost', '3')
    .option('--concurrency <n>', 'runs at once, for the cost', '1')
    .option('--hazard <rate>', 'wedges per reply: choose the notebook length')
    .option('--cells <n,…>', 'lengths to choose from', '5,10,20,40,80,160,320')
    .option('--replies-per-cell <n>', 'shell replies for each cell', '1')
    .option('--seconds-per-start <s>', 'cost of launching a kernel', '0.5')
    .option('--seconds-per-cell <s>', 'cost of a cell', '0.03')
    .option('--seconds-per-wedge <s>', 'from a wedge to its verdict', '1.2')
    .option('--simulations <n>', 'simulated experiments of the e-process', '2000')
    .option('--seed <n>', 'seed of the simulation', '1')
    .option('--svg <file>', 'write the power curve as SVG')
    .option('--json', 'print JSON instead of text')
    .action(planAction);
}

async function planAction(options: PlanOptions): Promise<void> {
  const goal = {
    alpha: parseNumber(options.alpha, '--alpha', LEVEL),
    power: parseNumber(options.power, '--power', { ...LEVEL, example: '0.9' }),
    simulations: parseNumber(options.simulations, '--simulations', SIMULATIONS),
    seed: parseNumber(options.seed, '--seed', { ...WHOLE, min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
  if (options.hazard !== undefined) return printLengths(options, goal);
  if (options.referenceRate === undefined) {
    throw new SoakError('missing-rate', 'soak plan needs a rate to plan for.', {
      remedy: 'Give --reference-rate, for example 0.3, or --hazard, the wedges per reply.',
    });
  }
  const planned: PlanGoal = {
    ...goal,
    pReference: parseNumber(options.referenceRate, '--reference-rate', PROBABILITY),
    pTreatment: parseNumber(options.treatmentRate, '--treatment-rate', PROBABILITY),
  };
  const cost = await runCost(options);
  const runs =
    options.runs === undefined ? null : parseNumber(options.runs, '--runs', { ...WHOLE, max: 5000 });
  const plan = runPlan(planned);
  const widest = plan.fisher.oneReference ?? plan.boschloo.oneReference ?? 100;
  const curve = powerCurve(planned, Math.max(20, Math.ceil(widest * 1.5)));
  const drops = runs === null ? [] : visibleDrops(planned, runs);
  const chart = powerChart(planned, curve);
  if (options.svg !== undefined) await writePicture(options.svg, lineChartSvg(chart));
  console.log(
    options.json
      ? JSON.stringify(planJson(plan, curve, drops, cost), null, 2)
      : `${planText(plan, drops, cost)}\n\n${lineChartText(chart)}`,
  );
}

/** Seconds of one block; `null` when no cost was given. */
async function runCost(options: PlanOptions): Promise<{ readonly blockSeconds: number } | null> {
  const given = [
    ['--seconds-per-run', options.secondsPerRun],
    ['--minutes-per-run', options.minutesPerRun],
    ['--pilot', options.pilot],
  ].filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new SoakError(
      'two-costs',
      `${given.map(([flag]) => flag).join(' and ')} say the same thing twice.`,
      {
        remedy: 'Give one of them.',
      },
    );
  }
  const seconds =
    options.secondsPerRun !== undefined
      ? parseNumber(options.secondsPerRun, '--seconds-per-run', SECONDS)
      : options.minutesPerRun !== undefined
        ? 60 * parseNumber(options.minutesPerRun, '--minutes-per-run', SECONDS)
        : options.pilot !== undefined
          ? await pilotSeconds(options.pilot)
          : null;
  const arms = parseNumber(options.arms, '--arms', { ...WHOLE, max: 100, example: '3' });
  const concurrency = parseNumber(options.concurrency, '--concurrency', {
    ...WHOLE,
    max: 1000,
    example: '2',
  });
  return seconds === null ? null : { blockSeconds: (seconds * arms) / concurrency };
}

function printLengths(options: PlanOptions, goal: Omit<PlanGoal, 'pReference' | 'pTreatment'>): void {
  const hazard = parseNumber(options.hazard ?? '', '--hazard', { ...LEVEL, example: '0.012' });
  const cells = options.cells
    .split(',')
    .map((text) => parseNumber(text, '--cells', { ...WHOLE, max: 100_000, example: '10,20,40' }));
  const cost: AssayCost = {
    startSeconds: parseNumber(options.secondsPerStart, '--seconds-per-start', SECONDS),
    cellSeconds: parseNumber(options.secondsPerCell, '--seconds-per-cell', SECONDS),
    wedgeSeconds: parseNumber(options.secondsPerWedge, '--seconds-per-wedge', SECONDS),
  };
  const repliesPerCell = parseNumber(options.repliesPerCell, '--replies-per-cell', {
    min: 0,
    max: 1000,
    excludeMin: true,
    example: '2',
  });
  const lengths = notebookLengths(hazard, cells, repliesPerCell, cost, goal);
  const soonest = soonestLength(lengths);
  console.log(
    options.json
      ? JSON.stringify({ hazard, repliesPerCell, ...goal, cost, lengths, soonest }, null, 2)
      : lengthsText(hazard, lengths, soonest, goal),
  );
}

async function writePicture(file: string, svg: string): Promise<void> {
  try {
    await writeFile(file, svg);
  } catch (cause) {
    throw new SoakError('unwritable', `--svg ${file}: the picture could not be written.`, {
      remedy: 'Give a file in a folder that exists and that you may write to.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}
