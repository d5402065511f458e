import type { MemorySample } from '../kernel/memory-sample.ts';
import { MEMORY_SAMPLE_MS, type Memory } from '../model/memory.ts';

/** Samples the memory of one run's kernel from outside, every `MEMORY_SAMPLE_MS`, and keeps the peak. */
export class MemoryMeter {
  readonly #look: () => Promise<MemorySample | null>;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #measure: Memory['measure'] = 'pss';
  #peakBytes = 0;
  #samples = 0;
  /** Whether a sample failed, so that nobody knows what it would have shown. */
  #hasFailed = false;

  /** @param look one sample. `null`: there is no kernel (yet, or any more) */
  constructor(look: () => Promise<MemorySample | null>) {
    this.#look = look;
  }

  /** Sample from now on, until `end`. */
  begin(): void {
    this.#timer = setInterval(() => {
      // A sample of a large process takes long: one at a time.
      if (this.#looking === null) void this.sample();
    }, MEMORY_SAMPLE_MS);
    this.#timer.unref();
  }

  /** Take one more sample now. Never rejects. */
  async sample(): Promise<void> {
    // The sample under way may have begun before what this one is to see.
    await this.#looking;
    this.#looking ??= this.#sampleOnce().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
  }

  /** Take no more samples. */
  end(): void {
    clearInterval(this.#timer);
  }

  /** What the samples showed. `undefined`: there was none, or one failed. */
  get memory(): Memory | undefined {
    if (this.#samples === 0 || this.#hasFailed) return undefined;
    return { measure: this.#measure, peakBytes: this.#peakBytes, samples: this.#samples };
  }

  async #sampleOnce(): Promise<void> {
    try {
      const seen = await this.#look();
      if (seen === null) return;
      this.#samples += 1;
      this.#peakBytes = Math.max(this.#peakBytes, seen.bytes);
      if (seen.measure === 'rss') this.#measure = 'rss';
    } catch {
      // The run is then not known to have stayed below the limit, which its record shows by having no memory.
      this.#hasFailed = true;
    }
  }
}
