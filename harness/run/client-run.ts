import type { Notebook } from '../frontend/notebook.ts';
import { monotonicMs, roundedMs } from '../frontend/precise-timer.ts';
import {
  type ClientEvent,
  type ClientProcess,
  type ClientProgram,
  launchClient,
} from '../kernel/client-process.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { readMarks } from '../kernel/marks.ts';
import { treeMemory } from '../kernel/memory-sample.ts';
import type { Stall } from '../model/client.ts';
import { type Endpoint, endsAtStall } from '../model/endpoint.ts';
import type { Outcome } from '../model/outcome.ts';
import { publicText } from '../model/public-text.ts';
import { classifyClient, isTimeout, stallReason } from '../oracle/classify-client.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { cleanUp } from './clean-up.ts';
import { answeredRequests, clientAccount, clientExposure, clientTrace } from './client-account.ts';
import { ClientWatch, type ClientWatchEnd, type Counted } from './client-watch.ts';
import { strandOutcome } from './look-at-kernel.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { type LaunchedRun, measureRun } from './measure-run.ts';
import { MemoryMeter } from './memory-meter.ts';
import type { RunContext } from './run-context.ts';
import { outcome } from './run-outcome.ts';
import {
  type Findings,
  type Measured,
  NOTHING_FOUND,
  NOTHING_MEASURED,
  type RunResult,
} from './run-record.ts';

const STDERR_CHARACTERS = 2_000;

/**
 * A run in which a client executes the notebook, in a kernel that it starts itself.
 *
 * @param endpoint what the run ends at
 * @returns and throws as `measureRun`
 */
