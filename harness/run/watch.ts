import { setTimeout as delay } from 'node:timers/promises';
import { isSettled, type KernelClient, type ShellRequest } from '../frontend/client.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { readCounters } from '../kernel/counters.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { isLauncher } from '../kernel/process-sample.ts';
import { blockedIn, cpuMsBelow } from '../kernel/process-signs.ts';
import type { KernelCounters } from '../model/arm.ts';
import { DeadlinePassed, deadlineMs } from '../model/deadlines.ts';
import { type Look, lookOfKernel, type Observations, stacksOfKernel } from '../model/observations.ts';
import { isWedge } from '../model/outcome.ts';
import { accountFault, countersShowStrand, usableCounters } from '../oracle/account.ts';
import { classify, isStrand } from '../oracle/classify.ts';
import { shellPortOpen } from '../transport/fresh-peer.ts';
import { IdleMeter } from './idle-meter.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { firstWordMs } from './revival.ts';
import {
  areEqual,
  CONTROL_TIMEOUT_MS,
  isStill,
  SAMPLE_GAP_MS,
  type Sampled,
  sampleTwice,
  WATCH_TICK_MS,
} from './two-samples.ts';

/** When the watch does what, milliseconds. */
export interface WatchTimes {
  /** Deadline of one request, counted from when the kernel could turn to it. */
  readonly timeoutMs: number;
  /** A request is suspected after so long a silence. `null`: only at the deadline. */
  readonly suspectAfterMs: number | null;
  /**
   * A request that the kernel has not begun is judged after so much idle time: all requests before it are settled, so
   * that it is due at once. Where cells may take hours, `timeoutMs` alone would leave a wedged kernel alone for hours.
   * Time in which the kernel uses the processor does not count. If the request proves not to be wedged, it is waited
   * for until `timeoutMs`. Default: `timeoutMs` alone.
   */
  readonly beginWithinMs?: number;
}

// The counters show when a comm message is done for which the kernel publishes nothing. A status that is on its way
// arrives within milliseconds: after this long there is none.
const READ_FOR_MS = 100;
// Not earlier: outside of Linux, reading the processor time costs a process.
const SAMPLE_AFTER_MS = 1_000;
// A process that can be sampled has been by half of this.
const UNSAMPLED_MS = 2_000;
const HEARTBEAT_TIMEOUT_MS = 1_000;
// An answer within this time after the deadline makes a request late. After that, it is unanswered.
const LATE_GRACE_MS = 1_000;
// A reply that is certainly lost is judged again after this long if a busy machine hid it.
const JUDGE_AGAIN_MS = 2_000;
// The kernel is on this machine: a connection is accepted or refused at once.
const CONNECT_TIMEOUT_MS = 1_000;
// A new peer has to connect first, which may take a while on a loaded machine.
const PEER_TIMEOUT_MS = 2_000;

/** What counters and process show over two samples. */
interface PassiveView extends Sampled {
  readonly counters: KernelCounters | null;
  /** Whether nothing moved between the samples. */
  readonly still: boolean;
}

/** A request that got no answer by its deadline, or is stranded. */
export interface Silence {
  readonly request: ShellRequest;
  readonly waitedMs: number;
  readonly passive: PassiveView;
  /** What was seen, where that was needed to decide whether to wait longer. It is not asked for again. */
  readonly seen?: Observations;
}

