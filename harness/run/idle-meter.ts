import { monotonicMs } from '../frontend/precise-timer.ts';
import { kernelSample, type ProcessSample, type SampledKernel } from '../kernel/process-sample.ts';
import { programOf } from '../kernel/process-signs.ts';
import { IDLE_CPU_SHARE } from '../oracle/classify.ts';

/** Processor time is compared over windows of a second (docs/endpoints.md#busy-is-not-wedged). */
const WINDOW_MS = 1_000;

/** How busy a process was during a wait, by the whole seconds that were sampled. */
export interface IdleAccount {
  /** Share of one core in the busiest second; `null`: no second was sampled. */
  readonly busiestShare: number | null;
  /** Share of one core in the last second. */
  readonly lastShare: number | null;
  /** Milliseconds in idle seconds. */
  readonly idleMs: number;
  /** State of the process at the last sample. */
  readonly state: string | null;
}

/**
 * Samples a kernel's processor time from outside, once a second from the first `tick` of a wait on. Also tells whether its
 * process still runs the program that it ran at first.
 */
export class IdleMeter {
  readonly #kernel: SampledKernel;
  #last: { readonly sample: ProcessSample; readonly atMs: number } | null = null;
  #dueMs = 0;
  #account: IdleAccount = { busiestShare: null, lastShare: null, idleMs: 0, state: null };

  readonly #program: string | null;

  constructor(kernel: SampledKernel) {
    this.#kernel = kernel;
    this.#program = this.#programNow();
  }

  #programNow(): string | null {
    return programOf(this.#kernel.ownPid ?? this.#kernel.pid);
  }

  /** Whether the process runs another program than at first, as far as the system says. */
  isReplaced(): boolean {
    const program = this.#programNow();
    return this.#program !== null && program !== null && program !== this.#program;
  }

  get account(): IdleAccount {
    return this.#account;
  }

  /** Whether there is a whole second to judge by. */
  get hasWindow(): boolean {
    return this.#account.lastShare !== null;
  }

  /** Another wait begins: forget the samples. */
  restart(): void {
    this.#last = null;
    this.#dueMs = 0;
    this.#account = { busiestShare: null, lastShare: null, idleMs: 0, state: null };
  }

  /**
   * Sample, if a second has passed since the last time. If a process cannot be sampled, nothing shows that it is busy.
   *
   * @returns whether a second had passed
   */
  async tick(): Promise<boolean> {
    if (monotonicMs() < this.#dueMs) return false;
    const sample = await kernelSample(this.#kernel);
    const atMs = monotonicMs();
    this.#dueMs = atMs + WINDOW_MS;
    const before = this.#last;
    this.#last = sample === null ? null : { sample, atMs };
    if (sample === null || before === null) return true;
    const lengthMs = atMs - before.atMs;
    const lastShare = Math.max(0, sample.cpuMs - before.sample.cpuMs) / lengthMs;
    const { busiestShare, idleMs } = this.#account;
    this.#account = {
      busiestShare: Math.max(busiestShare ?? 0, lastShare),
      lastShare,
      idleMs: idleMs + (lastShare < IDLE_CPU_SHARE ? lengthMs : 0),
      state: sample.state,
    };
    return true;
  }
}
