import { isSettled, type KernelClient, type ShellRequest } from '../frontend/client.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { readCounters } from '../kernel/counters.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { kernelSample } from '../kernel/process-sample.ts';
import type { KernelCounters } from '../model/arm.ts';
import { DeadlinePassed, deadlineMs } from '../model/deadlines.ts';
import { type Look, lookOfKernel, type Observations } from '../model/observations.ts';
import { countersShowStrand, IDLE_CPU_SHARE, isStrand } from '../oracle/classify.ts';
import { shellPortOpen } from '../transport/fresh-peer.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { firstWordMs } from './revival.ts';

/** When the watch looks at what, milliseconds. */
export interface WatchTimes {
  /** Deadline of one request, from when the kernel could turn to it. */
  readonly timeoutMs: number;
  /** Wait before a silence is suspected; `null`: only at the deadline. */
  readonly suspectAfterMs: number | null;
  /**
   * Deadline for the kernel to begin a request, which is due at once: its predecessors are settled. Where cells
   * may take hours, `timeoutMs` alone would leave a silent kernel alone for as long. Absent: `timeoutMs`.
   */
  readonly beginWithinMs?: number;
}

// Often enough that a verdict comes within a few per cent of its due time, seldom enough to cost nothing.
const WATCH_TICK_MS = 25;
// Two samples of the process this far apart: a busy process has used ten ticks of CPU time by then.
const SAMPLE_GAP_MS = 100;
// Control has a thread of its own and answers in milliseconds; a busy machine may take longer.
const CONTROL_TIMEOUT_MS = 3_000;
const HEARTBEAT_TIMEOUT_MS = 1_000;
// An answer this long after the deadline makes a request late; without one it counts as unanswered.
const LATE_GRACE_MS = 1_000;
// The kernel is on this machine: a connection is accepted or refused at once.
const CONNECT_TIMEOUT_MS = 1_000;
// A new peer has to connect first; a loaded machine may take a while.
const PEER_TIMEOUT_MS = 2_000;

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

/** A request that got no answer by its deadline, or is stranded. */
export interface Silence {
  readonly request: ShellRequest;
  readonly waitedMs: number;
  readonly passive: PassiveView;
}

/** How often the oracle had a suspicion and what came of it. */
export interface WatchAccount {
  /** Requests that were silent for `suspectAfterMs`. */
  readonly silent: number;
  /** Looks at the shell-channel loop. */
  readonly looks: number;
}

/** Watches one run from outside for a request that stays unanswered, and gathers what can be known of it. */
export class Watch {
  readonly #client: KernelClient;
  readonly #kernel: RunningKernel;
  readonly #times: WatchTimes;
  readonly #stalls: LoopStallMeter;
  #head: ShellRequest | null = null;
  #headSinceMs = monotonicMs();
  #suspectAtMs = Number.POSITIVE_INFINITY;
  #suspected = false;
  /** The look at the head: one at most for each request, since a look can itself change what it sees. */
  #look: Look | null = null;
  #looked = false;
  #silent = 0;
  #looks = 0;

  constructor(client: KernelClient, kernel: RunningKernel, times: WatchTimes, stalls: LoopStallMeter) {
    this.#client = client;
    this.#kernel = kernel;
    this.#times = times;
    this.#stalls = stalls;
  }

