import { isSettled, type KernelClient, type ShellRequest } from '../frontend/client.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { readCounters } from '../kernel/counters.ts';
import type { KernelProcess } from '../kernel/launch.ts';
import { processSample } from '../kernel/process-sample.ts';
import type { KernelCounters } from '../model/arm.ts';
import { type Look, lookSchema, type Observations } from '../model/observations.ts';
import { countersShowStrand, IDLE_CPU_SHARE, isStrand } from '../oracle/classify.ts';
import type { LoopStallMeter } from './loop-stall.ts';

/** When the watch looks at what, milliseconds. */
export interface WatchTimes {
  /** Deadline of one request, from when the kernel could turn to it. */
  readonly timeoutMs: number;
  /** Wait before a silence is suspected; `null`: only at the deadline. */
  readonly suspectAfterMs: number | null;
}

// Often enough that a verdict comes within a few per cent of its due time, seldom enough to cost nothing.
const WATCH_TICK_MS = 25;
// Two samples of the process this far apart: a busy process has used ten ticks of CPU time by then.
const SAMPLE_GAP_MS = 100;
// Control has a thread of its own and answers in milliseconds; a busy machine may take longer.
const CONTROL_TIMEOUT_MS = 3_000;
const HEARTBEAT_TIMEOUT_MS = 1_000;
// Measured: the missing answers come 1 ms after the re-arm; a loaded machine may take longer.
const REVIVAL_TIMEOUT_MS = 2_000;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What counters and process show over two samples. */
interface PassiveView {
  readonly counters: KernelCounters | null;
  /** Whether nothing moved between the samples. */
  readonly still: boolean;
  readonly cpuShare: number | null;
  readonly processState: string | null;
}

/** Watches one run from outside for a request that stays unanswered, and gathers what can be known of it. */
export class Watch {
  readonly #client: KernelClient;
  readonly #kernel: KernelProcess;
  readonly #times: WatchTimes;
  readonly #stalls: LoopStallMeter;
  #head: ShellRequest | null = null;
  #headSinceMs = 0;
  /** The request that was suspected already: each is looked at once at most. */
  #suspected: ShellRequest | null = null;
  #look: Look | null = null;

  constructor(client: KernelClient, kernel: KernelProcess, times: WatchTimes, stalls: LoopStallMeter) {
    this.#client = client;
    this.#kernel = kernel;
    this.#times = times;
    this.#stalls = stalls;
  }

