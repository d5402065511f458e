import { monotonicMs } from '../frontend/precise-timer.ts';

const TICK_MS = 20;
// Each takes more than a tick: these cover an hour in which the loop does nothing but stall.
const KEPT_STALLS = 100_000;

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