  get account(): WatchAccount {
    return { silent: this.#silent, looks: this.#looks };
  }

  /**
   * Watch until a request is certified as stranded or passes its deadline. Whoever asked then ends the
   * traffic, for a late answer must not let the run go on, and calls `observe`.
   *
   * @returns `null` once `signal` is aborted, since the run ended otherwise
   * @throws DeadlinePassed when nothing is unanswered and nothing is sent
   */
  async unanswered(signal: AbortSignal): Promise<Silence | null> {
    while (!signal.aborted) {
      await delay(WATCH_TICK_MS);
      if (signal.aborted) return null;
      const head = this.#updateHead();
      if (head === null) {
        // The kernel owes nothing: it is the front end's turn, or that of what reconnects it.
        if (monotonicMs() - this.#headSinceMs < deadlineMs('front-end-idle')) continue;
        throw new DeadlinePassed('front-end-idle', undefined);
      }
      const waitedMs = monotonicMs() - this.#headSinceMs;
      const isBegun = firstWordMs(head) !== null;
      const dueMs = Math.min(
        this.#times.timeoutMs,
        isBegun ? Infinity : (this.#times.beginWithinMs ?? Infinity),
      );
      if (waitedMs >= dueMs) {
        // What has arrived while this process was kept waiting counts as arrived: let it be read first.
        await delay(0);
        if (isSettled(head) || (!isBegun && waitedMs < this.#times.timeoutMs && firstWordMs(head) !== null)) {
          continue;
        }
        return { request: head, waitedMs, passive: await this.#passive() };
      }
      if (monotonicMs() < this.#suspectAtMs || this.#looked) continue;
      if (!this.#suspected) this.#silent += 1;
      this.#suspected = true;
      // Reading counters is free, and what was busy just now may be parked the next time.
      this.#suspectAtMs = monotonicMs() + SAMPLE_GAP_MS;
      const counters = this.#counters();
      if (counters === null || !countersShowStrand(counters, this.#client.expected)) continue;
      const passive = await this.#passive();
      if (signal.aborted || isSettled(head) || !this.#suspicious(passive)) continue;
      await this.#lookOnce();
      if (isSettled(head) || this.#look === null || !isStrand(this.#look)) continue;
      return { request: head, waitedMs: monotonicMs() - this.#headSinceMs, passive };
    }
    return null;
  }

  /**
   * Through a server, requests of the library's and the server's own come before any of ours: whether one that
   * was not answered in time lies unread. They hide it from the counters, not from the look.
   *
   * @returns `null` where it was not certified
   */
  async strandedAtStart(): Promise<Observations | null> {
    const request = this.#client.unsettled[0];
    if (request === undefined) return null;
    this.#headSinceMs = request.sentAtMs;
    const passive = await this.#passive();
    if (!this.#idle(passive)) return null;
    await this.#lookOnce();
    if (this.#look === null || !isStrand(this.#look)) return null;
    return this.observe({ request, waitedMs: monotonicMs() - request.sentAtMs, passive });
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
      this.#suspectAtMs = this.#headSinceMs + (this.#times.suspectAfterMs ?? Number.POSITIVE_INFINITY);
      this.#suspected = false;
      this.#look = null;
      this.#looked = false;
    }
    return head;
  }

  #counters(): KernelCounters | null {
    const path = this.#kernel.command.countersPath;
    return path === null ? null : readCounters(path);
  }

  /** Two samples of process and counters: nothing of it touches the kernel. */
  async #passive(): Promise<PassiveView> {
    const sentBefore = this.#client.expected;
    const before = {
      counters: this.#counters(),
      sample: await kernelSample(this.#kernel),
      at: monotonicMs(),
    };
    await delay(SAMPLE_GAP_MS);
    const after = {
      counters: this.#counters(),
      sample: await kernelSample(this.#kernel),
      at: monotonicMs(),
    };
    const cpuShare =
      before.sample === null || after.sample === null
        ? null
        : Math.max(0, after.sample.cpuMs - before.sample.cpuMs) / (after.at - before.at);
    return {
      counters: after.counters,
      still:
        sentBefore === this.#client.expected &&
        JSON.stringify(before.counters) === JSON.stringify(after.counters),
      cpuShare,
      processState: after.sample?.state ?? null,
    };
  }

  #idle({ counters, still, cpuShare }: PassiveView): boolean {
    return counters !== null && still && cpuShare !== null && cpuShare < IDLE_CPU_SHARE;
  }

  #suspicious(passive: PassiveView): boolean {
    return (
      this.#idle(passive) &&
      passive.counters !== null &&
      countersShowStrand(passive.counters, this.#client.expected)
    );
  }

  async #lookOnce(): Promise<void> {
    this.#looked = true;
    this.#looks += 1;
    this.#client.trace.mark('suspicion: one look at the shell-channel loop');
    const reply = await this.#client.control('soak_probe_request', {}, CONTROL_TIMEOUT_MS);
    this.#look = lookOfKernel(reply?.content);
  }

  /**
   * Everything that can be known of a silence, safest first. Of a certified strand nothing more is asked.
   * Otherwise a late answer is given its grace, and only what was neither answered nor begun by then, in a
   * kernel without counters, is put to the test of a new shell peer, which may bring the answer about.
   */
  async observe({ request, waitedMs, passive }: Silence): Promise<Observations> {
    const isCertified = () => this.#look !== null && isStrand(this.#look);
    let heartbeat: boolean | null = null;
    let control: boolean | null = this.#look === null ? null : true;
    if (!isCertified()) {
      const graceEndMs = monotonicMs() + LATE_GRACE_MS;
      this.#client.trace.mark('the deadline has passed');
      heartbeat = await this.#client.heartbeat(HEARTBEAT_TIMEOUT_MS);
      control ??= (await this.#client.control('kernel_info_request', {}, CONTROL_TIMEOUT_MS)) !== null;
      // A server that was connected to anew has sent the kernel requests that nobody counted: the counters alone
      // may then hide a strand, which the look does not.
      const isHidden = this.#client.reconnected === true && this.#idle(passive);
      if (!this.#looked && control && (isHidden || this.#suspicious(passive))) await this.#lookOnce();
      if (!isCertified()) await this.#settledBy(request, graceEndMs);
    }
    const answeredLate = isSettled(request);
    const seen = {
      busySeen: request.busyAtMs !== null,
      replySeen: request.replyAtMs !== null,
      idleSeen: request.idleAtMs !== null,
      sent: this.#client.expected,
      rejected: this.#client.account.rejected,
      rejections: this.#client.rejections,
    };
    const { connection } = this.#kernel;
    const isOver = isCertified() || answeredLate || this.#kernel.exit !== null;
    const portOpen =
      isOver || connection === null ? null : await shellPortOpen(connection, CONNECT_TIMEOUT_MS);
    const isUntouched = firstWordMs(request) === null && this.#kernel.command.countersPath === null;
    const isReachable = portOpen === true || (connection === null && !isOver);
    const peer = isReachable && isUntouched ? await this.#askNewPeer(request) : null;
    return {
      request: request.msgType,
      waitedMs,
      ...(this.#client.reconnected === null ? {} : { through: 'server' as const }),
      ...seen,
      counters: passive.counters,
      cpuShare: passive.cpuShare,
      processState: passive.processState,
      heartbeat,
      control,
      look: this.#look,
      shellPortOpen: portOpen,
      peerAnswered: peer?.answered ?? null,
      revivedByPeer: peer?.revived ?? null,
      revival: null,
      revivedByRearm: null,
      revivedAfterMs: null,
      answeredLate,
      loopStallMs: this.#stalls.longestSince(this.#headSinceMs),
      socketError: this.#client.failure?.message ?? null,
    };
  }

  async #settledBy(request: ShellRequest, dueMs: number): Promise<void> {
    while (!isSettled(request) && this.#kernel.exit === null) {
      const leftMs = dueMs - monotonicMs();
      if (leftMs <= 0) return;
      await Promise.race([this.#client.changed(), delay(Math.min(leftMs, WATCH_TICK_MS))]);
    }
  }

  async #askNewPeer(request: ShellRequest): Promise<{ answered: boolean; revived: boolean }> {
    this.#client.trace.mark('a new shell peer asks kernel_info');
    const peer = this.#kernel.shellPeer();
    peer.ask();
    try {
      const dueMs = monotonicMs() + PEER_TIMEOUT_MS;
      while (monotonicMs() < dueMs && !(peer.answered && firstWordMs(request) !== null)) {
        await delay(WATCH_TICK_MS);
      }
      return { answered: peer.answered, revived: firstWordMs(request) !== null };
    } finally {
      await peer.close();
    }
  }
}
