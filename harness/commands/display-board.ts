import { terminalText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasStall, isObserved, runStatus, slowestCell } from '../model/run-status.ts';
import { type Shard, shardBlocks } from '../model/shard.ts';
import { isUncompared, isUnsampled } from '../report/limit-signs.ts';
import type { KindCounts } from '../stats/arm-summary.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { countsStalls } from '../stats/second-events.ts';
import type { SequentialDecision } from '../stats/sequential-decision.ts';

const ENAME_CHARACTERS = 40;

export interface Tally {
  runs: number;
  wedged: number;
  /** Runs that ended otherwise, by kind. */
  endings: KindCounts;
  /** Names of the errors that cells raised. */
  readonly raised: Set<string>;
  /** Harness faults. */
  invalid: number;
  /** Runs that completed, and whose memory is not known though it is the question. */
  unsampled: number;
  /** Runs that completed, and whose outputs are not compared, or not yet. */
  uncompared: number;
  /** Longest time of a cell, milliseconds. */
  slowestMs: number;
  /** Most memory of a kernel, bytes. */
  peakBytes: number;
  /** Runs in which the client stalled, where that is not the event. */
  stalled: number;
}

export function newTally(): Tally {
  return {
    runs: 0,
    wedged: 0,
    endings: {},
    raised: new Set(),
    invalid: 0,
    unsampled: 0,
    uncompared: 0,
    slowestMs: 0,
    peakBytes: 0,
    stalled: 0,
  };
}

/** What is shown of an experiment, and until when it may begin blocks. */
export interface ShownPart {
  /** The part of the blocks that is run here; absent: all. */
  readonly shard?: Shard | undefined;
  /** After so many milliseconds no block begins; absent: no limit. */
  readonly maxMs?: number | undefined;
}

/** Counts and timing behind the display; pure but for the clock that is passed in. */
export class Board {
  readonly tallies: Map<string, Tally>;
  readonly slots = new Map<string, { order: RunOrder; sinceMs: number }>();
  decision: SequentialDecision | null = null;
  #finished = 0;
  readonly startedMs: number;
  /** Runs of each arm that are planned here. */
  readonly blocks: number;
  readonly #recordedBefore: number;
  readonly #protocol: Protocol;
  readonly #maxMs: number | undefined;

  constructor(
    protocol: Protocol,
    recorded: readonly RunRecord[],
    startedMs: number,
    { shard, maxMs }: ShownPart,
  ) {
    const { first, end } = shardBlocks(protocol.blocks, shard);
    this.blocks = end - first;
    this.startedMs = startedMs;
    this.#recordedBefore = recorded.length;
    this.#protocol = protocol;
    this.#maxMs = maxMs;
    this.tallies = new Map(protocol.arms.map(({ name }) => [name, newTally()]));
    for (const record of recorded) this.#count(record);
  }

  start(order: RunOrder, nowMs: number): void {
    this.slots.set(order.run, { order, sinceMs: nowMs });
  }

  finish(record: RunRecord): void {
    this.slots.delete(record.run);
    this.#finished += 1;
    this.#count(record);
  }

  /** Runs that are recorded, those of earlier sessions among them. */
  get recorded(): number {
    return this.#recordedBefore + this.#finished;
  }

  /** Runs that are planned here. */
  get planned(): number {
    return this.blocks * this.tallies.size;
  }

  /** Whether the experiment ends as soon as the evidence is enough. */
  get mayStopEarly(): boolean {
    return this.#protocol.decision.stopping === 'until-decided';
  }

  /**
   * Milliseconds left at the pace so far, 0 when nothing is left to do; `null` before as many runs ended as a block has: a
   * run that shows the event may take many times as long as another.
   */
  leftMs(nowMs: number): number | null {
    if (this.mayStopEarly && this.decision?.isDecided === true) return 0;
    if (this.#finished < this.tallies.size) return null;
    return ((nowMs - this.startedMs) / this.#finished) * Math.max(0, this.planned - this.recorded);
  }

  /** Milliseconds for which blocks may still begin, at least 0; `null` without a limit. */
  limitMs(nowMs: number): number | null {
    return this.#maxMs === undefined ? null : Math.max(0, this.startedMs + this.#maxMs - nowMs);
  }

  #count(record: RunRecord): void {
    const tally = this.tallies.get(record.arm);
    if (tally === undefined) return;
    const status = runStatus(record, this.#protocol);
    const { kind } = record.outcome;
    if (isObserved(status)) tally.runs += 1;
    else if (isUnsampled(record, this.#protocol)) tally.unsampled += 1;
    else if (isUncompared(record, this.#protocol)) tally.uncompared += 1;
    else if (status === 'invalid') tally.invalid += 1;
    else tally.endings = { ...tally.endings, [kind]: (tally.endings[kind] ?? 0) + 1 };
    const { error } = record.outcome;
    if (error !== null) tally.raised.add(terminalText(error.ename, ENAME_CHARACTERS));
    if (status === 'wedged') tally.wedged += 1;
    tally.slowestMs = Math.max(tally.slowestMs, slowestCell(record)?.ms ?? 0);
    tally.peakBytes = Math.max(tally.peakBytes, record.memory?.peakBytes ?? 0);
    if (!countsStalls(this.#protocol.endpoint) && hasStall(record)) tally.stalled += 1;
  }
}
