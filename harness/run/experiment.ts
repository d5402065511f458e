import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit, { type LimitFunction } from 'p-limit';
import { notebookPieces } from '../frontend/executed-notebook.ts';
import type { JsonObject, Notebook } from '../frontend/notebook.ts';
import { type JournalWriter, unwritable } from '../journal/write.ts';
import { fileWithDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import { makeFolder } from '../model/make-folder.ts';
import type { Protocol } from '../model/protocol.ts';
import { type OutcomeStatus, runStatus } from '../model/run-status.ts';
import { type BlockRange, type Shard, shardBlocks } from '../model/shard.ts';
import { blockOrders, type RunOrder } from '../stats/schedule.ts';
import { type SequentialDecision, sequentialStart, sequentialStep } from '../stats/sequential-decision.ts';
import type { OutputComparison } from './compare-outputs.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';
import { runSubject } from './run-subject.ts';
import { type SameError, SameErrorWatch, sameErrorReason } from './same-error.ts';
import type { Subject } from './subject.ts';

/** What a display is told. */
export interface ExperimentEvents {
  readonly onStart?: (order: RunOrder) => void;
  readonly onRun?: (record: RunRecord) => void;
  /** After each complete block, in block order. */
  readonly onBlock?: (state: SequentialDecision) => void;
}

/** An experiment, frozen and ready. */
export interface ReadyExperiment {
  readonly protocol: Protocol;
  readonly arms: ReadonlyMap<string, Subject>;
  readonly notebooks: readonly Notebook[];
  readonly context: RunContext;
  readonly writer: JournalWriter;
  /** Runs that are already in the journal. */
  readonly recorded: readonly RunRecord[];
  /** Compares the outputs of runs with what is expected; `null`: nothing is. */
  readonly comparison: OutputComparison | null;
  /** Where executed notebooks are kept; `null`: only those of runs that lost output. */
  readonly notebookFolder: string | null;
  /** The part of the blocks to carry out. Default: all. */
  readonly shard?: Shard | undefined;
  /** No block begins later than this after the first one, milliseconds. Default: no limit. */
  readonly maxMs?: number | undefined;
  /** So many harness faults in a row, plus `concurrency`, stop the experiment. Default: `FAULTS_IN_A_ROW`. */
  readonly faultsInARow?: number | undefined;
  /** Grants each block its turn, where several experiments alternate. Default: a block begins when the last one may. */
  readonly turns?: Turns | undefined;
  readonly signal: AbortSignal;
}

/** Grants turns to an experiment, one a block. */
export interface Turns {
  /** Resolves when the next block may begin, or with the reason why no further one is to begin. */
  readonly take: () => Promise<Turn>;
}
export type Turn =
  | { readonly mayBegin: true; readonly end: () => void }
  | { readonly mayBegin: false; readonly reason: string };

/**
 * So many harness faults in a row, plus one for each concurrent run, stop an experiment. One bad moment spoils all runs
 * under way. A cause that spoils more than those will spoil the rest too.
 */
export const FAULTS_IN_A_ROW = 5;

/** Why an experiment ended. */
export interface ExperimentEnd {
  readonly event: 'finished' | 'time-over' | 'interrupted' | 'same-error' | 'ended-early';
  readonly reason: string;
  /** Of `same-error`: what every arm raised. */
  readonly error?: SameError;
}

/** Complete blocks in block order, and what they decide: blocks may complete out of order. */
class BlockOrder {
  #decision: SequentialDecision;
  readonly #protocol: Protocol;
  readonly #open = new Map<number, Map<string, OutcomeStatus>>();
  #next: number;

  constructor(protocol: Protocol, { first }: BlockRange) {
    this.#protocol = protocol;
    this.#next = first;
    this.#decision = sequentialStart(protocol);
  }

  get decision(): SequentialDecision {
    return this.#decision;
  }

  /** @returns the states after each block that this run completed */
  add(record: RunRecord): SequentialDecision[] {
    const block = this.#open.get(record.block) ?? new Map<string, OutcomeStatus>();
    block.set(record.arm, runStatus(record, this.#protocol));
    this.#open.set(record.block, block);
    const states: SequentialDecision[] = [];
    for (;;) {
      const next = this.#open.get(this.#next);
      if (next === undefined || next.size < this.#protocol.arms.length) return states;
      this.#open.delete(this.#next);
      this.#next += 1;
      this.#decision = sequentialStep(this.#protocol, this.#decision, next);
      states.push(this.#decision);
    }
  }
}

/**
 * Carry out the runs of the protocol that the journal lacks: blocks in order, arms interleaved within them,
 * `concurrency` runs at once.
 *
 * - A run may start while the previous one is cleaned up, unless that one could end the experiment.
 * - When the time is over, a block that has begun is still completed.
 * - With `turns`, a block begins at its turn, and the turn ends when the block is recorded.
 * - Under `until-decided`, no block begins after the one that decides. Runs under way are still recorded.
 * - If every arm raises the same error at the same cell of the first block, no further run begins.
 * - A shard decides by its own blocks alone. Whether it has a block then depends on earlier blocks only, so that E over
 *   the blocks of all shards, in block order, stays valid.
 *
 * @throws SoakError `identity-mismatch` when a kernel loaded something other than its arm; `cannot-write`; `disk-full`
 *   when a disk is too full for a run, which is then not recorded; `harness-faults` after too many in a row
 */
export async function runExperiment(
  experiment: ReadyExperiment,
  events: ExperimentEvents = {},
): Promise<ExperimentEnd> {
  const { protocol, signal } = experiment;
  const range = shardBlocks(protocol.blocks, experiment.shard);
  const blocks = new BlockOrder(protocol, range);
  const done = new Set<string>();
  for (const record of experiment.recorded) {
    done.add(record.run);
    for (const state of blocks.add(record)) events.onBlock?.(state);
  }
  const limit = pLimit(protocol.concurrency);
  const sameError = new SameErrorWatch(protocol, range, experiment.recorded);
  let fault: unknown = null;
  const faults = new FaultsInARow((experiment.faultsInARow ?? FAULTS_IN_A_ROW) + protocol.concurrency);
  const over = () =>
    fault !== null ||
    sameError.found !== null ||
    signal.aborted ||
    (protocol.decision.stopping === 'until-decided' && blocks.decision.isDecided);

  const runOne = async (order: RunOrder, onMeasured: () => void): Promise<void> => {
    if (over()) return;
    try {
      events.onStart?.(order);
      await experiment.writer.append({ type: 'begin', run: order.run, at: new Date().toISOString() });
      const result = await launchRun(experiment, order, onMeasured);
      if (result === null) return;
      let { record } = result;
      try {
        // Not recorded, so that --resume repeats it and its block is not lost.
        assertRoom(record);
        record = await recordRun(experiment, order, result);
      } finally {
        await result.discard();
      }
      events.onRun?.(record);
      faults.add(record);
      sameError.add(record);
      for (const state of blocks.add(record)) events.onBlock?.(state);
    } catch (error) {
      fault ??= error;
    }
  };

  const underWay = new Set<Promise<void>>();
  let isLate = false;
  let early: string | null = null;
  let begun = 0;
  const dueMs = performance.now() + (experiment.maxMs ?? Infinity);
  for (let block = range.first; block < range.end && !over(); block += 1) {
    const orders = blockOrders(protocol, block).filter(({ run }) => !done.has(run));
    const turn = orders.length === 0 ? undefined : await experiment.turns?.take();
    if (turn?.mayBegin === false) {
      early = turn.reason;
      break;
    }
    isLate = orders.length > 0 && begun > 0 && performance.now() >= dueMs;
    if (isLate) break;
    if (orders.length > 0) begun += 1;
    for (const order of orders) {
      // Asked when the run is measured: by then its predecessor is recorded, which may settle it.
      const mayDecide = () =>
        order === orders.at(-1) &&
        (protocol.decision.stopping === 'until-decided' || sameError.mayStop(block));
      const run = limited(limit, (release) =>
        runOne(order, () => {
          if (!mayDecide()) release();
        }),
      ).finally(() => underWay.delete(run));
      underWay.add(run);
      // No block is planned far ahead of the one that may decide.
      while (limit.pendingCount > 0 && underWay.size > 0) await Promise.race(underWay);
    }
    if (turn !== undefined) {
      await Promise.all(underWay);
      turn.end();
    }
  }
  await Promise.all(underWay);
  if (fault !== null) throw fault;
  if (signal.aborted) return { event: 'interrupted', reason: String(signal.reason ?? 'interrupted') };
  const { found } = sameError;
  if (found !== null) return { event: 'same-error', reason: sameErrorReason(found, protocol), error: found };
  if (isLate && !over()) return { event: 'time-over', reason: 'the time given was over' };
  if (early !== null) return { event: 'ended-early', reason: early };
  const { shard } = experiment;
  const size = range.end - range.first;
  const of = shard === undefined ? '' : ` of shard ${shard.index}/${shard.count}`;
  if (protocol.decision.stopping === 'until-decided') {
    return blocks.decision.isDecided
      ? { event: 'finished', reason: `decided after block ${blocks.decision.blocks}${of}` }
      : { event: 'finished', reason: `block limit ${size}${of} reached without a decision` };
  }
  return { event: 'finished', reason: `all ${size} blocks${of} recorded` };
}

// The words of Node, Python, Windows, and the harness's own outcomes.
const NO_ROOM = /ENOSPC|EDQUOT|[Nn]o space (?:was )?left|Disk quota exceeded|WinError 112/;

/** @throws SoakError `disk-full` for a run that failed because a disk is full */
function assertRoom({ run, outcome }: RunRecord): void {
  if (outcome.kind !== 'harness-fault' || !NO_ROOM.test(outcome.reason)) return;
  throw new SoakError(
    'disk-full',
    `The run ${run} could not be carried out because a disk is full (perhaps the one for temporary files): ${outcome.reason}.`,
    {
      remedy: `Free space in ${tmpdir()}, or set TMPDIR (Windows: TEMP) to another folder. Then continue with --resume. The run was not recorded and will be repeated.`,
      exitCode: EXIT_CODES.environment,
    },
  );
}

/** Stops an experiment whose runs can no longer be observed. */
class FaultsInARow {
  readonly #limit: number;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws SoakError `harness-faults` at the limit */
  add({ outcome }: RunRecord): void {
    this.#count = outcome.kind === 'harness-fault' ? this.#count + 1 : 0;
    if (this.#count < this.#limit) return;
    throw new SoakError(
      'harness-faults',
      `${this.#count} runs in a row could not be observed. The reason for the last one: ${outcome.reason.replace(/\.$/, '')}. The experiment was stopped, because further runs would probably fail too.`,
      {
        remedy:
          'Fix that, or what keeps the machine from it (load, memory, open files). Then continue with --resume: recorded runs are kept.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
}

/** Do something when its turn comes. The next turn comes at `release`, or at the end. */
function limited(limit: LimitFunction, what: (release: () => void) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    void limit(
      () =>
        new Promise<void>((release) => {
          what(release).then(resolve, reject).finally(release);
        }),
    );
  });
}

/** @returns `null` when the run was interrupted: it has no outcome and stays listed as begun */
async function launchRun(
  experiment: ReadyExperiment,
  order: RunOrder,
  onMeasured: () => void,
): Promise<RunResult | null> {
  const arm = experiment.arms.get(order.arm);
  const notebook = experiment.notebooks[order.notebookIndex];
  if (arm === undefined || notebook === undefined)
    throw new Error(`The run ${order.run} is not of this experiment.`);
  const endpoint = experiment.protocol.endpoint ?? 'wedged';
  return runSubject(order, notebook, arm, { ...experiment.context, onMeasured }, experiment.signal, endpoint);
}

/** Write the run into the journal, with what its cells showed, and keep its notebook where that is wanted. */
async function recordRun(
  experiment: ReadyExperiment,
  order: RunOrder,
  result: RunResult,
): Promise<RunRecord> {
  const { comparison, writer, notebooks, notebookFolder } = experiment;
  const notebook = notebooks[order.notebookIndex];
  const { record, outputs } =
    comparison === null || notebook === undefined
      ? { record: result.record, outputs: [] }
      : comparison.compared(result.record, result.notebook, notebook);
  for (const each of outputs) await writer.append(each);
  await writer.append(record);
  const hasLost = record.losses?.some(({ loss }) => loss !== 'differs') === true;
  const folder = notebookFolder ?? (hasLost ? join(writer.folder, 'notebooks') : null);
  if (folder !== null && result.notebook !== null) {
    await keepNotebook(folder, `${order.run}-${notebook?.name ?? 'notebook.ipynb'}`, result.notebook, writer);
  }
  return record;
}

async function keepNotebook(
  folder: string,
  name: string,
  notebook: JsonObject,
  writer: JournalWriter,
): Promise<void> {
  const pieces = notebookPieces(notebook);
  const path = join(folder, `${name.replace(/\.ipynb$/, '')}.ipynb`);
  const saved = makeFolder(folder).then(() => writeFile(path, pieces));
  await fileWithDeadline('save-notebook', saved).catch((error: unknown) => {
    throw unwritable(writer.folder, error);
  });
}
