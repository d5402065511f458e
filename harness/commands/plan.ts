import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { Options, RawOptions } from '../options/table.ts';
import { pilotSeconds } from '../planning/pilot.ts';
import { claimPowerText, lengthsText, planJson, planText, powerChart } from '../planning/plan-text.ts';
import {
  type AssayCost,
  notebookLengths,
  type PlanGoal,
  powerCurve,
  powerOfClaim,
  type RunPlan,
  runPlan,
  soonestLength,
  visibleDrops,
} from '../planning/run-plan.ts';
import { lineChartText } from '../planning/text-chart.ts';

type PlanOptions = Options<'plan'>;

/** Add `soak plan`: how many runs a verdict needs, or how long a notebook should be. */
export function registerPlan(program: Command): void {
  addOptions(
    program
      .command('plan')
      .description('Work out how many runs a verdict needs, or which notebook length reaches one soonest'),
    'plan',
  ).action((raw: RawOptions<'plan'>) => planAction(parsedOptions('plan', raw)));
}

async function planAction(options: PlanOptions): Promise<void> {
  const { alpha, power, simulations, seed, competing, hazard, referenceRate, runs } = options;
  const goal = { alpha, power, simulations, seed, competing };
  if (hazard !== null) return printLengths(options, hazard, goal);
  if (referenceRate === null) {
    throw new SoakError('missing-rate', 'soak plan needs a rate to plan for.', {
      remedy: 'Give --reference-rate, for example 0.3, or --hazard, the wedges per reply.',
    });
  }
  const planned: PlanGoal = { ...goal, pReference: referenceRate, pTreatment: options.treatmentRate };
  const cost = await runCost(options);
  const plan = runPlan(planned);
  if (competing > 0) return printCompeting(options, plan, cost);
  const widest = plan.fisher?.oneReference ?? plan.boschloo.oneReference ?? 100;
  const curve = powerCurve(planned, Math.max(20, Math.ceil(widest * 1.5)));
  const drops = runs === null ? [] : visibleDrops(planned, runs);
  const chart = powerChart(planned, curve);
  if (options.svg !== null) {
    // Here and not above: drawing takes a library that most plans do without.
    const { lineChartSvg } = await import('../report/figures/line-chart.ts');
    await writePicture(options.svg, lineChartSvg(chart));
  }
  console.log(
    options.json
      ? JSON.stringify(planJson(plan, curve, drops, cost), null, 2)
      : `${planText(plan, drops, cost)}\n\n${lineChartText(chart)}`,
  );
}

/** A plan with competing events: simulated for the whole claim, so without the exact curve. */
function printCompeting(
  { json, runs }: PlanOptions,
  plan: RunPlan,
  cost: { readonly blockSeconds: number } | null,
): void {
  const claim = runs === null ? null : { runsPerArm: runs, power: powerOfClaim(plan.goal, runs, 2) };
  if (json) {
    const none = { fisher: [], boschloo: [] };
    console.log(JSON.stringify({ ...planJson(plan, none, [], cost), claim }, null, 2));
    return;
  }
  const text = planText(plan, [], cost);
  console.log(claim === null ? text : `${text}\n\n${claimPowerText(claim.runsPerArm, claim.power)}`);
}

/** Seconds of one block; `null` when no cost was given. */
async function runCost(options: PlanOptions): Promise<{ readonly blockSeconds: number } | null> {
  const { secondsPerRun, minutesPerRun, pilot, arms, concurrency } = options;
  const seconds =
    secondsPerRun ??
    (minutesPerRun === null ? null : 60 * minutesPerRun) ??
    (pilot === null ? null : await pilotSeconds(pilot));
  return seconds === null ? null : { blockSeconds: (seconds * arms) / concurrency };
}

function printLengths(
  { json, endpoint, cells, repliesPerCell, secondsPerStart, secondsPerCell, secondsPerWedge }: PlanOptions,
  hazard: number,
  goal: Omit<PlanGoal, 'pReference' | 'pTreatment'>,
): void {
  const cost: AssayCost = {
    startSeconds: secondsPerStart,
    cellSeconds: secondsPerCell,
    wedgeSeconds: secondsPerWedge,
  };
  const lengths = notebookLengths(hazard, cells, repliesPerCell, cost, goal);
  const soonest = soonestLength(lengths);
  console.log(
    json
      ? JSON.stringify({ hazard, repliesPerCell, ...goal, cost, lengths, soonest }, null, 2)
      : lengthsText(hazard, lengths, soonest, goal, { endpoint: endpoint ?? undefined }),
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
