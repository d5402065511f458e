import { describe, expect, test } from 'vitest';
import {
  followsInterrupt,
  type Interrupts,
  interruptBefore,
  interruptMoment,
  type SentInterrupt,
} from './interrupt.ts';

describe('the moment of an interrupt', () => {
  test.each([
    ['0-10ms', { from: 'sent', lowMs: 0, highMs: 10 }],
    ['5ms', { from: 'sent', lowMs: 5, highMs: 5 }],
    ['0.5-1.5ms', { from: 'sent', lowMs: 0.5, highMs: 1.5 }],
    ['busy', { from: 'busy', lowMs: 0, highMs: 0 }],
    ['busy+500ms', { from: 'busy', lowMs: 500, highMs: 500 }],
    // In a range the unit is that of both ends.
    ['busy+0-2s', { from: 'busy', lowMs: 0, highMs: 2000 }],
  ])('%s', (text, moment) => {
    expect(interruptMoment(text)).toEqual(moment);
  });

  test.each([
    '',
    '5',
    'idle',
    'busy+',
    'busy-5ms',
    '10-5ms',
    '-5ms',
    '0-10',
    '1ms-5ms',
    '601s',
    'NaNms',
    '5 ms',
  ])('is not "%s"', (text) => {
    expect(interruptMoment(text)).toBeNull();
  });
});

const sent = (cell: number, afterMs = 1): SentInterrupt => ({
  cell,
  afterMs,
  afterBusyMs: null,
  result: 'ignored',
  answeredMs: 1,
});
const interrupts = (...cells: number[]): Interrupts => ({
  by: 'signal',
  sent: cells.map((cell) => sent(cell)),
});

describe('an interrupt bears on', () => {
  test('the cell during which it was sent, and the next one', () => {
    expect([2, 3, 4, 5].map((cell) => followsInterrupt(interrupts(3), cell))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('nothing where none was sent, and nothing that belongs to no cell', () => {
    expect(followsInterrupt(undefined, 3)).toBe(false);
    expect(followsInterrupt(interrupts(), 3)).toBe(false);
    expect(followsInterrupt(interrupts(3), null)).toBe(false);
  });

  test('a run by the interrupt of its own cell first, then by that of the cell before', () => {
    const both = [sent(2, 7), sent(3, 9)];
    expect(interruptBefore(both, 3)?.afterMs).toBe(9);
    expect(interruptBefore(both, 4)?.afterMs).toBe(9);
    expect(interruptBefore(both.slice(0, 1), 3)?.afterMs).toBe(7);
    expect(interruptBefore(both, 6)).toBeNull();
    expect(interruptBefore(both, null)).toBeNull();
  });
});
