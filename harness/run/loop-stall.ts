import { monotonicMs } from '../frontend/precise-timer.ts';

const TICK_MS = 20;

/**
 * Measures stalls of the harness's own event loop: how late a tick came. All runs of the process share one meter, so that
 * it costs one timer.
 */
export class LoopStallMeter {
  readonly #timer: NodeJS.Timeout;
  /** Stalls of more than a tick, newest last: when they ended and how long they took. */
  readonly #stalls: { readonly endMs: number; readonly ms: number }[] = [];
  #lastMs = monotonicMs();

  constructor() {
    this.#timer = setInterval(() => {
      const now = monotonicMs();
      const late = now - this.#lastMs - TICK_MS;
      this.#lastMs = now;
      if (late > TICK_MS) {
        this.#stalls.push({ endMs: now, ms: late });
        if (this.#stalls.length > 1000) this.#stalls.shift();
      }
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Longest stall that ended since `sinceMs` (`monotonicMs`) or still lasts, milliseconds. */
  longestSince(sinceMs: number): number {
    const now = monotonicMs();
    let longest = Math.max(0, now - this.#lastMs - TICK_MS);
    for (const { endMs, ms } of this.#stalls) {
      if (endMs >= sinceMs) longest = Math.max(longest, ms);
    }
    return longest;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
