import type { RunFault } from '../model/errors.ts';
import type { RunOrder } from '../stats/schedule.ts';
import type { RunResult } from './execute-run.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { faultOutcome } from './run-outcome.ts';

/** What of a run's record is known before it begins. */
export function placeOf(order: RunOrder, at: string) {
  const { run, block, position, arm, notebookIndex, traffic, seed } = order;
  return { type: 'run', run, block, position, arm, notebook: notebookIndex, traffic, seed, at } as const;
}

/** A run whose kernel never came to be, by a fault of the harness. */
export function unlaunched(
  fault: RunFault,
  order: RunOrder,
  at: string,
  startedMs: number,
  stalls: LoopStallMeter,
): RunResult {
  return {
    record: {
      ...placeOf(order, at),
      startMs: null,
      notebookMs: null,
      outcome: faultOutcome(fault),
      client: { sent: 0, replies: 0, idles: 0, byType: {}, rejected: 0 },
      kernel: null,
      cellMs: [],
      loopStallMs: rounded(stalls.longestSince(startedMs)),
    },
    notebook: null,
    identity: null,
    info: null,
    watch: null,
  };
}

/** Microseconds are all that the clock is good for. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
