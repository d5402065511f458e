import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs, roundedMs } from '../frontend/precise-timer.ts';
import type { ClientEvent, ClientProcess } from '../kernel/client-process.ts';
import { readClientCounters, readCounters } from '../kernel/counters.ts';
import type { KernelCounters } from '../model/arm.ts';
import { CLIENT_COUNTERS, type ClientCounters, type Stall } from '../model/client.ts';
import { type Endpoint, endsAtStall } from '../model/endpoint.ts';
import { type Look, lookOfKernel } from '../model/observations.ts';
import { countersShowStrand } from '../oracle/account.ts';
import { type ClientFacts, countersShowStall, isClientStrand } from '../oracle/classify-client.ts';
import { answeredRequests } from './client-account.ts';
import { IdleMeter } from './idle-meter.ts';
import { lookAtKernel, within } from './look-at-kernel.ts';
import {
  areEqual,
  CONTROL_TIMEOUT_MS,
  isStill,
  type Sampled,
  sampleTwice,
  WATCH_TICK_MS,
} from './two-samples.ts';
import type { WatchAccount } from './watch.ts';

// Idleness is judged by a second, and a client's own time-out may be only a few.
const SAMPLE_AFTER_MS = 250;
// A process that has ended, and for which its parent, the client, has not waited yet.
const ENDED = 'Z';

/** The counters of both processes. `kernel` is `null` until the kernel has started. */
export interface Counted {
  readonly kernel: KernelCounters | null;
  readonly client: ClientCounters;
}

/** A certified strand in the kernel, and what the re-arm did. */
export interface KernelStrand {
  readonly look: Look;
  readonly cpuShare: number | null;
  readonly processState: string | null;
  readonly counted: Counted;
  readonly waitedMs: number;
  readonly revivedByRearm: boolean;
  readonly revivedAfterMs: number | null;
}

/** Why the watch ended. `exited`: the client's process has ended. */
export type ClientWatchEnd =
  | { readonly what: 'exited' }
  | { readonly what: 'stranded'; readonly strand: KernelStrand }
  | { readonly what: 'stalled'; readonly counted: Counted; readonly events: readonly ClientEvent[] }
  | { readonly what: 'silent'; readonly waitedMs: number; readonly counted: Counted };

/** Counters that did not move, and what was seen of the kernel meanwhile. */
export interface Standstill {
  readonly counted: Counted;
  readonly stoodMs: number;
  readonly idle: ClientFacts['idle'];
  readonly threads: ClientFacts['threads'];
}

/** When the watch does what, milliseconds. */
export interface ClientWatchTimes {
  /** The run is over when nothing has moved for so long. */
  readonly timeoutMs: number;
  /** The same until the client has sent its first cell. */
  readonly startTimeoutMs: number;
  /** An owed answer is suspected when nothing has moved for so long. `null`: never. */
  readonly suspectAfterMs: number | null;
}

interface OpenStall {
  readonly stall: Stall;
  readonly sinceMs: number;
  readonly counted: Counted;
}

/**
 * Watches a client that is a program of its own, and its kernel, from outside: two counter files, two processes. It
 * touches neither until nothing has moved for `suspectAfterMs`, the counters show which of them owes the other an
 * answer, and both are idle. Then it looks once for each silence: at the kernel over its control channel, or at the
 * client by its probe thread.
 */
export class ClientWatch {
  readonly #process: ClientProcess;
  readonly #times: ClientWatchTimes;
  readonly #endpoint: Endpoint;
  readonly #onTaken: (client: ClientCounters) => void;
  readonly #stalls: Stall[] = [];
  readonly #marks: { readonly atMs: number; readonly act: string }[] = [];
  #counted: Counted;
  #lastClient = Object.fromEntries(CLIENT_COUNTERS.map((name) => [name, 0])) as ClientCounters;
  #movedAtMs = monotonicMs();
  #open: OpenStall | null = null;
  #looked = false;
  #silent = 0;
  #looks = 0;
  #firstCellMs: number | null = null;
  #held: Standstill | null = null;
  #meter: IdleMeter | null = null;
  #isReplaced = false;
  /** Stacks of the kernel's threads, if there was a look since anything moved. */
  #threads: Look['threads'] | null = null;

