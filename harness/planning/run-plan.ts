import { claimPower } from '../stats/claim-power.ts';
import { decisionQuantile, decisionTimes } from '../stats/decision-times.ts';
import {
  type AssumedRates,
  EXACT_TESTS,
  type ExactTest,
  exactPower,
  rejectionRegion,
  runsNeeded,
  smallestVisibleDrop,
} from '../stats/power.ts';

/** What a plan is made for. */
export interface PlanGoal extends AssumedRates {
  /** Level of an experiment of fixed size. */
  readonly alpha: number;
  /** Level of an experiment that runs until decided. */
  readonly alphaUntilDecided: number;
  /** Probability of reaching the claim if the rates are as assumed. */
  readonly power: number;
  readonly simulations: number;
  readonly seed: number;
  /** Share of every arm's runs that is assumed to end in a competing event; 0: none. The rates are of the others. */
  readonly competing: number;
}

/** Runs needed; `null` where no number up to the planner's limit suffices. */
export interface NeededRuns {
  /** Below one reference. */
  readonly oneReference: number | null;
  /** Below control and sham, both of the reference's rate: what `fixes` needs. */
  readonly controlAndSham: number | null;
}

export interface BlockQuantiles {
  readonly median: number | null;
  readonly p90: number | null;
  /** Share of the simulated experiments that decided within `MAX_BLOCKS`. */
  readonly decided: number;
}

export interface RunPlan {
  readonly goal: PlanGoal;
  /** Exact; `null` with competing events, where the claim is judged by Boschloo's test alone. */
  readonly fisher: NeededRuns | null;
  /** Exact without competing events; with them, simulated for the whole claim (docs/endpoints.md). */
  readonly boschloo: NeededRuns;
  /** Blocks of the e-process, simulated. */
  readonly eProcess: { readonly oneReference: BlockQuantiles; readonly controlAndSham: BlockQuantiles };
}

/** Beyond this many runs an arm a plan says "more than": another assay is needed, not more patience. */
export const MAX_RUNS = 2000;
export const MAX_BLOCKS = 3000;

export function runPlan(goal: PlanGoal): RunPlan {
  const eProcess = { oneReference: blockQuantiles(goal, 1), controlAndSham: blockQuantiles(goal, 2) };
  if (goal.competing > 0) {
    const boschloo = { oneReference: claimRuns(goal, 1), controlAndSham: claimRuns(goal, 2) };
    return { goal, fisher: null, boschloo, eProcess };
  }
  const needed = (test: ExactTest): NeededRuns => {
    const runs = (references: number) =>
      runsNeeded(test, goal, goal.alpha, goal.power, { maxRuns: MAX_RUNS, references });
    return { oneReference: runs(1), controlAndSham: runs(2) };
  };
  return {
    goal,
    fisher: needed('fisher'),
    boschloo: needed('boschloo'),
    eProcess,
  };
}

/**
 * Power of the whole claim with competing events in every arm: below each reference on the endpoint and on the
 * composite, with no greater share of competing events.
 */
export function powerOfClaim(goal: PlanGoal, runs: number, references: 1 | 2): number {
  const { competing, alpha, seed, simulations } = goal;
  const arm = (rate: number) => ({ runs, event: rate * (1 - competing), competing });
  const arms = {
    references: new Array(references).fill(arm(goal.pReference)),
    treatment: arm(goal.pTreatment),
  };
  return claimPower([arms], { test: 'boschloo', alpha, seed, simulations });
}

/** The fewest runs of each arm at which the claim has the wanted power; `null`: more than `MAX_RUNS`. */
function claimRuns(goal: PlanGoal, references: 1 | 2): number | null {
  if (goal.pTreatment >= goal.pReference) return null;
  const isEnough = (runs: number) => powerOfClaim(goal, runs, references) >= goal.power;
  let enough = 4;
  while (!isEnough(enough)) {
    if (enough >= MAX_RUNS) return null;
    enough = Math.min(MAX_RUNS, 2 * enough);
  }
  let short = Math.floor(enough / 2);
  while (enough - short > 1) {
    const middle = Math.floor((enough + short) / 2);
    if (isEnough(middle)) enough = middle;
    else short = middle;
  }
  return enough;
}

function blockQuantiles(goal: PlanGoal, references: 1 | 2): BlockQuantiles {
  const { simulations, seed, alphaUntilDecided, competing } = goal;
  // Nothing to wait for where nothing differs: a tenth of the blocks shows how rarely it decides.
  const maxBlocks = goal.pTreatment < goal.pReference ? MAX_BLOCKS : MAX_BLOCKS / 10;
  const times = decisionTimes(goal, alphaUntilDecided, {
    simulations,
    maxBlocks,
    seed,
    references,
    competing,
    bets: 'cure',
  });
  return {
    median: decisionQuantile(times, 0.5),
    p90: decisionQuantile(times, 0.9),
    decided: times.blocks.length / simulations,
  };
}

