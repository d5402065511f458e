import { dirname, resolve } from 'node:path';
import { KernelClient } from '../frontend/client.ts';
import { executedNotebook } from '../frontend/executed-notebook.ts';
import type { JsonObject, Notebook } from '../frontend/notebook.ts';
import { NotebookOutputs } from '../frontend/notebook-outputs.ts';
import { monotonicMs, type PreciseTimer } from '../frontend/precise-timer.ts';
import { type CellError, FrontEnd } from '../frontend/traffic.ts';
import { readCounters } from '../kernel/counters.ts';
import {
  type KernelCommandMaker,
  type KernelIdentity,
  type KernelProcess,
  launchKernel,
} from '../kernel/launch.ts';
import type { Reaper } from '../kernel/reaper.ts';
import type { KernelCounters } from '../model/arm.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Outcome } from '../model/outcome.ts';
import { classify, isStrand } from '../oracle/classify.ts';
import { type Latency, LatencyDraws } from '../plan/latency.ts';
import type { RunOrder } from '../plan/schedule.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { awaitReady } from './ready.ts';
import { Watch } from './watch.ts';

/** What every run of an experiment shares. */
export interface RunContext {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly suspectAfterMs: number | null;
  readonly pipelineDepth: number;
  readonly latency: Latency;
  readonly timer: PreciseTimer;
  readonly stalls: LoopStallMeter;
  readonly reaper: Reaper;
  /** Variables for the kernel beyond the allow-list. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What a run left: the record for the journal, and what is not journalled. */
export interface RunResult {
  readonly record: RunRecord;
  /** The notebook with its outputs, also of a run that did not complete; `null` without a ready kernel. */
  readonly notebook: JsonObject | null;
  readonly identity: KernelIdentity | null;
}

const STDERR_CHARACTERS = 2_000;
// A process that ends right after its last reply has usually written that reply: let it arrive.
const EXIT_DRAIN_MS = 100;
// ipykernel's words when a port was taken between our release and its bind.
const ADDRESS_IN_USE = /Address already in use|EADDRINUSE|WinError 10048|WSAEADDRINUSE/;

function outcome(parts: Pick<Outcome, 'kind' | 'source' | 'reason'> & Partial<Outcome>): Outcome {
  return {
    cell: null,
    unanswered: null,
    waitedMs: null,
    error: null,
    exit: null,
    stderrTail: null,
    observations: null,
    ...parts,
  };
}

function describeExit(kernel: KernelProcess): string {
  const { exit } = kernel;
  if (exit === null) return 'the process lives';
  return exit.signal !== null ? `killed by ${exit.signal}` : `exit code ${exit.code}`;
}

function startFailure(reason: string, kernel: KernelProcess): Outcome {
  const stderrTail = kernel.stderrTail().slice(-STDERR_CHARACTERS);
  if (kernel.exit !== null && ADDRESS_IN_USE.test(stderrTail)) {
    return outcome({
      kind: 'harness-fault',
      source: 'harness',
      reason: 'a port allotted to the kernel was taken by another process before the kernel bound it',
      exit: kernel.exit,
      stderrTail,
    });
  }
  return outcome({
    kind: 'start-failed',
    source: 'kernel',
    reason: kernel.exit === null ? reason : `${reason} (${describeExit(kernel)})`,
    exit: kernel.exit,
    stderrTail,
  });
}

/**
 * Launch a fresh kernel, take the notebook through it, and say what happened. Never retries. The kernel,
 * its children, its folder and its ports are gone when this resolves.
 *
 * @returns `null` when `signal` was aborted before the run had its outcome
 * @throws when the program cannot be started at all, or the harness cannot clean up
 */
export async function executeRun(
  order: RunOrder,
  notebook: Notebook,
  makeCommand: KernelCommandMaker,
  context: RunContext,
  signal: AbortSignal,
): Promise<RunResult | null> {
  const at = new Date().toISOString();
  const startedMs = monotonicMs();
  const kernel = await launchKernel({
    makeCommand,
    cwd: dirname(resolve(notebook.path)),
    reaper: context.reaper,
    variables: context.variables,
  });
  const client = new KernelClient(kernel.connection);
  const over = new AbortController();
  const interrupted = new Promise<'interrupted'>((resolve) => {
    if (signal.aborted) resolve('interrupted');
    else signal.addEventListener('abort', () => resolve('interrupted'), { once: true, signal: over.signal });
  });
  let startMs: number | null = null;
  let notebookMs: number | null = null;
  let executed: JsonObject | null = null;
  let result: Outcome;
  let account = accountOf(client, null);
  let identity: KernelIdentity | null = null;
  let counters: KernelCounters | null = null;
  try {
    const readiness = await Promise.race([awaitReady(client, kernel, context.startTimeoutMs), interrupted]);
    if (readiness === 'interrupted') return null;
    identity = kernel.identity();
    if (!readiness.ready) {
      account = accountOf(client, null);
      result = startFailure(readiness.reason, kernel);
    } else {
      const readyMs = monotonicMs();
      startMs = readyMs - startedMs;
      const outputs = new NotebookOutputs();
      const frontEnd = new FrontEnd({
        client,
        notebook,
        outputs,
        profile: order.traffic,
        pipelineDepth: context.pipelineDepth,
        draws: new LatencyDraws(context.latency, order.seed),
        timer: context.timer,
        signal: over.signal,
      });
      const observed = await Promise.race([
        observedOutcome(kernel, client, frontEnd, context, over),
        interrupted,
      ]);
      if (observed === 'interrupted') return null;
      ({ account, result } = observed);
      notebookMs = monotonicMs() - readyMs;
      executed = executedNotebook(notebook, outputs, readiness.languageInfo ?? undefined);
    }
  } finally {
    over.abort();
    await client.close();
    await kernel.dispose();
    const { countersPath } = kernel.command;
    counters = account.kernel ?? (countersPath === null ? null : readCounters(countersPath));
    await kernel.removeFolder();
  }
  return {
    identity,
    notebook: executed,
    record: {
      type: 'run',
      run: order.run,
      block: order.block,
      position: order.position,
      arm: order.arm,
      notebook: order.notebookIndex,
      traffic: order.traffic,
      seed: order.seed,
      at,
      startMs: startMs === null ? null : rounded(startMs),
      notebookMs: notebookMs === null ? null : rounded(notebookMs),
      outcome: result,
      client: account.client,
      kernel: counters,
      cellMs: account.cellMs.map(rounded),
      loopStallMs: rounded(context.stalls.longestSince(startedMs)),
    },
  };
}

/** Microseconds are all that the clock is good for. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What had been sent, answered and counted when the run had its outcome. */
interface Account {
  readonly client: RunRecord['client'];
  readonly cellMs: readonly number[];
  /** Counters at a verdict; `null`: read them once the kernel is gone. */
  readonly kernel: KernelCounters | null;
}

function accountOf(client: KernelClient, frontEnd: FrontEnd | null): Account {
  return { client: client.account, cellMs: frontEnd?.cellMs ?? [], kernel: null };
}

async function observedOutcome(
  kernel: KernelProcess,
  client: KernelClient,
  frontEnd: FrontEnd,
  context: RunContext,
  over: AbortController,
): Promise<{ account: Account; result: Outcome }> {
  const watch = new Watch(client, kernel, context, context.stalls);
  const traffic = frontEnd.run();
  const first = await Promise.race([
    traffic.then((error) => ({ what: 'ended' as const, error })),
    watch.unanswered(over.signal).then((seen) => ({ what: 'unanswered' as const, seen })),
    kernel.exited.then(() => ({ what: 'exited' as const })),
  ]);
  if (first.what === 'exited') {
    await Promise.race([traffic, new Promise((resolve) => setTimeout(resolve, EXIT_DRAIN_MS))]);
    over.abort();
    const result = outcome({
      kind: 'died',
      source: 'kernel',
      reason: `the process ended during the run (${describeExit(kernel)})`,
      cell: currentCell(frontEnd),
      exit: kernel.exit,
      stderrTail: kernel.stderrTail().slice(-STDERR_CHARACTERS),
    });
    return { account: accountOf(client, frontEnd), result };
  }
  over.abort();
  if (first.what === 'ended')
    return { account: accountOf(client, frontEnd), result: endedOutcome(first.error) };
  if (first.seen === null) throw new Error('The watch ended without a verdict while the run went on.');
  // Before the proof, which brings the missing answers: the account is that of the verdict.
  const account = { ...accountOf(client, frontEnd), kernel: first.seen.counters };
  const cell = currentCell(frontEnd);
  const certified = first.seen.look !== null && isStrand(first.seen.look);
  const seen = certified ? { ...first.seen, ...(await watch.rearm()) } : first.seen;
  const result = outcome({
    ...classify(seen),
    cell,
    unanswered: seen.request,
    waitedMs: rounded(seen.waitedMs),
    observations: seen,
  });
  return { account, result };
}

function endedOutcome(error: CellError | null): Outcome {
  if (error === null) {
    return outcome({ kind: 'completed', source: null, reason: 'every request was answered by its deadline' });
  }
  return outcome({
    kind: 'cell-error',
    source: 'notebook',
    reason: 'a cell raised and is not marked raises-exception',
    cell: error.position,
    error: { ename: error.ename, evalue: error.evalue },
  });
}

/** Position of the first cell without an answer; the number of cells when all were answered. */
function currentCell(frontEnd: FrontEnd): number {
  const open = frontEnd.executes.findIndex(
    (request) => request.idleAtMs === null || request.replyAtMs === null,
  );
  return open < 0 ? frontEnd.executes.length : open;
}
