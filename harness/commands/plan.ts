import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type EndpointRule, endpointRule } from '../model/endpoint.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { fittedText } from '../model/wrapped.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import { decisionLevel } from '../options/levels.ts';
import type { Options, RawOptions } from '../options/table.ts';
import { type Pilot, pilotRate, pilotText, readPilot } from '../planning/pilot.ts';
import {
  type AdviceContext,
  adviceText,
  claimPowerText,
  lengthsText,
  planJson,
  planText,
  powerChart,
} from '../planning/plan-text.ts';
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
import { eventWords } from '../report/endpoint-words.ts';

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
  const { power, simulations, seed, competing, hazard, referenceRate, runs } = options;
  const goal = {
    alpha: decisionLevel(options.alpha, false),
    alphaUntilDecided: decisionLevel(options.alpha, true),
    power,
    simulations,
    seed,
    competing,
  };
  const chosen = await chosenRule(options);
  const pilot = options.pilot === null ? null : await readPilot(options.pilot, chosen);
  const rule = pilot?.rule ?? chosen ?? {};
  if (hazard !== null) return printLengths(options, hazard, goal, rule);
  const pReference = referenceRate ?? (pilot === null ? refuseWithoutRate(rule) : pilotRate(pilot));
  const planned: PlanGoal = { ...goal, pReference, pTreatment: options.treatmentRate };
  const context: PlanContext = {
    rule,
    cost: blockCost(options, pilot),
    pilot,
    lead: pilot === null ? '' : `${pilotText(pilot, goal, referenceRate === null)}\n\n`,
    givenAlpha: options.alpha,
    defaultMaxRuns: parsedOptions('run', { untilDecided: true }).maxRuns,
  };
  const plan = runPlan(planned);
  if (competing > 0) return printCompeting(options, plan, context);
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
      ? JSON.stringify(planJson(plan, curve, drops, context), null, 2)
      : fittedText(`${planWords(plan, drops, context)}\n\n${lineChartText(chart)}`),
  );
}

/** A plan with competing events: simulated for the whole claim, so without the exact curve. */
function printCompeting({ json, runs }: PlanOptions, plan: RunPlan, context: PlanContext): void {
  const claim = runs === null ? null : { runsPerArm: runs, power: powerOfClaim(plan.goal, runs, 2) };
  if (json) {
    const none = { fisher: [], boschloo: [] };
    console.log(JSON.stringify({ ...planJson(plan, none, [], context), claim }, null, 2));
    return;
  }
  const text = planWords(plan, [], context);
  console.log(
    fittedText(claim === null ? text : `${text}\n\n${claimPowerText(claim.runsPerArm, claim.power)}`),
  );
}

/** The advice, what the pilot showed, and the table. */
function planWords(plan: RunPlan, drops: ReturnType<typeof visibleDrops>, context: PlanContext): string {
  return `${adviceText(plan, context)}\n\n${context.lead}${planText(plan, drops, context.cost, context.rule)}`;
}

function refuseWithoutRate(rule: EndpointRule): never {
  throw new SoakError('missing-rate', 'soak plan needs a rate to plan for.', {
    remedy: `Give --reference-rate, for example 0.3, or --pilot with the folder of a short experiment, or --hazard, the ${eventWords(rule).nouns} per reply.`,
  });
}

/** The event that was named, with its limits; `null`: none was. @throws SoakError `bad-option` */
async function chosenRule({
  endpoint,
  slowAfterMs,
  memoryAboveBytes,
}: PlanOptions): Promise<EndpointRule | null> {
  // Here and not above: it reads options of experiments, which most plans do without.
  const { assertEndpointFits } = await import('../experiment/endpoint-options.ts');
  const timeoutSeconds = Number.POSITIVE_INFINITY;
  assertEndpointFits({ endpoint, slowAfterMs, memoryAboveBytes, also: null, timeoutSeconds });
  if (endpoint === null) return null;
  return endpointRule({
    endpoint,
    slowAfterMs: slowAfterMs ?? undefined,
    memoryAboveBytes: memoryAboveBytes ?? undefined,
  });
}

/** What a plan is made with, besides its goal. */
interface PlanContext extends AdviceContext {
  readonly pilot: Pilot | null;
  /** What the pilot showed, with the empty line that follows; empty without a pilot. */
  readonly lead: string;
}

/** Seconds of one block; `null` when no cost was given. */
function blockCost(options: PlanOptions, pilot: Pilot | null): PlanContext['cost'] {
  const { secondsPerRun, minutesPerRun, arms, concurrency } = options;
  const seconds =
    secondsPerRun ?? (minutesPerRun === null ? null : 60 * minutesPerRun) ?? pilot?.seconds ?? null;
  return seconds === null ? null : { blockSeconds: (seconds * arms) / concurrency };
}

function printLengths(
  { json, cells, repliesPerCell, secondsPerStart, secondsPerCell, secondsPerWedge }: PlanOptions,
  hazard: number,
  goal: Omit<PlanGoal, 'pReference' | 'pTreatment'>,
  rule: EndpointRule,
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
      : fittedText(lengthsText(hazard, lengths, soonest, goal, rule)),
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
