import type { JsonObject } from '../frontend/notebook.ts';
import { roundedMs } from '../frontend/precise-timer.ts';
import type { KernelIdentity } from '../kernel/kernel-identity.ts';
import type { SourceHashes } from '../kernel/source-files.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Outcome } from '../model/outcome.ts';
import type { TraceEvent } from '../model/trace.ts';
import type { RunOrder } from '../stats/schedule.ts';
import type { KernelInfo } from './ready.ts';
import type { WatchAccount } from './watch.ts';

/** What a run left besides its record. */
export interface Findings {
  /** The notebook with its outputs, also of a run that did not complete. `null`: the kernel never was ready. */
  readonly notebook: JsonObject | null;
  /** What the kernel says that it is. `null`: it did not say. */
  readonly identity: KernelIdentity | null;
  /** Whether only its server could reach the kernel, so that it could not say anything to the harness. */
  readonly isElsewhere: boolean;
  /** What the kernel executed of what its overlay marks. `null`: it did not say, or nothing is marked. */
  readonly marks: Uint8Array | null;
  /** What a client of its own loaded of the arm's package. `null`: it did not say, or there is none. */
  readonly clientSources: SourceHashes | null;
  /** What its `kernel_info_reply` says of it. `null`: the kernel never was ready, or a client had the reply. */
  readonly info: KernelInfo | null;
  /** What the oracle had to do. `null`: the kernel never was ready. */
  readonly watch: WatchAccount | null;
}

/** What a run left: the record for the journal, and what is not journalled. */
export interface RunResult extends Findings {
  readonly record: RunRecord;
  /** Removes what of the notebook lies in files: it cannot be written any more. */
  readonly discard: () => Promise<void>;
}

/** What of a run's record depends on who executed the notebook. */
export type Measured = Pick<RunRecord, 'startMs' | 'notebookMs' | 'client' | 'kernel' | 'cellMs'> &
  Pick<
    Partial<RunRecord>,
    | 'stalledMs'
    | 'exposure'
    | 'interrupts'
    | 'launched'
    | 'droppedOutputs'
    | 'clientCounters'
    | 'stalls'
    | 'memory'
  > & {
    /** The last messages and what the harness did between them. */
    readonly trace: readonly TraceEvent[];
  };

/** What is measured of a run whose kernel never was launched. */
export const NOTHING_MEASURED: Measured = {
  startMs: null,
  notebookMs: null,
  client: { sent: 0, replies: 0, idles: 0, byType: {}, rejected: 0 },
  kernel: null,
  cellMs: [],
  trace: [],
};

/** What is known besides of a run whose kernel never was launched. */
export const NOTHING_FOUND: Findings = {
  notebook: null,
  identity: null,
  isElsewhere: false,
  marks: null,
  clientSources: null,
  info: null,
  watch: null,
};

/**
 * The journal's record of a run.
 *
 * @param left what could not be cleaned up, a sentence each
 */
export function runRecord(
  order: RunOrder,
  at: string,
  outcome: Outcome,
  measured: Measured,
  left: readonly string[],
  loopStallMs: number,
): RunRecord {
  const { run, block, position, arm, notebookIndex, traffic, seed } = order;
  const { startMs, notebookMs, client, kernel, cellMs, trace, ...others } = measured;
  return {
    type: 'run',
    run,
    block,
    position,
    arm,
    notebook: notebookIndex,
    traffic,
    seed,
    at,
    startMs: startMs === null ? null : roundedMs(startMs),
    notebookMs: notebookMs === null ? null : roundedMs(notebookMs),
    outcome,
    client,
    ...(left.length === 0 ? {} : { left: [...left] }),
    kernel,
    cellMs: cellMs.map(roundedMs),
    ...others,
    loopStallMs: roundedMs(loopStallMs),
    ...(outcome.kind === 'completed' || measured === NOTHING_MEASURED ? {} : { trace: [...trace] }),
  };
}
