import type { Notebook } from '../frontend/notebook.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { RunFault } from '../model/errors.ts';
import type { Outcome } from '../model/outcome.ts';
import type { RunOrder } from '../stats/schedule.ts';
import type { MemoryMeter } from './memory-meter.ts';
import { runBoundMs, startBound } from './run-bound.ts';
import type { RunContext } from './run-context.ts';
import { faultOutcome } from './run-outcome.ts';
import {
  type Findings,
  type Measured,
  NOTHING_FOUND,
  NOTHING_MEASURED,
  type RunResult,
  runRecord,
} from './run-record.ts';

/** A kernel, and what executes the notebook in it: the harness's own front end, or a client that is a program. */
export interface LaunchedRun {
  /**
   * Take the notebook through.
   *
   * @param over aborted when the run is over, whatever ended it
   * @returns the outcome, or `null` once `over` is aborted
   * @throws RunFault when the harness could not observe the run
   */
  outcome(over: AbortSignal): Promise<Outcome | null>;
  /**
   * End every process, and remove what they leave.
   *
   * @returns what could not be cleaned up, a sentence each
   * @throws when the harness cannot clean up
   */
  end(): Promise<readonly string[]>;
  /** Samples the kernel's memory. `null`: nobody asks for it. */
  readonly memory: MemoryMeter | null;
  /** What was measured until the outcome was known; complete after `end`. */
  readonly measured: Measured;
  /** What is known besides; complete after `end`. */
  readonly findings: Findings;
  /** Remove what of the notebook lies in files. */
  discard(): Promise<void>;
}

/**
 * Launch a fresh kernel, take the notebook through it, and say what happened. Never retries. Every process, folder and
 * port of the run is gone when this resolves, except what the record says is left. If something of the harness's own
 * stops, that is the run's outcome, and the next run may go better.
 *
 * @param launch is given the moment at which the run began, `monotonicMs`
 * @returns `null` when `signal` was aborted before the run had its outcome
 * @throws when the program cannot be started at all, or the harness cannot clean up
 */
export async function measureRun(
  order: RunOrder,
  notebook: Notebook,
  context: RunContext,
  signal: AbortSignal,
  launch: (startedMs: number) => Promise<LaunchedRun>,
): Promise<RunResult | null> {
  const at = new Date().toISOString();
  const startedMs = monotonicMs();
  const record = (outcome: Outcome, measured: Measured, left: readonly string[]) =>
    runRecord(order, at, outcome, measured, left, context.stalls.longestSince(startedMs));
  const run = await launch(startedMs).catch(asFault);
  if (run instanceof RunFault) {
    const discard = () => Promise.resolve();
    return { ...NOTHING_FOUND, record: record(faultOutcome(run), NOTHING_MEASURED, []), discard };
  }
  const { memory } = run;
  memory?.begin();
  const over = new AbortController();
  const late = startBound(context.boundMs ?? runBoundMs(notebook, context));
  const interrupted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true, signal: over.signal });
  });
  let outcome: Outcome | null = null;
  let left: readonly string[] = [];
  try {
    const end = await Promise.race([run.outcome(over.signal), interrupted, late.passed]).catch(asFault);
    outcome = end instanceof RunFault ? faultOutcome(end) : end;
  } finally {
    late.forget();
    over.abort();
    // Of a run that is shorter than the time between two samples, this is the only one.
    if (outcome !== null) await memory?.sample();
    memory?.end();
    left = await run.end();
    if (outcome === null) await run.discard();
  }
  if (outcome === null) return null;
  return {
    ...run.findings,
    record: record(
      outcome,
      { ...run.measured, ...(memory?.memory === undefined ? {} : { memory: memory.memory }) },
      left,
    ),
    discard: () => run.discard(),
  };
}

/** @throws what is no fault of a run */
function asFault(error: unknown): RunFault {
  if (error instanceof RunFault) return error;
  throw error;
}