  /**
   * Watch until a request is certified as stranded or passes its deadline.
   *
   * @returns the observations; `null` once `signal` is aborted, since the run ended otherwise
   */
  async unanswered(signal: AbortSignal): Promise<Observations | null> {
    while (!signal.aborted) {
      await delay(WATCH_TICK_MS);
      if (signal.aborted) return null;
      const head = this.#updateHead();
      if (head === null) continue;
      const waitedMs = monotonicMs() - this.#headSinceMs;
      if (waitedMs >= this.#times.timeoutMs) {
        // What has arrived while this process was kept waiting counts as arrived: let it be read first.
        await delay(0);
        if (isSettled(head)) continue;
        return this.#observe(head, await this.#passive());
      }
      const { suspectAfterMs } = this.#times;
      if (suspectAfterMs === null || waitedMs < suspectAfterMs || this.#suspected === head) continue;
      this.#suspected = head;
      const passive = await this.#passive();
      if (signal.aborted || isSettled(head) || !this.#suspicious(passive)) continue;
      this.#look = await this.#lookOnce();
      if (this.#look !== null && isStrand(this.#look)) return this.#observe(head, passive);
    }
    return null;
  }

  /**
   * The oldest unsettled request and since when the kernel could have turned to it: requests are
   * served in order, so that its clock starts when those before it were settled.
   */
  #updateHead(): ShellRequest | null {
    const head = this.#client.unsettled[0] ?? null;
    if (head !== this.#head) {
      this.#head = head;
      this.#headSinceMs = monotonicMs();
    }
    return head;
  }

  #counters(): KernelCounters | null {
    const path = this.#kernel.command.countersPath;
    return path === null ? null : readCounters(path);
  }

  /** Two samples of process and counters: nothing of it touches the kernel. */
  async #passive(): Promise<PassiveView> {
    const sentBefore = this.#client.account.sent;
    const before = {
      counters: this.#counters(),
      sample: await processSample(this.#kernel.pid),
      at: monotonicMs(),
    };
    await delay(SAMPLE_GAP_MS);
    const after = {
      counters: this.#counters(),
      sample: await processSample(this.#kernel.pid),
      at: monotonicMs(),
    };
    const cpuShare =
      before.sample === null || after.sample === null
        ? null
        : Math.max(0, after.sample.cpuMs - before.sample.cpuMs) / (after.at - before.at);
    return {
      counters: after.counters,
      still:
        sentBefore === this.#client.account.sent &&
        JSON.stringify(before.counters) === JSON.stringify(after.counters),
      cpuShare,
      processState: after.sample?.state ?? null,
    };
  }

  #suspicious(passive: PassiveView): boolean {
    return (
      passive.counters !== null &&
      passive.still &&
      passive.cpuShare !== null &&
      passive.cpuShare < IDLE_CPU_SHARE &&
      countersShowStrand(passive.counters, this.#client.account.sent)
    );
  }

  async #lookOnce(): Promise<Look | null> {
    const reply = await this.#client.control('soak_probe_request', {}, CONTROL_TIMEOUT_MS);
    const parsed = lookSchema.safeParse(reply?.content);
    return parsed.success ? parsed.data : null;
  }

  /** Everything that can be known without bringing an answer about, safest first. */
  async #observe(head: ShellRequest, passive: PassiveView): Promise<Observations> {
    const waitedMs = monotonicMs() - this.#headSinceMs;
    const loopStallMs = this.#stalls.longestSince(this.#headSinceMs);
    const seen = {
      busySeen: head.busyAtMs !== null,
      replySeen: head.replyAtMs !== null,
      idleSeen: head.idleAtMs !== null,
    };
    const certified = this.#look !== null && isStrand(this.#look);
    const heartbeat = certified ? null : await this.#client.heartbeat(HEARTBEAT_TIMEOUT_MS);
    const control =
      this.#look !== null ||
      (await this.#client.control('kernel_info_request', {}, CONTROL_TIMEOUT_MS)) !== null;
    if (this.#look === null && control && this.#suspicious(passive)) this.#look = await this.#lookOnce();
    const answeredLate = isSettled(head);
    return {
      request: head.msgType,
      waitedMs,
      ...seen,
      sent: this.#client.account.sent,
      rejected: this.#client.account.rejected,
      counters: passive.counters,
      cpuShare: passive.cpuShare,
      processState: passive.processState,
      heartbeat,
      control,
      look: this.#look,
      revivedByRearm: null,
      revivedAfterMs: null,
      answeredLate,
      loopStallMs,
      socketError: this.#client.failure?.message ?? null,
    };
  }

  /**
   * The causal proof of a certified strand: run the stream's read handler once and see whether the
   * kernel turns to the stranded request. The run's account must have been taken before.
   */
  async rearm(): Promise<Pick<Observations, 'revivedByRearm' | 'revivedAfterMs'>> {
    const head = this.#head;
    if (head === null) return { revivedByRearm: null, revivedAfterMs: null };
    const startMs = monotonicMs();
    void this.#client.control('soak_rearm_request', {}, CONTROL_TIMEOUT_MS);
    while (monotonicMs() - startMs < REVIVAL_TIMEOUT_MS) {
      // The kernel's first word on the request: a long cell need not be waited for.
      const firstMs = head.busyAtMs ?? head.replyAtMs ?? head.idleAtMs;
      if (firstMs !== null) return { revivedByRearm: true, revivedAfterMs: Math.max(0, firstMs - startMs) };
      await Promise.race([this.#client.changed(), delay(WATCH_TICK_MS)]);
    }
    return { revivedByRearm: false, revivedAfterMs: null };
  }
}