  /** @param onTaken is told when the client was seen to have taken something from the shell channel */
  constructor(
    process: ClientProcess,
    times: ClientWatchTimes,
    endpoint: Endpoint,
    onTaken: (client: ClientCounters) => void,
  ) {
    this.#process = process;
    this.#times = times;
    this.#endpoint = endpoint;
    this.#onTaken = onTaken;
    this.#counted = this.count();
  }

  /** Stalls so far, in order, including one that still lasts. */
  get stalls(): readonly Stall[] {
    return this.#open === null ? this.#stalls : [...this.#stalls, this.#open.stall];
  }

  /** What the harness did, at `monotonicMs`. */
  get marks(): readonly { readonly atMs: number; readonly act: string }[] {
    return this.#marks;
  }

  /** When the client had sent its first cell, `monotonicMs`. `null`: it has not. */
  get firstCellMs(): number | null {
    return this.#firstCellMs;
  }

  /**
   * The counters that stood longest during the last cell. A client that gives up interrupts the kernel and shuts it
   * down, so that later counters do not show what it had waited for. `null`: nothing has moved yet.
   */
  get held(): Standstill | null {
    return this.#held;
  }

  /** The counters as they stand now. */
  get standing(): Standstill {
    const { busiestShare = null, lastShare = null } = this.#meter?.account ?? {};
    return {
      counted: this.#counted,
      stoodMs: monotonicMs() - this.#movedAtMs,
      idle: busiestShare === null || lastShare === null ? null : { busiestShare, lastShare },
      threads: this.#threads,
    };
  }

  /** Whether the kernel's process was seen to run another program than at its start. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Whether the kernel's process had ended at the last sample of a silence, as far as the system says. */
  get hasKernelEnded(): boolean {
    return this.#meter?.account.state === ENDED;
  }

  get account(): WatchAccount {
    return { silent: this.#silent, looks: this.#looks };
  }

  /** The counters as they stand. */
  count(): Counted {
    const { countersPath } = this.#process.kernelCommand;
    const started = countersPath !== null && this.#process.kernelPid !== null;
    return {
      kernel: started ? readCounters(countersPath) : null,
      client: this.#clientCounters(),
    };
  }

  #clientCounters(): ClientCounters {
    // A notebook can remove the file: the client then looks as if it had stopped.
    this.#lastClient = readClientCounters(this.#process.countersPath) ?? this.#lastClient;
    return this.#lastClient;
  }

