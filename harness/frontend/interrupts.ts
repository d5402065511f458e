import {
  type InterruptMoment,
  type InterruptResult,
  type Interrupts,
  type InterruptWay,
  interruptMoment,
  type SentInterrupt,
} from '../model/interrupt.ts';
import { seededUniform, type Uniform } from '../stats/random.ts';
import type { ShellRequest } from './client.ts';
import { roundedMs } from './precise-timer.ts';

/** How a front end interrupts its kernel. */
export interface Interrupter {
  readonly by: InterruptWay;
  /** When each cell is interrupted, as `interruptMoment` reads it. */
  readonly after: string;
  readonly seed: number;
  /** Interrupts the kernel. Resolves when that is confirmed, with `false` when it was not in time. Never rejects. */
  send(): Promise<boolean>;
}

/** What of a cell's request decides what became of its interrupt. */
export type InterruptedRequest = Pick<ShellRequest, 'reply' | 'replyAtMs' | 'sentAtMs' | 'busyAtMs'>;

/** An interrupt that was sent during a cell, `monotonicMs`. */
export interface Sent {
  /** 0-based, among the executed cells. */
  readonly cell: number;
  readonly atMs: number;
}

// KeyboardInterrupt in Python. An awaiting cell may show that it was cancelled.
const INTERRUPT_ERROR = /interrupt|cancel/i;

/** Whether a reply is the error that an interrupt brings. */
export function isInterruptError(reply: InterruptedRequest['reply']): boolean {
  const ename = reply?.['ename'];
  return reply?.['status'] === 'error' && typeof ename === 'string' && INTERRUPT_ERROR.test(ename);
}

/** Whether a reply says that its cell was not executed to its end. A reply without a status says nothing. */
function isCut(reply: InterruptedRequest['reply']): boolean {
  const status = reply?.['status'];
  return typeof status === 'string' && status !== 'ok';
}

/**
 * The first cell that an interrupt cut short: a cell that was interrupted and did not end well, or one that was answered
 * with the error of an interrupt that was sent during an earlier cell. What it and every later cell raise shows nothing
 * about the notebook, because the interrupt may have brought it.
 *
 * @returns `Infinity`: there is none
 */
export function firstCutCell(sent: readonly Sent[], executes: readonly InterruptedRequest[]): number {
  const cells = new Set(sent.map(({ cell }) => cell));
  const first = Math.min(...cells, Number.POSITIVE_INFINITY);
  const at = executes.findIndex(
    ({ reply }, cell) => isCut(reply) && (cells.has(cell) || (first < cell && isInterruptError(reply))),
  );
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

/** What became of each interrupt, by the replies so far. */
export function interruptResults(
  sent: readonly Sent[],
  executes: readonly InterruptedRequest[],
): SentInterrupt[] {
  const cells = new Set(sent.map(({ cell }) => cell));
  return sent.map(({ cell, atMs }) => {
    const request = executes[cell];
    if (request === undefined) throw new Error(`An interrupt of cell ${cell}, which was not sent.`);
    const { sentAtMs, busyAtMs, replyAtMs } = request;
    return {
      cell,
      afterMs: roundedMs(Math.max(0, atMs - sentAtMs)),
      afterBusyMs: busyAtMs === null || busyAtMs > atMs ? null : roundedMs(atMs - busyAtMs),
      result: resultOf(request, executes[cell + 1], cells.has(cell + 1)),
      answeredMs: replyAtMs === null ? null : roundedMs(Math.max(0, replyAtMs - atMs)),
    };
  });
}

function resultOf(
  { reply }: InterruptedRequest,
  next: InterruptedRequest | undefined,
  isNextInterrupted: boolean,
): InterruptResult {
  if (reply === null) return 'unanswered';
  if (isInterruptError(reply) || (isCut(reply) && reply['status'] !== 'error')) return 'interrupted';
  if (isCut(reply)) return 'raised';
  return isInterruptError(next?.reply ?? null) && !isNextInterrupted ? 'passed-on' : 'ignored';
}

/** The interrupts of one run, each at a moment drawn from the run's seed. One draw a cell, in the order of the cells. */
export class RunInterrupts {
  readonly moment: InterruptMoment;
  readonly #by: InterruptWay;
  readonly #uniform: Uniform;
  readonly #sent: Sent[] = [];
  #spared = 0;
  #unconfirmed = 0;

  constructor({ by, after, seed }: Interrupter) {
    const moment = interruptMoment(after);
    if (moment === null) throw new Error(`No moment of an interrupt: ${after}.`);
    this.moment = moment;
    this.#by = by;
    // Its own stream, so that the draws of latencies, whose number depends on the kernel, do not move it.
    this.#uniform = seededUniform(seed, 'interrupts');
  }

  /** Milliseconds from the moment's origin to the next cell's interrupt. */
  draw(): number {
    const { lowMs, highMs } = this.moment;
    return lowMs + (highMs - lowMs) * this.#uniform();
  }

  sent(cell: number, atMs: number): void {
    this.#sent.push({ cell, atMs });
  }

  /** A cell was over before its interrupt was due. */
  spared(): void {
    this.#spared += 1;
  }

  unconfirmed(): void {
    this.#unconfirmed += 1;
  }

  /** From which cell on an error, or that a cell was not executed, may be an interrupt's doing. */
  firstCut(executes: readonly ShellRequest[]): number {
    return firstCutCell(this.#sent, executes);
  }

  /** The interrupts as the journal keeps them. */
  account(executes: readonly ShellRequest[]): Interrupts {
    return {
      by: this.#by,
      sent: interruptResults(this.#sent, executes),
      ...(this.#spared === 0 ? {} : { spared: this.#spared }),
      ...(this.#unconfirmed === 0 ? {} : { unconfirmed: this.#unconfirmed }),
    };
  }
}
