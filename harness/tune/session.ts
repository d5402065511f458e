import { sha256 } from '../model/canonical.ts';
import { seededUniform, type Uniform } from '../stats/random.ts';
import { nextCandidate, untried } from './allocation.ts';
import type { Candidate } from './candidates.ts';
import type { TuningBody, TuningPhase, TuningRun } from './record.ts';
import { tuningResults } from './results.ts';
import { tallies } from './tally.ts';

/** What tries a candidate: one fresh kernel, one run. `null` when it was interrupted. */
export type TryCandidate = (
  candidate: Candidate,
  seed: number,
  number: number,
) => Promise<Omit<TuningRun, 'candidate' | 'phase' | 'seed'> | null>;

/** What a session is made from. */
export interface TuningSession {
  readonly candidates: readonly Candidate[];
  readonly seed: number;
  readonly alpha: number;
  readonly budgetMs: number;
  readonly tryCandidate: TryCandidate;
  readonly signal: AbortSignal;
  /** A monotonic clock, milliseconds. */
  readonly nowMs: () => number;
  /** Called and awaited after each run, with all runs so far, so that they are on disk before the next run. */
  readonly onRun: (runs: readonly TuningRun[], chosen: number | null) => Promise<void>;
  readonly onStart?: (candidate: Candidate, phase: TuningPhase) => void;
}

/** Share of the budget that is kept for fresh runs of the chosen setting, whose rate is not biased by the choice. */
const CONFIRM_SHARE = 0.2;

// A rate from fewer fresh runs says too little to be worth their time.
const MIN_CONFIRM_RUNS = 3;

/** The seed of the `nth` run of a candidate: the same whatever else was run before. */
function runSeed(seed: number, candidate: number, nth: number): number {
  return Number.parseInt(sha256(`tune/${seed}/${candidate}/${nth}`).slice(0, 8), 16);
}

function shuffled(indices: readonly number[], uniform: Uniform): number[] {
  // Fisher–Yates (Durstenfeld 1964): every order is equally likely.
  const order = [...indices];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(uniform() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined && b !== undefined) [order[last], order[other]] = [b, a];
  }
  return order;
}

/**
 * Spend the budget: every candidate once in a seeded order, then the search, then fresh runs of the chosen setting, one
 * run at a time. A run that has begun is finished, so the end may be some seconds late.
 *
 * @returns the runs, the choice, and whether it was interrupted; what was recorded before stays valid
 */
export async function tune(session: TuningSession): Promise<Pick<TuningBody, 'runs' | 'chosen' | 'end'>> {
  const { candidates, signal, nowMs } = session;
  const startedMs = nowMs();
  const runs: TuningRun[] = [];
  let chosen: number | null = null;

  const tryOne = async (candidate: number, phase: TuningPhase): Promise<boolean> => {
    const setting = candidates[candidate];
    if (setting === undefined || signal.aborted) return false;
    const nth = runs.filter((run) => run.candidate === candidate).length;
    const seed = runSeed(session.seed, candidate, nth);
    session.onStart?.(setting, phase);
    const result = await session.tryCandidate(setting, seed, runs.length);
    if (result === null) return false;
    runs.push({ candidate, phase, seed, ...result });
    await session.onRun(runs, chosen);
    return true;
  };
  const meanRunMs = () => (runs.reduce((sum, { seconds }) => sum + seconds, 0) * 1000) / (runs.length || 1);
  const timeFor = (endMs: number) => nowMs() + meanRunMs() <= endMs;
  const searchEndMs = startedMs + session.budgetMs * (1 - CONFIRM_SHARE);

  for (const candidate of shuffled(untried(candidates, []), seededUniform(session.seed, 'tune screen'))) {
    if (!timeFor(searchEndMs) || !(await tryOne(candidate, 'screen'))) break;
  }
  const uniform = seededUniform(session.seed, 'tune search');
  for (let turn = 0; timeFor(searchEndMs) && !signal.aborted; turn += 1) {
    const next = nextCandidate(candidates, tallies(candidates.length, runs), turn, uniform);
    if (next === null || !(await tryOne(next, 'search'))) break;
  }
  if (!signal.aborted) {
    const choice = tuningResults({ candidates: [...candidates], runs, alpha: session.alpha }).chosen;
    chosen = choice?.index ?? null;
    if (choice !== null) {
      const leftMs = startedMs + session.budgetMs - nowMs();
      // Fixed before the first of them: a number that depended on how they go would bias their rate.
      const planned = Math.max(MIN_CONFIRM_RUNS, Math.floor(leftMs / 1000 / (choice.secondsPerRun ?? 1)));
      for (let i = 0; i < planned; i += 1) if (!(await tryOne(choice.index, 'confirm'))) break;
    }
  }
  if (signal.aborted && chosen === null) {
    chosen = tuningResults({ candidates: [...candidates], runs, alpha: session.alpha }).chosen?.index ?? null;
  }
  return { runs, chosen, end: signal.aborted ? 'interrupted' : 'finished' };
}