  /**
   * Watch until the client ends, the kernel is certified as stranded, nothing has moved for the deadline, or, if stalls
   * are the endpoint, the client is certified as stalled. If they are not, a stall is recorded and left to the client's
   * own time-out.
   *
   * @returns `null` once `signal` is aborted
   */
  async run(signal: AbortSignal): Promise<ClientWatchEnd | null> {
    while (!signal.aborted) {
      await delay(WATCH_TICK_MS);
      if (this.#process.exit !== null) {
        this.#update();
        return { what: 'exited' };
      }
      this.#update();
      const waitedMs = monotonicMs() - this.#movedAtMs;
      await this.#sample(waitedMs);
      if (this.#isReplaced) return { what: 'silent', waitedMs, counted: this.#counted };
      const { timeoutMs, startTimeoutMs, suspectAfterMs } = this.#times;
      if (waitedMs >= (this.#firstCellMs === null ? Math.max(timeoutMs, startTimeoutMs) : timeoutMs)) {
        return { what: 'silent', waitedMs, counted: this.#counted };
      }
      if (suspectAfterMs === null || waitedMs < suspectAfterMs || this.#looked) continue;
      const end = await this.#suspect();
      if (end !== null) return end;
    }
    return null;
  }

  /** Once nothing has moved for a while, see every second whether the kernel is at work, and still the same program. */
  async #sample(waitedMs: number): Promise<void> {
    const { kernelPid } = this.#process;
    if (kernelPid === null) return;
    this.#meter ??= new IdleMeter({ pid: kernelPid, ownPid: kernelPid });
    if (waitedMs >= SAMPLE_AFTER_MS && (await this.#meter.tick()))
      this.#isReplaced = this.#meter.isReplaced();
  }

  #update(): void {
    const now = this.count();
    const moved = !areEqual(now, this.#counted);
    const before = this.#counted;
    this.#counted = now;
    if (this.#firstCellMs === null && now.client.executes > 0) this.#firstCellMs = monotonicMs();
    if (!moved) return;
    if (now.client.taken > before.client.taken) this.#onTaken(now.client);
    if (this.#open !== null && now.client.taken > before.client.taken) {
      const endedAfterMs = monotonicMs() - this.#open.sinceMs;
      const late = now.client.late > this.#open.counted.client.late;
      this.#close({ ...this.#open.stall, end: late ? 'time-out' : 'itself', endedAfterMs });
    }
    const stood: Standstill = { ...this.standing, counted: before };
    if (
      before.client.executes !== this.#held?.counted.client.executes ||
      stood.stoodMs > this.#held.stoodMs
    ) {
      this.#held = stood;
    }
    this.#movedAtMs = monotonicMs();
    this.#meter?.restart();
    this.#threads = null;
    this.#looked = false;
  }

  #close(stall: Stall): void {
    this.#stalls.push({
      ...stall,
      endedAfterMs: stall.endedAfterMs === null ? null : roundedMs(stall.endedAfterMs),
    });
    this.#open = null;
  }

  async #suspect(): Promise<ClientWatchEnd | null> {
    const { kernel, client } = this.#counted;
    const { kernelPid } = this.#process;
    if (kernel === null || kernelPid === null) return null;
    const strand = countersShowStrand(kernel, client.shellSends);
    const stall = !strand && countersShowStall(kernel, client);
    if (!strand && !stall) return null;
    const passive = await this.#passive(kernelPid);
    if (passive === null) return null;
    this.#looked = true;
    this.#silent += 1;
    this.#looks += 1;
    return strand ? this.#lookAtKernel(passive.kernel) : this.#lookAtClient(passive.client.cpuShare);
  }

  /** Two samples of both processes; `null` when anything moved or one of them is at work. */
  async #passive(kernelPid: number): Promise<{ kernel: Sampled; client: Sampled } | null> {
    const kernelOwn = { pid: kernelPid, ownPid: kernelPid };
    const { after, processes } = await sampleTwice(() => this.count(), [kernelOwn, this.#process]);
    const [kernel, client] = processes;
    if (!areEqual(after, this.#counted) || kernel === undefined || client === undefined) return null;
    return isStill(kernel) && isStill(client) ? { kernel, client } : null;
  }

  async #lookAtKernel({ cpuShare, state }: Sampled): Promise<ClientWatchEnd | null> {
    const connection = this.#process.connection();
    if (connection === null) return null;
    const waitedMs = monotonicMs() - this.#movedAtMs;
    const counted = this.#counted;
    const { look, revival } = await lookAtKernel(
      connection,
      () => this.count().kernel?.delivered ?? 0,
      (act) => this.#mark(act),
    );
    this.#threads = look?.threads ?? null;
    if (look === null || revival === null) return null;
    const strand: KernelStrand = {
      look,
      cpuShare,
      processState: state,
      counted,
      waitedMs,
      revivedByRearm: revival.revived,
      revivedAfterMs: revival.afterMs,
    };
    return { what: 'stranded', strand };
  }

  async #lookAtClient(cpuShare: number | null): Promise<ClientWatchEnd | null> {
    const counted = this.#counted;
    const { kernel, client } = counted;
    const sinceMs = this.#movedAtMs;
    this.#mark("suspicion: one look at the client's loop");
    // The run's account is taken first: what follows may make the client take the reply.
    const events = this.#process.events();
    const look = lookOfKernel(await this.#process.ask('look', CONTROL_TIMEOUT_MS));
    const stall: Stall = {
      cell: client.executes === 0 ? null : client.executes - 1,
      request: answeredRequests(events).untaken ?? 'unknown',
      waitedMs: roundedMs(monotonicMs() - sinceMs),
      replies: kernel?.replies ?? 0,
      taken: client.taken,
      cpuShare,
      look,
      end: 'not',
      endedAfterMs: null,
    };
    this.#open = { stall, sinceMs, counted };
    if (!endsAtStall(this.#endpoint) || stall.look === null || !isClientStrand(stall.look)) return null;
    const startMs = monotonicMs();
    this.#mark("tried: one look for remaining events on the client's socket");
    const rearmed = this.#process.ask('rearm', CONTROL_TIMEOUT_MS);
    const taken = await within(() => this.count().client.taken > client.taken);
    const endedAfterMs = monotonicMs() - startMs;
    await rearmed;
    this.#close(taken ? { ...stall, end: 're-arm', endedAfterMs } : stall);
    return { what: 'stalled', counted, events };
  }

  #mark(act: string): void {
    this.#marks.push({ atMs: monotonicMs(), act });
  }
}
