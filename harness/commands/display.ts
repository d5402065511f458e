import logUpdate from 'log-update';
import pc from 'picocolors';
import type { Display } from '../experiment/carry-out.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { terminalText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasStall, isObserved, runStatus, slowestCell } from '../model/run-status.ts';
import { type Shard, shardBlocks } from '../model/shard.ts';
import { eventWords } from '../report/endpoint-words.ts';
import { eventSeen, stallSeen } from '../report/event-seen.ts';
import { counted, duration, eValue, memorySize, percent, percentInterval } from '../report/format-number.ts';
import { isUncompared, isUnsampled, limitWords } from '../report/limit-signs.ts';
import { kindCounts } from '../report/words.ts';
import type { KindCounts } from '../stats/arm-summary.ts';
import { clopperPearson } from '../stats/intervals.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { countsStalls } from '../stats/second-events.ts';
import type { SequentialDecision } from '../stats/sequential-decision.ts';

// Often enough to look alive; a redraw must not take time from the front ends.
const REDRAW_MS = 250;
const LOG_E_BAR_WIDTH = 20;
const COUNT_WIDTH = 18;
const ENAME_CHARACTERS = 40;

interface Tally {
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

function newTally(): Tally {
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

/** Counts and timing behind the display; pure but for the clock that is passed in. */
class Board {
  readonly tallies: Map<string, Tally>;
  readonly slots = new Map<string, { order: RunOrder; sinceMs: number }>();
  decision: SequentialDecision | null = null;
  #finished = 0;
  readonly #startedMs: number;
  /** Runs of each arm that are planned here. */
  readonly blocks: number;
  readonly #recordedBefore: number;
  readonly #protocol: Protocol;

  constructor(
    protocol: Protocol,
    recorded: readonly RunRecord[],
    startedMs: number,
    shard: Shard | undefined,
  ) {
    const { first, end } = shardBlocks(protocol.blocks, shard);
    this.blocks = end - first;
    this.#startedMs = startedMs;
    this.#recordedBefore = recorded.length;
    this.#protocol = protocol;
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

  /**
   * Milliseconds left at the pace so far; `null` before as many runs ended as a block has: a run that shows the event
   * may take many times as long as another.
   */
  leftMs(nowMs: number): number | null {
    if (this.#finished < this.tallies.size) return null;
    const total = this.blocks * this.tallies.size;
    const left = total - this.#recordedBefore - this.#finished;
    return ((nowMs - this.#startedMs) / this.#finished) * left;
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

function armLine(
  name: string,
  width: number,
  { runs, wedged, endings, raised, invalid, unsampled, uncompared, slowestMs, peakBytes, stalled }: Tally,
  protocol: Protocol,
): string {
  const rate =
    runs === 0
      ? ''
      : `${percent(wedged / runs).padStart(7)}  95 % CI ${percentInterval(clopperPearson({ wedged, runs }))}`;
  const others = Object.values(endings).reduce((sum, many) => sum + many, 0);
  // A stall that ended its run is counted with the other stalls.
  const { stalled: _stalled, ...unstalled } = endings;
  const ended = Object.keys(unstalled).length === 0 ? '' : `  ${kindCounts(unstalled)}`;
  const otherwise = `${ended}${raisedWords(raised)}`;
  const excluded = [
    ...(invalid === 0 ? [] : [`  ${counted(invalid, 'harness fault')}`]),
    ...(unsampled === 0 ? [] : [`  memory not known in ${unsampled}`]),
    ...(uncompared === 0 ? [] : [`  ${uncomparedWords(uncompared, protocol)}`]),
    ...(protocol.slowAfterMs === undefined || slowestMs === 0
      ? []
      : [`  slowest cell ${duration(slowestMs)}`]),
    ...(peakBytes === 0 ? [] : [`  ${memorySize(peakBytes)} at most`]),
  ].join('');
  const second =
    stalled === 0 ? '' : `  ${protocol.client?.name ?? 'client'} stalled in ${stalled} of ${runs + others}`;
  const count = `${wedged} of ${runs} ${eventWords(protocol).past}`;
  return `  ${name.padEnd(width)}  ${count.padEnd(COUNT_WIDTH)} ${rate}${otherwise}${excluded}${second}${runs + others + invalid + unsampled + uncompared >= protocol.blocks ? '  done' : ''}`;
}

/** ` (ModuleNotFoundError)`: what cells raised; empty: nothing. */
function raisedWords(names: ReadonlySet<string>): string {
  if (names.size === 0) return '';
  const [first] = names;
  return ` (${first}${names.size > 1 ? ` and ${counted(names.size - 1, 'other error')}` : ''})`;
}

/** What control shows is known only after the last run; other outputs are not compared if they are too many to keep. */
function uncomparedWords(runs: number, { expected }: Protocol): string {
  return expected?.kind === 'reference'
    ? `${counted(runs, 'run')} to compare at the end`
    : `outputs not compared in ${runs}`;
}

function evidenceLines(decision: SequentialDecision | null, alpha: number): string[] {
  if (decision === null) return [];
  const goal = Math.log(1 / alpha);
  const labels = decision.pairs.map(({ reference, treatment }) => `E(${reference}, ${treatment})`);
  const width = Math.max(...labels.map((label) => label.length));
  return decision.pairs.map(({ less, composite }, index) => {
    // A claim needs both, so the bar is the one that is further from it.
    const share = Math.max(0, Math.min(1, Math.min(less.logE, composite.logE) / goal));
    const endings = composite.logE === less.logE ? '' : `  ${eValue(composite.logE)} with other endings`;
    const filled = Math.round(share * LOG_E_BAR_WIDTH);
    const bar = `${'#'.repeat(filled)}${'.'.repeat(LOG_E_BAR_WIDTH - filled)}`;
    return `  ${labels[index]?.padEnd(width)} ${eValue(less.logE).padStart(9)}  1 [${bar}] ${Math.round(1 / alpha)} (log scale)${endings}`;
  });
}

function screen(board: Board, protocol: Protocol, nowMs: number): string {
  const width = Math.max(...protocol.arms.map(({ name }) => name.length));
  const lines = protocol.arms.map(({ name }) =>
    armLine(name, width, board.tallies.get(name) ?? newTally(), {
      ...protocol,
      blocks: board.blocks,
    }),
  );
  if (protocol.decision.stopping === 'until-decided') {
    lines.push(...evidenceLines(board.decision, protocol.decision.alpha));
  }
  for (const { order, sinceMs } of board.slots.values()) {
    lines.push(
      pc.dim(
        `  > block ${order.block + 1} of ${protocol.blocks}, ${order.arm}: ${duration(nowMs - sinceMs)}`,
      ),
    );
  }
  const price = priceWords(board, protocol, nowMs);
  if (price !== null) lines.push(pc.dim(`  ${price}`));
  return lines.join('\n');
}

/** `about 12 min left`; `null` before the first block ended. */
function priceWords(board: Board, { decision }: Protocol, nowMs: number): string | null {
  const leftMs = board.leftMs(nowMs);
  if (leftMs === null) return null;
  const most = decision.stopping === 'until-decided' ? 'at most ' : '';
  return `${most}about ${duration(leftMs)} left`;
}

/** One line of a run, for logs. */
function runLine(record: RunRecord, protocol: Protocol): string {
  const took = duration((record.startMs ?? 0) + (record.notebookMs ?? 0));
  const { kind, reason, cell, error } = record.outcome;
  const cells = protocol.notebooks[record.notebook]?.codeCells.length ?? 0;
  const where = cell === null ? '' : cell < cells ? ` at cell ${cell}` : ' after the last cell';
  const raised = error === null ? '' : ` (${terminalText(`${error.ename}: ${error.evalue}`, 120)})`;
  const seen = eventSeen(record, protocol);
  const event = seen === null ? '' : `, ${seen}`;
  const why = kind === 'completed' ? '' : `: ${reason}${raised}`;
  const stall = stallSeen(record, protocol);
  const stalls = stall === null ? '' : `; ${stall}`;
  const limits = limitWords(record, protocol);
  const left = record.left === undefined ? '' : `; left behind: ${record.left.join(' ')}`;
  return `block ${record.block + 1}/${protocol.blocks} ${record.arm}: ${kind}${where} in ${took}${event}${why}${limits === '' ? '' : `; ${limits}`}${stalls}${left}`;
}

/** How an experiment is shown. */
export interface DisplayOptions {
  /** Default: whether standard output is one. */
  readonly isTerminal?: boolean;
  /** The part of the blocks that is run; absent: all. */
  readonly shard?: Shard | undefined;
}

/** A display that redraws on a terminal, and writes one plain line a run elsewhere. */
export function openDisplay(
  protocol: Protocol,
  recorded: readonly RunRecord[],
  write: (text: string) => void,
  { isTerminal = process.stdout.isTTY === true, shard }: DisplayOptions = {},
): Display {
  const board = new Board(protocol, recorded, monotonicMs(), shard);
  const draw = () => logUpdate(screen(board, protocol, monotonicMs()));
  // A log names the price once, after the first block.
  let isPriced = false;
  const timer = isTerminal ? setInterval(draw, REDRAW_MS) : undefined;
  return {
    events: {
      onStart: (order) => board.start(order, monotonicMs()),
      onRun: (record) => {
        board.finish(record);
        if (isTerminal) return;
        write(`${runLine(record, protocol)}\n`);
        const price = isPriced ? null : priceWords(board, protocol, monotonicMs());
        if (price !== null) write(`${price}\n`);
        isPriced ||= price !== null;
      },
      onBlock: (decision) => {
        board.decision = decision;
      },
    },
    close() {
      clearInterval(timer);
      board.slots.clear();
      if (isTerminal) {
        draw();
        logUpdate.done();
      }
      write('\n');
    },
  };
}
