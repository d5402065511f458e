import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { monotonicMs, PreciseTimer } from './precise-timer.ts';

let timer: PreciseTimer;

beforeEach(() => {
  timer = new PreciseTimer();
});

afterEach(() => timer.close());

/** Wait until a moment; how late it was, milliseconds. */
async function latenessMs(dueMs: number): Promise<number> {
  await timer.at(dueMs);
  return monotonicMs() - dueMs;
}

describe('a moment', () => {
  test('is never come early, and mostly to a fraction of a millisecond', async () => {
    await timer.at(monotonicMs() + 50);
    const late: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      late.push(await latenessMs(monotonicMs() + (index % 20) * 0.25 + 0.1));
    }
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    late.sort((a, b) => a - b);
    // Node's own timers are a millisecond late on average, on an idle machine.
    expect(late[50]).toBeLessThan(1);
  });

  test('that has passed is come at once', async () => {
    expect(await latenessMs(monotonicMs() - 1000)).toBeLessThan(2000);
    await timer.at(Number.NEGATIVE_INFINITY);
  });

  test('wakes in order, whatever the order asked in, equal ones as they were asked', async () => {
    const startMs = monotonicMs() + 30;
    const order: number[] = [];
    const due = Array.from({ length: 500 }, (_, index) => ((index * 37) % 100) / 5);
    await Promise.all(
      due.map((ms, index) =>
        timer.at(startMs + ms).then(() => {
          order.push(index);
        }),
      ),
    );
    const expected = due.map((ms, index) => ({ ms, index })).sort((a, b) => a.ms - b.ms || a.index - b.index);
    expect(order).toEqual(expected.map(({ index }) => index));
  });

  test('that is asked for later but comes sooner does not wait for the earlier one', async () => {
    const far = timer.at(monotonicMs() + 60_000).then(() => 'far');
    const near = latenessMs(monotonicMs() + 5);
    expect(await Promise.race([far, near])).not.toBe('far');
  });

  test('leaves the event loop free and the core idle while it is waited for', async () => {
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 1);
    const before = process.cpuUsage();
    await timer.at(monotonicMs() + 300);
    const { user, system } = process.cpuUsage(before);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(30);
    expect((user + system) / 1000).toBeLessThan(250);
  });
});

describe('close', () => {
  test('ends the thread while moments are waited for, which then never come', async () => {
    const other = new PreciseTimer();
    let come = false;
    void other.at(monotonicMs() + 20).then(() => {
      come = true;
    });
    await other.close();
    await timer.at(monotonicMs() + 60);
    expect(come).toBe(false);
  });
});
