import { setTimeout as delay } from 'node:timers/promises';
import type { Notebook } from '../frontend/notebook.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { type CommandClient, type CommandProgram, launchCommandClient } from '../kernel/command-client.ts';
import { readCounters } from '../kernel/counters.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { readMarks } from '../kernel/marks.ts';
import { treeMemory } from '../kernel/memory-sample.ts';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import type { Outcome } from '../model/outcome.ts';
import { type CommandFacts, classifyCommand } from '../oracle/classify-command.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { cleanUp } from './clean-up.ts';
import { clientTrace } from './client-account.ts';
import { IdleMeter } from './idle-meter.ts';
import { type KernelLook, lookAtKernel, type StrandSeen, strandOutcome } from './look-at-kernel.ts';
import { type LaunchedRun, measureRun } from './measure-run.ts';
import { MemoryMeter } from './memory-meter.ts';
import type { RunContext } from './run-context.ts';
import { outcome, startFailure } from './run-outcome.ts';
import {
  type Findings,
  type Measured,
  NOTHING_FOUND,
  NOTHING_MEASURED,
  type RunResult,
} from './run-record.ts';
import { areEqual, isStill, type Sampled, sampleTwice, WATCH_TICK_MS } from './two-samples.ts';

// Idleness is judged by a second, as under a client that is counted.
const SAMPLE_AFTER_MS = 250;
const OUTPUT_CHARACTERS = 2_000;
const NO_REQUESTS = Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, 0])) as KernelCounters;

/**
 * A run in which a command executes the notebook, in a kernel that the harness has started. The command is not counted,
 * so that the kernel is watched by its own counters alone: an answer may be owed whenever they stand still.
 *
 * @returns and throws as `measureRun`
 */
export function executeCommandRun(
  order: RunOrder,
  notebook: Notebook,
  program: CommandProgram,
  makeCommand: KernelCommandMaker,
  context: RunContext,
  signal: AbortSignal,
): Promise<RunResult | null> {
  return measureRun(order, notebook, context, signal, async (startedMs) => {
    const { reaper, variables, sockets } = context;
    const client = await launchCommandClient(program, notebook.path, {
      makeCommand,
      reaper,
      variables,
      sockets,
    });
    return new CommandRun(client, notebook.codeCells.length, context, startedMs);
  });
}

/** A strand without the counters of its moment. */
type Strand = Omit<StrandSeen, 'request' | 'sent'>;

class CommandRun implements LaunchedRun {
  measured: Measured = NOTHING_MEASURED;
  findings: Findings = NOTHING_FOUND;
  readonly memory: MemoryMeter | null;
  readonly #client: CommandClient;
  readonly #cells: number;
  readonly #context: RunContext;
  readonly #startedMs: number;
  readonly #marks: { readonly atMs: number; readonly act: string }[] = [];
  readonly #meter: IdleMeter;
  #counted: KernelCounters = NO_REQUESTS;
  #movedAtMs = monotonicMs();
  #firstRequestMs: number | null = null;
  #silent = 0;
  #looks = 0;
  /** The look at this silence. `null`: there was none. */
  #look: KernelLook | null = null;

  constructor(client: CommandClient, cells: number, context: RunContext, startedMs: number) {
    this.#client = client;
    this.#cells = cells;
    this.#context = context;
    this.#startedMs = startedMs;
    this.#meter = new IdleMeter(client.kernel);
    this.memory = context.samplesMemory === true ? new MemoryMeter(() => treeMemory(client.kernel)) : null;
  }