/** Power at one number of runs an arm, against one reference. */
export interface PowerPoint {
  readonly runsPerArm: number;
  readonly power: number;
}

/** Exact power at `points` numbers of runs from 1 to `maxRuns`, by test. */
export function powerCurve(
  goal: PlanGoal,
  maxRuns: number,
  points = 60,
): Readonly<Record<ExactTest, readonly PowerPoint[]>> {
  const step = Math.max(1, Math.ceil(maxRuns / points));
  const curve = (test: ExactTest) =>
    Array.from({ length: Math.ceil(maxRuns / step) }, (_, i) => {
      const runsPerArm = Math.min(maxRuns, (i + 1) * step);
      const runs = { reference: runsPerArm, treatment: runsPerArm };
      return { runsPerArm, power: exactPower(test, goal, runs, goal.alpha) };
    });
  return { fisher: curve('fisher'), boschloo: curve('boschloo') };
}

/** What a given number of runs an arm can see from the goal's reference rate, with the goal's power. */
export function visibleDrops(goal: PlanGoal, runsPerArm: number) {
  return EXACT_TESTS.map((test) => ({
    test,
    runsPerArm,
    visible: smallestVisibleDrop(
      rejectionRegion(test, runsPerArm, runsPerArm, goal.alpha),
      runsPerArm,
      goal.pReference,
      goal.power,
    ),
  }));
}

/** What the runs of an assay cost, seconds. */
export interface AssayCost {
  /** Of a run before its first cell: launch and handshake. */
  readonly startSeconds: number;
  readonly cellSeconds: number;
  /** From a wedge to its verdict. */
  readonly wedgeSeconds: number;
}

/** A notebook length, and what a verdict with it takes. */
export interface NotebookLength {
  readonly cells: number;
  /** Wedge probability of a run without the change: 1 − (1 − hazard)^replies. */
  readonly pReference: number;
  readonly medianBlocks: number | null;
  readonly p90Blocks: number | null;
  /** Expected seconds of a block of control, sham and a treatment that never wedges, one run at a time. */
  readonly blockSeconds: number;
  /** Seconds to a verdict by the 90th percentile of blocks; `null` when fewer decide. */
  readonly p90Seconds: number | null;
}

/**
 * Which length of notebook reaches a verdict soonest with the e-process, when every reply wedges with the
 * same small probability. Longer notebooks wedge more often and so need fewer blocks, but each costs more.
 *
 * @param hazard wedges per reply, above 0 and below 1
 */
export function notebookLengths(
  hazard: number,
  cells: readonly number[],
  repliesPerCell: number,
  cost: AssayCost,
  goal: Omit<PlanGoal, 'pReference' | 'pTreatment'>,
): NotebookLength[] {
  return cells.map((length) => {
    const survival = (1 - hazard) ** repliesPerCell;
    const pReference = 1 - survival ** length;
    const rates = { pReference, pTreatment: 0 };
    const times = decisionTimes(rates, goal.alphaUntilDecided, {
      simulations: goal.simulations,
      maxBlocks: MAX_BLOCKS,
      seed: goal.seed,
      bets: 'cure',
      references: 2,
      competing: goal.competing,
    });
    // Cells that a reference run is expected to finish before it wedges: the sum of survival over cells.
    const finished = (survival * (1 - survival ** length)) / (1 - survival);
    const reference = cost.startSeconds + finished * cost.cellSeconds + pReference * cost.wedgeSeconds;
    const treatment = cost.startSeconds + length * cost.cellSeconds;
    const blockSeconds = 2 * reference + treatment;
    const p90Blocks = decisionQuantile(times, 0.9);
    return {
      cells: length,
      pReference,
      medianBlocks: decisionQuantile(times, 0.5),
      p90Blocks,
      blockSeconds,
      p90Seconds: p90Blocks === null ? null : p90Blocks * blockSeconds,
    };
  });
}

/** The length with the fewest seconds to a verdict; `null` when none reaches one. */
export function soonestLength(lengths: readonly NotebookLength[]): NotebookLength | null {
  let soonest: NotebookLength | null = null;
  for (const length of lengths) {
    if (length.p90Seconds === null) continue;
    if (soonest?.p90Seconds == null || length.p90Seconds < soonest.p90Seconds) soonest = length;
  }
  return soonest;
}