/** How often the oracle suspected a wedge and looked. */
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
  /** The look at the head. At most one for each request, since a look can itself change what it sees. */
  #look: Look | null = null;
  #looked = false;
  #silent = 0;
  #looks = 0;
  readonly #meter: IdleMeter;
  /** A request that is not begun is judged after so much idle time, or time if idleness is not known. */
  #judgeAtMs = 0;
  /** Processor time of everything below the kernel's process when the verdict was prepared. */
  #below: { readonly ms: number | null; readonly atMs: number } | null = null;
  /** Since when the counters have shown that the head was read. `null`: they do not. */
  #readSinceMs: number | null = null;
  /** When a head that a later request has overtaken may be judged again. */
  #judgeAgainMs = 0;
  /** A request after the head on the same channel: its answer shows that the head was read. */
  #witness: ShellRequest | null = null;

  /** Whether the started process is a launcher, which says nothing about the kernel. */
  readonly #isLaunched: boolean;

  constructor(client: KernelClient, kernel: RunningKernel, times: WatchTimes, stalls: LoopStallMeter) {
    this.#client = client;
    this.#kernel = kernel;
    this.#times = times;
    this.#stalls = stalls;
    this.#meter = new IdleMeter(kernel);
    this.#isLaunched = isLauncher(kernel);
  }

  get account(): WatchAccount {
    return { silent: this.#silent, looks: this.#looks };
  }

  /**
   * Watch until a request is certified as stranded or passes its deadline. The caller then ends the traffic, since a
   * late answer must not let the run go on, and calls `observe`.
   *
   * @param onDue called at the deadline, before what the silence is told with is gathered: in that time the answer may
   * come. A silence is returned in any case
   * @returns `null` once `signal` is aborted, since the run ended otherwise
   * @throws DeadlinePassed when every request is answered and no other is sent
   */
  async unanswered(signal: AbortSignal, onDue: () => void): Promise<Silence | null> {
    while (!signal.aborted) {
      await delay(WATCH_TICK_MS);
      if (signal.aborted) return null;
      const head = this.#updateHead();
      if (head === null) {
        // The kernel owes nothing: the front end, or what reconnects it, is to act.
        if (monotonicMs() - this.#headSinceMs < deadlineMs('front-end-idle')) continue;
        throw new DeadlinePassed('front-end-idle', undefined);
      }
      const waitedMs = monotonicMs() - this.#sinceMs(head);
      this.#concludeRead(head, waitedMs);
      if (isSettled(head)) continue;
      const isSampled = waitedMs >= this.#sampleAfterMs && (await this.#meter.tick());
      if (waitedMs >= this.#times.timeoutMs || (isSampled && this.#meter.isReplaced())) {
        // A message that arrived while this process was kept waiting has arrived: let it be read first.
        await delay(0);
        if (isSettled(head)) continue;
        onDue();
        return { request: head, waitedMs, passive: await this.#passive() };
      }
      if (this.#isDueToBegin(head, waitedMs)) {
        const wedge = await this.#judgeUnbegun(head, waitedMs);
        if (wedge !== null) return wedge;
        continue;
      }
      if (this.#isOvertaken(head)) {
        const lost = await this.#judgeOvertaken(head, waitedMs);
        if (lost !== null) return lost;
        continue;
      }
      if (monotonicMs() < this.#suspectAtMs || this.#looked) continue;
      if (!this.#suspected) this.#silent += 1;
      this.#suspected = true;
      // Reading counters is free, and a kernel that was busy just now may be parked the next time.
      this.#suspectAtMs = monotonicMs() + SAMPLE_GAP_MS;
      const counters = this.#counters();
      if (counters === null || !countersShowStrand(counters, this.#client.expected)) continue;
      const passive = await this.#passive();
      if (signal.aborted || isSettled(head) || !this.#suspicious(passive)) continue;
      await this.#lookOnce();
      if (isSettled(head) || this.#look === null || !isStrand(this.#look)) continue;
      return { request: head, waitedMs: monotonicMs() - this.#sinceMs(head), passive };
    }
    return null;
  }

  /** From when a request has its time: from when the kernel could turn to it, or from when it was interrupted. */
  #sinceMs({ interruptedAtMs }: ShellRequest): number {
    return Math.max(this.#headSinceMs, interruptedAtMs ?? 0);
  }

  get #sampleAfterMs(): number {
    const { suspectAfterMs, timeoutMs } = this.#times;
    return Math.min(suspectAfterMs ?? SAMPLE_AFTER_MS, timeoutMs / 4);
  }

  /** Whether the kernel was idle for long enough without beginning the request. */
  #isDueToBegin(head: ShellRequest, waitedMs: number): boolean {
    const { beginWithinMs } = this.#times;
    if (beginWithinMs === undefined || firstWordMs(head) !== null) return false;
    const dueMs = Math.max(beginWithinMs, this.#judgeAtMs);
    const { idleMs, lastShare } = this.#meter.account;
    // If the processor time is not known, nothing shows that the kernel is busy.
    return lastShare === null ? waitedMs >= dueMs + UNSAMPLED_MS : idleMs >= dueMs;
  }

  /**
   * Ask for everything. If it is not a wedge, or the harness was too busy to tell, the request is waited for, and
   * judged again after as much idle time.
   */
  async #judgeUnbegun(head: ShellRequest, waitedMs: number): Promise<Silence | null> {
    const { idleMs, lastShare } = this.#meter.account;
    this.#judgeAtMs = (lastShare === null ? waitedMs : idleMs) + (this.#times.beginWithinMs ?? 0);
    const silence = { request: head, waitedMs, passive: await this.#passive() };
    if (firstWordMs(head) !== null) return null;
    const seen = await this.observe(silence);
    return isWedge(classify(seen).kind) ? { ...silence, seen } : null;
  }

  /**
   * Whether an interrupted request went idle without its reply, while a later request of the same client was answered. A
   * kernel's replies to one client go out in order, so the reply will not come any more.
   */
  #isOvertaken(head: ShellRequest): boolean {
    const { suspectAfterMs } = this.#times;
    const { interruptedAtMs, idleAtMs, replyAtMs, hasReply } = head;
    if (interruptedAtMs === null || idleAtMs === null || replyAtMs !== null || !hasReply) return false;
    if (suspectAfterMs === null || monotonicMs() < Math.max(idleAtMs + suspectAfterMs, this.#judgeAgainMs)) {
      return false;
    }
    this.#witness ??= this.#client.request('kernel_info_request', {}, { isWitness: true });
    return this.#witness.replyAtMs !== null;
  }

  /** Ask for everything. If the reply comes after all, or the harness or the kernel was too busy to tell, it is waited for. */
  async #judgeOvertaken(head: ShellRequest, waitedMs: number): Promise<Silence | null> {
    const silence = { request: head, waitedMs, passive: await this.#passive() };
    const seen = await this.observe(silence);
    if (classify(seen).kind === 'lost-reply') return { ...silence, seen };
    this.#judgeAgainMs = monotonicMs() + JUDGE_AGAIN_MS;
    return null;
  }

  get #ownPid(): number {
    return this.#kernel.ownPid ?? this.#kernel.pid;
  }

  /**
   * The kernel may owe a request without a reply no status either. The counters show that it was read and finished.
   * Without counters, a further request on its channel shows it: the kernel reads that one later.
   */
  #concludeRead(head: ShellRequest, waitedMs: number): void {
    if (head.hasReply || firstWordMs(head) !== null) return;
    const counters = usableCounters(this.#counters());
    if (counters === null) {
      const isDue = waitedMs >= this.#sampleAfterMs && this.#client.unsettled.every((each) => !each.hasReply);
      if (isDue && this.#kernel.command.countersPath === null) {
        this.#witness ??= this.#client.request('kernel_info_request', {}, { isWitness: true });
      }
      return;
    }
    // Requests of other peers are counted too, and all of them may have come before.
    const before = this.#client.expected - this.#client.sent;
    const isDone = counters.begun === counters.ended && counters.ended >= before + head.number;
    const nowMs = monotonicMs();
    this.#readSinceMs = isDone ? (this.#readSinceMs ?? nowMs) : null;
    if (this.#readSinceMs !== null && nowMs - this.#readSinceMs >= READ_FOR_MS)
      this.#client.concludeRead(head);
  }

  /**
   * Look for a strand before the notebook began. A server and its library send requests of their own before any of
   * ours, which hide a strand from the counters but not from the look.
   *
   * @returns `null` where no strand was certified
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
   * The oldest unsettled request. Requests are served in order, so that its clock starts when those before it were
   * settled.
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
      this.#meter.restart();
      this.#judgeAtMs = 0;
      this.#readSinceMs = null;
      this.#witness = null;
      this.#judgeAgainMs = 0;
    }
    return head;
  }

  #counters(): KernelCounters | null {
    const path = this.#kernel.command.countersPath;
    return path === null ? null : readCounters(path);
  }

  async #passive(): Promise<PassiveView> {
    const count = () => ({ counters: this.#counters(), sent: this.#client.expected });
    const { before, after, processes } = await sampleTwice(count, [this.#kernel]);
    const [process = { cpuShare: null, state: null }] = processes;
    return { ...process, counters: after.counters, still: areEqual(before, after) };
  }

  #idle(passive: PassiveView): boolean {
    return passive.counters !== null && passive.still && isStill(passive);
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
   * Gather everything that can be known of a silence, safest first. A certified strand needs no more. Otherwise a late
   * answer is given its grace. Only if the request was neither answered nor begun by then, in a kernel without counters,
   * a new shell peer asks, which may bring the answer about.
   */
  async observe({ request, waitedMs, passive, seen: known }: Silence): Promise<Observations> {
    if (known !== undefined) return known;
    const isCertified = () => this.#look !== null && isStrand(this.#look);
    let heartbeat: boolean | null = null;
    let control: boolean | null = this.#look === null ? null : true;
    if (!isCertified()) {
      const graceEndMs = monotonicMs() + LATE_GRACE_MS;
      this.#client.trace.mark('the deadline has passed');
      heartbeat = await this.#client.heartbeat(HEARTBEAT_TIMEOUT_MS);
      control ??= (await this.#client.control('kernel_info_request', {}, CONTROL_TIMEOUT_MS)) !== null;
      if (!this.#looked && control && this.#isWorthALook(passive)) await this.#lookOnce();
      if (!isCertified()) {
        await this.#meterUntil(request, graceEndMs);
        await this.#settledBy(request, graceEndMs);
      }
    }
    const answeredLate = isSettled(request);
    const isOver = isCertified() || answeredLate || this.#kernel.exit !== null;
    const threads = isOver || this.#look !== null || control !== true ? null : await this.#stacks();
    const belowShare = this.#shareBelow();
    const { account } = this.#meter;
    const { connection } = this.#kernel;
    const portOpen =
      isOver || connection === null ? null : await shellPortOpen(connection, CONNECT_TIMEOUT_MS);
    const isUntouched = firstWordMs(request) === null && usableCounters(passive.counters) === null;
    const isReachable = portOpen === true || (connection === null && !isOver);
    const blocked = isOver || threads !== null || this.#isLaunched ? null : blockedIn(this.#ownPid);
    // Before the new peer asks: what it brings about does not show what the kernel did by itself.
    const seen = {
      busySeen: request.busyAtMs !== null,
      replySeen: request.replyAtMs !== null,
      idleSeen: request.idleAtMs !== null,
      sent: this.#sent(passive),
      rejected: this.#client.account.rejected,
      rejections: this.#client.rejections,
      ...this.#client.begunAfter(request),
    };
    const sinceMs = this.#sinceMs(request);
    const stalledMs = this.#stalls.stalledMs(sinceMs, sinceMs + waitedMs);
    const peer = isReachable && isUntouched ? await this.#askNewPeer(request) : null;
    return {
      request: request.msgType,
      waitedMs,
      ...(this.#client.reconnected === null ? {} : { through: 'server' as const }),
      ...seen,
      counters: passive.counters,
      cpuShare: account.lastShare ?? passive.cpuShare,
      ...(account.busiestShare === null ? {} : { busiestShare: account.busiestShare }),
      ...(belowShare === null ? {} : { belowShare }),
      processState: account.state ?? passive.state,
      ...(this.#meter.isReplaced() || this.#client.startedSince(request) ? { replaced: true as const } : {}),
      ...(blocked === null ? {} : { blockedIn: blocked }),
      ...(this.#client.answerAstraySince(request) ? { answerAstray: true as const } : {}),
      heartbeat,
      control,
      look: this.#look,
      ...(threads === null ? {} : { threads }),
      shellPortOpen: portOpen,
      peerAnswered: peer?.answered ?? null,
      revivedByPeer: peer?.revived ?? null,
      revival: null,
      revivedByRearm: null,
      revivedAfterMs: null,
      answeredLate,
      loopStallMs: this.#stalls.longestSince(sinceMs),
      ...(stalledMs > 0 ? { stalledMs } : {}),
      socketError: this.#client.failure?.message ?? null,
    };
  }

  /**
   * At the deadline a look can no longer harm the run. It is worth one if the counters show a strand, whatever else the
   * process computes, and if they cannot tell: after a reconnect, the server has sent requests that were not counted;
   * and wrong counters show nothing.
   */
  #isWorthALook(passive: PassiveView): boolean {
    const { counters, still } = passive;
    if (counters === null || !still) return false;
    const isHidden = this.#client.reconnected === true || accountFault(counters) !== null;
    return (isHidden && this.#idle(passive)) || countersShowStrand(counters, this.#client.expected);
  }

  /** Requests that were sent. A request that a look finds queued counts too, whoever sent it. */
  #sent({ counters }: PassiveView): number {
    const { expected } = this.#client;
    const isQueued = this.#look !== null && isStrand(this.#look) && this.#client.reconnected !== null;
    return isQueued && counters !== null ? Math.max(expected, counters.delivered + 1) : expected;
  }

  async #stacks(): Promise<Look['threads'] | null> {
    if (this.#kernel.command.countersPath === null) return null;
    const reply = await this.#client.control('soak_stacks_request', {}, CONTROL_TIMEOUT_MS);
    return stacksOfKernel(reply?.content);
  }

  /** Sample the process for a whole second, which may be part of the grace. */
  async #meterUntil(request: ShellRequest, graceEndMs: number): Promise<void> {
    const dueMs = Math.max(graceEndMs, monotonicMs() + LATE_GRACE_MS + 2 * WATCH_TICK_MS);
    this.#below = { ms: cpuMsBelow(this.#ownPid), atMs: monotonicMs() };
    const isAsked = () => this.#meter.hasWindow && monotonicMs() >= graceEndMs;
    while (!isAsked() && monotonicMs() < dueMs && !isSettled(request) && this.#kernel.exit === null) {
      await this.#meter.tick();
      await Promise.race([this.#client.changed(), delay(WATCH_TICK_MS)]);
    }
    await this.#meter.tick();
  }

  #shareBelow(): number | null {
    const before = this.#below;
    const now = cpuMsBelow(this.#ownPid);
    if (before === null || before.ms === null || now === null) return null;
    return Math.max(0, now - before.ms) / Math.max(1, monotonicMs() - before.atMs);
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
