import type { JsonObject } from '../frontend/notebook.ts';
import type { KernelIdentity } from '../kernel/kernel-identity.ts';
import type { SourceHashes } from '../kernel/source-files.ts';
import type { RunFault } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import type { RunOrder } from '../stats/schedule.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import type { KernelInfo } from './ready.ts';
import { faultOutcome } from './run-outcome.ts';
import type { WatchAccount } from './watch.ts';

/** What a run left: the record for the journal, and what is not journalled. */
export interface RunResult {
  readonly record: RunRecord;
  /** The notebook with its outputs, also of a run that did not complete; `null` without a ready kernel. */
  readonly notebook: JsonObject | null;
  /** Removes what of the notebook lies in files; it cannot be written any more. */
  readonly discard?: () => Promise<void>;
  readonly identity: KernelIdentity | null;
  /** What the kernel executed of what its overlay marks; `null`: it did not say, absent: nothing is marked. */
  readonly marks?: Uint8Array | null;
  /** Whether the kernel was out of reach of all but the server, and could say nothing to us; absent: it was not. */
  readonly isElsewhere?: true;
  /** What a client of its own loaded of the arm's package; `null`: it did not say, absent: there is none. */
  readonly clientSources?: SourceHashes | null;
  /** What the kernel says it is; `null` when it never was ready. */
  readonly info: KernelInfo | null;
  /** What the oracle had to do; `null` when the kernel never was ready. */
  readonly watch: WatchAccount | null;
}

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