export function executeClientRun(
  order: RunOrder,
  notebook: Notebook,
  program: ClientProgram,
  makeKernelCommand: KernelCommandMaker,
  context: RunContext,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<RunResult | null> {
  return measureRun(order, notebook, context, signal, async (startedMs) => {
    const process = await launchClient({
      program,
      makeKernelCommand,
      notebookPath: notebook.path,
      startTimeoutSeconds: Math.ceil(context.startTimeoutMs / 1000),
      reaper: context.reaper,
      variables: context.variables,
      sockets: context.sockets,
    });
    return new ClientRun(process, context, endpoint, startedMs, notebook.codeCells.length);
  });
}

class ClientRun implements LaunchedRun {
  measured: Measured = NOTHING_MEASURED;
  findings: Findings = NOTHING_FOUND;
  readonly memory: MemoryMeter | null;
  readonly #process: ClientProcess;
  readonly #watch: ClientWatch;
  readonly #endpoint: Endpoint;
  readonly #startedMs: number;
  readonly #stalls: LoopStallMeter;

  /** @param cells code cells of the notebook */
  constructor(
    process: ClientProcess,
    context: RunContext,
    endpoint: Endpoint,
    startedMs: number,
    cells: number,
  ) {
    this.#process = process;
    const kernelMemory = async () => {
      const { kernelPid } = process;
      return kernelPid === null ? null : treeMemory({ pid: kernelPid });
    };
    this.memory = context.samplesMemory === true ? new MemoryMeter(kernelMemory) : null;
    // The client ends its kernel by itself: after the last cell there may be no time for another sample.
    this.#watch = new ClientWatch(process, context, endpoint, ({ executes }) => {
      if (executes >= cells) void this.memory?.sample();
    });
    this.#endpoint = endpoint;
    this.#startedMs = startedMs;
    this.#stalls = context.stalls;
  }

  async outcome(over: AbortSignal): Promise<Outcome | null> {
    const process = this.#process;
    const end = await this.#watch.run(over);
    if (end === null || over.aborted) return null;
    const endMs = monotonicMs();
    if (end.what === 'exited') await process.exited;
    const counted =
      end.what === 'stranded'
        ? end.strand.counted
        : end.what === 'stalled'
          ? end.counted
          : this.#watch.count();
    this.#measure(counted, end.what === 'stalled' ? end.events : process.events(), endMs);
    const loopStallMs = this.#stalls.longestSince(this.#startedMs);
    return runOutcome(process, this.#watch, end, counted, this.#endpoint, loopStallMs);
  }

  #measure(counted: Counted, events: readonly ClientEvent[], endMs: number): void {
    const { firstCellMs, stalls, marks } = this.#watch;
    this.measured = {
      startMs: firstCellMs === null ? null : firstCellMs - this.#startedMs,
      notebookMs: firstCellMs === null ? null : endMs - firstCellMs,
      client: clientAccount(events),
      kernel: counted.kernel,
      cellMs: answeredRequests(events).cellMs,
      exposure: clientExposure(events),
      clientCounters: counted.client,
      ...(stalls.length === 0 ? {} : { stalls: [...stalls] }),
      trace: clientTrace(events, marks, firstCellMs ?? this.#startedMs),
    };
  }

  async end(): Promise<readonly string[]> {
    const process = this.#process;
    if (this.measured === NOTHING_MEASURED) {
      this.#measure(this.#watch.count(), process.events(), monotonicMs());
    }
    this.findings = {
      ...NOTHING_FOUND,
      identity: process.kernelIdentity(),
      clientSources: process.clientSources(),
      watch: this.#watch.account,
    };
    return cleanUp(null, process, () => {
      const notebook = process.executedNotebook();
      this.findings = { ...this.findings, notebook, marks: readMarks(process.kernelCommand.countersPath) };
    });
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}

function runOutcome(
  process: ClientProcess,
  watch: ClientWatch,
  end: ClientWatchEnd,
  counted: Counted,
  endpoint: Endpoint,
  loopStallMs: number,
): Outcome {
  const cell = counted.client.executes === 0 ? null : counted.client.executes - 1;
  const unanswered = answeredRequests(process.events()).untaken;
  if (end.what === 'stranded') {
    const { counted: at, ...strand } = end.strand;
    const seen = {
      ...strand,
      request: unanswered ?? 'comm_msg',
      sent: at.client.shellSends,
      counters: at.kernel,
    };
    return strandOutcome(seen, cell, loopStallMs);
  }
  const last = watch.stalls.at(-1);
  if (end.what === 'stalled' && last !== undefined) return stallOutcome(last);
  const { exit } = process;
  const waitedMs = end.what === 'silent' ? end.waitedMs : 0;
  const error = process.error();
  const { held } = watch;
  const isOfCell = held?.counted.client.executes === counted.client.executes;
  const isHeld = isTimeout(error) && held !== null && isOfCell;
  const at = isHeld ? held : { ...watch.standing, counted };
  const verdict = classifyClient({
    error,
    exitWords:
      exit === null ? null : exit.signal !== null ? `killed by ${exit.signal}` : `exit code ${exit.code}`,
    kernel: at.counted.kernel,
    client: at.counted.client,
    waitedMs,
    stalls: watch.stalls,
    idle: at.idle,
    threads: at.threads,
    isReplaced: watch.isReplaced,
    hasKernelEnded: watch.hasKernelEnded,
  });
  // A stall that no look certified counts as well: the client found the reply at its own time-out, or never.
  if (
    last !== undefined &&
    (verdict.kind === 'lost-reply' || (endsAtStall(endpoint) && verdict.kind === 'completed'))
  ) {
    return stallOutcome(last);
  }
  const isComplete = verdict.kind === 'completed';
  return outcome({
    ...verdict,
    cell: isComplete || verdict.kind === 'start-failed' ? null : cell,
    ...(end.what === 'silent' ? { unanswered, waitedMs: roundedMs(waitedMs) } : {}),
    error:
      verdict.kind === 'cell-error' && error
        ? { ename: error.ename, evalue: publicText(error.evalue) }
        : null,
    exit: isComplete ? null : exit,
    stderrTail: isComplete ? null : process.stderrTail().slice(-STDERR_CHARACTERS),
  });
}

function stallOutcome(stall: Stall): Outcome {
  return outcome({
    kind: 'stalled',
    source: 'client',
    reason: stallReason(stall),
    cell: stall.cell,
    unanswered: stall.request,
    waitedMs: stall.waitedMs,
  });
}