  async outcome(over: AbortSignal): Promise<Outcome | null> {
    const { kernel } = this.#client;
    const startDueMs = this.#startedMs + this.#context.startTimeoutMs;
    // A kernel says what it loaded once it has its sockets.
    while (kernel.identity() === null) {
      if (over.aborted) return null;
      if (kernel.exit !== null) return startFailure('the process ended before it was ready', kernel);
      if (monotonicMs() > startDueMs) {
        return startFailure(`it had no sockets within ${this.#context.startTimeoutMs / 1000} s`, kernel);
      }
      await delay(WATCH_TICK_MS);
    }
    await this.#client.start();
    this.#movedAtMs = monotonicMs();
    const strand = await this.#watch(over);
    if (over.aborted) return null;
    if (this.#client.exit !== null) await this.#client.exited;
    if (strand === null) this.#update();
    this.#measure(monotonicMs());
    if (strand !== null) {
      // The certificate shows at least one request more than the kernel was given.
      const seen = { ...strand, request: 'execute_request', sent: this.#counted.delivered + 1 };
      return strandOutcome(seen, null, this.#context.stalls.longestSince(this.#startedMs));
    }
    return this.#ended();
  }

  /**
   * Watch until the program ends, the kernel is certified as stranded, or nothing has moved for the deadline.
   *
   * @returns the strand, `null`: there is none
   */
  async #watch(over: AbortSignal): Promise<Strand | null> {
    const { timeoutMs, startTimeoutMs, suspectAfterMs } = this.#context;
    while (!over.aborted) {
      await delay(WATCH_TICK_MS);
      this.#update();
      if (this.#client.exit !== null) return null;
      const waitedMs = monotonicMs() - this.#movedAtMs;
      if (waitedMs >= SAMPLE_AFTER_MS && this.#client.kernel.exit === null) await this.#meter.tick();
      const isLate =
        waitedMs >= (this.#firstRequestMs === null ? Math.max(timeoutMs, startTimeoutMs) : timeoutMs);
      const isSuspect = suspectAfterMs !== null && waitedMs >= suspectAfterMs && this.#look === null;
      if (isLate && this.#look !== null) return null;
      if (isLate || isSuspect) {
        const strand = await this.#suspect(waitedMs);
        if (strand !== null || isLate) return strand;
      }
    }
    return null;
  }

  #update(): void {
    const now = readCounters(this.#client.kernel.command.countersPath ?? '') ?? this.#counted;
    if (areEqual(now, this.#counted)) return;
    this.#counted = now;
    this.#firstRequestMs ??= monotonicMs();
    this.#movedAtMs = monotonicMs();
    this.#look = null;
    this.#meter.restart();
  }

  /** Look once at a kernel that has finished all that it was given, if nothing moves and both are idle. */
  async #suspect(waitedMs: number): Promise<Strand | null> {
    const { kernel, pid } = this.#client;
    const counted = this.#counted;
    const isFree = counted.delivered === counted.begun && counted.begun === counted.ended;
    if (!isFree || counted.delivered === 0 || kernel.exit !== null || pid === null) return null;
    const both = [kernel, { pid }];
    const { before, after, processes } = await sampleTwice(
      () => readCounters(kernel.command.countersPath ?? ''),
      both,
    );
    const [sampled, program] = processes as [Sampled, Sampled];
    if (!areEqual(before, counted) || !areEqual(after, counted)) return null;
    if (!isStill(sampled) || !isStill(program) || this.#client.exit !== null) return null;
    this.#silent += 1;
    this.#looks += 1;
    const delivered = () => readCounters(kernel.command.countersPath ?? '')?.delivered ?? 0;
    const mark = (act: string) => void this.#marks.push({ atMs: monotonicMs(), act });
    this.#look = await lookAtKernel(kernel.connection, delivered, mark);
    const { look, revival } = this.#look;
    if (look === null || revival === null) return null;
    return {
      look,
      waitedMs,
      counters: counted,
      cpuShare: sampled.cpuShare,
      processState: sampled.state,
      revivedByRearm: revival.revived,
      revivedAfterMs: revival.afterMs,
    };
  }

  #ended(): Outcome {
    const { exit, kernel } = this.#client;
    const { busiestShare, lastShare } = this.#meter.account;
    const facts: CommandFacts = {
      programExit: exit,
      kernelExitWords:
        kernel.exit === null
          ? null
          : kernel.exit.signal !== null
            ? `killed by ${kernel.exit.signal}`
            : `exit code ${kernel.exit.code}`,
      kernel: this.#counted,
      cells: this.#cells,
      waitedMs: monotonicMs() - this.#movedAtMs,
      idle: busiestShare === null || lastShare === null ? null : { busiestShare, lastShare },
      isSocketEmpty: this.#look?.look?.pollin === false,
    };
    const verdict = classifyCommand(facts);
    if (verdict.kind === 'completed') return outcome(verdict);
    const isOfKernel = verdict.source === 'kernel';
    return outcome({
      ...verdict,
      exit: isOfKernel ? kernel.exit : exit,
      stderrTail: (isOfKernel ? kernel.stderrTail() : this.#client.outputTail()).slice(-OUTPUT_CHARACTERS),
    });
  }

  #measure(endMs: number): void {
    const firstMs = this.#firstRequestMs;
    this.measured = {
      ...NOTHING_MEASURED,
      startMs: firstMs === null ? null : firstMs - this.#startedMs,
      notebookMs: firstMs === null ? null : endMs - firstMs,
      kernel: this.#counted,
      trace: clientTrace([], this.#marks, firstMs ?? this.#startedMs),
    };
  }

  async end(): Promise<readonly string[]> {
    const { kernel } = this.#client;
    if (this.measured === NOTHING_MEASURED) this.#measure(monotonicMs());
    this.findings = {
      ...NOTHING_FOUND,
      identity: kernel.identity(),
      watch: { silent: this.#silent, looks: this.#looks },
    };
    return cleanUp(null, this.#client, () => {
      const notebook = this.#client.executedNotebook();
      const marks = readMarks(kernel.command.countersPath);
      this.findings = { ...this.findings, notebook, marks };
    });
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}
