import { describe, expect, test } from 'vitest';
import {
  firstCutCell,
  type InterruptedRequest,
  interruptResults,
  isInterruptError,
  RunInterrupts,
  type Sent,
} from './interrupts.ts';

const OK = { status: 'ok' };
const INTERRUPTED = { status: 'error', ename: 'KeyboardInterrupt', evalue: '' };
const OTHER_ERROR = { status: 'error', ename: 'ValueError', evalue: 'no' };
const ABORTED = { status: 'aborted' };

/** Cells a tenth of a second apart, busy after 2 ms, answered after 50 ms. */
function cells(...replies: InterruptedRequest['reply'][]): InterruptedRequest[] {
  return replies.map((reply, index) => ({
    reply,
    sentAtMs: index * 100,
    busyAtMs: index * 100 + 2,
    replyAtMs: reply === null ? null : index * 100 + 50,
  }));
}

/** An interrupt 10 ms after the request of its cell. */
const at = (cell: number): Sent => ({ cell, atMs: cell * 100 + 10 });
const results = (sent: Sent[], executes: InterruptedRequest[]) =>
  interruptResults(sent, executes).map(({ result }) => result);

describe('what became of an interrupt', () => {
  test.each([
    ['the error of an interrupt', INTERRUPTED, 'interrupted'],
    ['a cancelled cell that awaited', { status: 'error', ename: 'CancelledError' }, 'interrupted'],
    ['a cell that was not executed', ABORTED, 'interrupted'],
    ['an answer as if there had been none', OK, 'ignored'],
    ['an answer without a status', {}, 'ignored'],
    ['another error', OTHER_ERROR, 'raised'],
    ['no answer', null, 'unanswered'],
  ] as const)('%s', (_what, reply, result) => {
    expect(results([at(0)], cells(reply))).toEqual([result]);
  });

  test('its moment and the time to the reply are kept', () => {
    expect(interruptResults([at(1)], cells(OK, INTERRUPTED))).toEqual([
      { cell: 1, afterMs: 10, afterBusyMs: 8, result: 'interrupted', answeredMs: 40 },
    ]);
  });

  test('a busy status that came after it is none that it followed', () => {
    const [early] = interruptResults([{ cell: 0, atMs: 1 }], cells(OK));
    expect(early).toMatchObject({ afterMs: 1, afterBusyMs: null });
  });

  test('it struck the next cell, which was not interrupted itself', () => {
    expect(results([at(0)], cells(OK, INTERRUPTED))).toEqual(['passed-on']);
    expect(results([at(0), at(1)], cells(OK, INTERRUPTED))).toEqual(['ignored', 'interrupted']);
    // The cell after the next one is too late: that error is the notebook's own.
    expect(results([at(0)], cells(OK, OK, INTERRUPTED))).toEqual(['ignored']);
  });
});

describe('what an interrupt explains', () => {
  test('the error of its own cell, whatever its name, and what later cells lack because of it', () => {
    for (const reply of [INTERRUPTED, OTHER_ERROR, ABORTED]) {
      expect(firstCutCell([at(1)], cells(OK, reply, OTHER_ERROR))).toBe(1);
    }
  });

  test('not an error before it, and not one after a cell that it did not cut', () => {
    expect(firstCutCell([at(1)], cells(OTHER_ERROR, OK))).toBe(Number.POSITIVE_INFINITY);
    expect(firstCutCell([at(0)], cells(OK, OTHER_ERROR))).toBe(Number.POSITIVE_INFINITY);
    expect(firstCutCell([], cells(INTERRUPTED))).toBe(Number.POSITIVE_INFINITY);
  });

  test('the error of an interrupt in a later cell', () => {
    expect(firstCutCell([at(0)], cells(OK, INTERRUPTED, OTHER_ERROR))).toBe(1);
  });

  test('an error whose name is no text is no interrupt', () => {
    expect(isInterruptError({ status: 'error', ename: { interrupt: 1 } })).toBe(false);
    expect(isInterruptError({ status: 'ok', ename: 'KeyboardInterrupt' })).toBe(false);
    expect(isInterruptError(null)).toBe(false);
  });
});

describe('the moments of a run', () => {
  const interrupter = { by: 'signal', after: '0-10ms', send: () => Promise.resolve(true) } as const;
  const draws = (seed: number, after = '0-10ms') => {
    const interrupts = new RunInterrupts({ ...interrupter, after, seed });
    return Array.from({ length: 200 }, () => interrupts.draw());
  };

  test('follow from the seed, and are uniform between the two times', () => {
    expect(draws(5)).toEqual(draws(5));
    expect(draws(5)).not.toEqual(draws(6));
    const all = draws(5);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...all)).toBeLessThan(10);
    expect(all.filter((ms) => ms < 5).length).toBeGreaterThan(70);
    expect(all.filter((ms) => ms >= 5).length).toBeGreaterThan(70);
  });

  test('one time is always the same', () => {
    expect(new Set(draws(1, 'busy+500ms'))).toEqual(new Set([500]));
  });

  test('the account leaves out what did not happen', () => {
    const interrupts = new RunInterrupts({ ...interrupter, seed: 1 });
    expect(interrupts.account([])).toEqual({ by: 'signal', sent: [] });
    interrupts.spared();
    interrupts.unconfirmed();
    expect(interrupts.account([])).toEqual({ by: 'signal', sent: [], spared: 1, unconfirmed: 1 });
  });
});
