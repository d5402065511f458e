import { monotonicMs } from '../frontend/precise-timer.ts';

const TICK_MS = 20;
// Each takes more than a tick: these cover an hour in which the loop does nothing but stall.
const KEPT_STALLS = 100_000;

// What came during a stall is read in the turns of the loop after it: for so long a stall may be the reason.
const ADJOINING_MS = 100;

interface LoopStall {
  readonly endMs: number;
  readonly ms: number;
}

/**
 * Measures stalls of the harness's own event loop: how late a tick came. All runs of the process share one meter, so that
 * it costs one timer.
 */
export class LoopStallMeter {
  readonly #timer: NodeJS.Timeout;
  /** Stalls of more than a tick, newest last: when they ended and how long they took. */
  readonly #stalls: LoopStall[] = [];
  #lastMs = monotonicMs();

  constructor() {
    this.#timer = setInterval(() => {
      const now = monotonicMs();
      const late = now - this.#lastMs - TICK_MS;
      this.#lastMs = now;
      if (late > TICK_MS) {
        this.#stalls.push({ endMs: now, ms: late });
        if (this.#stalls.length > KEPT_STALLS) this.#stalls.shift();
      }
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Longest stall that ended since `sinceMs` (`monotonicMs`) or still lasts, milliseconds. */
  longestSince(sinceMs: number): number {
    return this.#since(sinceMs).reduce((longest, { ms }) => Math.max(longest, ms), 0);
  }

  /** How much of a span the loop stood still, milliseconds; both ends are of `monotonicMs`. */
  stalledMs(fromMs: number, toMs: number): number {
    return this.#since(fromMs)
      .filter(({ ms }) => ms > TICK_MS)
      .reduce((sum, { endMs, ms }) => {
        const withinMs = Math.min(endMs, toMs) - Math.max(endMs - ms, fromMs);
        return sum + Math.max(0, withinMs);
      }, 0);
  }

  /**
   * By how much stalls may have lengthened a span in which nobody waited for this process: those at its beginning, before
   * what begins it went out, and at its end, while what ends it may have lain unread. Stalls in its midst delay nothing.
   */
  lengthenedMs(fromMs: number, toMs: number): number {
    const within = this.#since(fromMs)
      .filter(({ ms }) => ms > TICK_MS)
      .map(({ endMs, ms }) => [Math.max(endMs - ms, fromMs), Math.min(endMs, toMs)] as const)
      .filter(([beginMs, endMs]) => endMs > beginMs);
    const latest = chainedMs(within.map(([beginMs, endMs]) => [toMs - endMs, toMs - beginMs]));
    const first = chainedMs(within.reverse().map(([beginMs, endMs]) => [beginMs - fromMs, endMs - fromMs]));
    return Math.min(first + latest, this.stalledMs(fromMs, toMs));
  }

  /** The stalls that ended since then, newest first, and the one that lasts. */
  #since(sinceMs: number): LoopStall[] {
    const now = monotonicMs();
    const found: LoopStall[] = [];
    // What was received at the end of a stall is dealt with before the timer is.
    const late = now - this.#lastMs - TICK_MS;
    if (late > 0) found.push({ endMs: now, ms: late });
    for (let index = this.#stalls.length - 1; index >= 0; index -= 1) {
      const stall = this.#stalls[index];
      if (stall === undefined || stall.endMs < sinceMs) break;
      found.push(stall);
    }
    return found;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** How much of the beginning they take up together, with no gap of more than `ADJOINING_MS`; in order. */
function chainedMs(stalls: readonly (readonly [number, number])[]): number {
  let [untilMs, sumMs] = [0, 0];
  for (const [beginMs, endMs] of stalls) {
    if (beginMs - untilMs > ADJOINING_MS) break;
    sumMs += endMs - beginMs;
    untilMs = endMs;
  }
  return sumMs;
}
