import { dirname, resolve } from 'node:path';
import { KernelClient } from '../frontend/client.ts';
import { executedNotebook } from '../frontend/executed-notebook.ts';
import { type Latency, LatencyDraws } from '../frontend/latency.ts';
import type { JsonObject, Notebook } from '../frontend/notebook.ts';
import { NotebookOutputs } from '../frontend/notebook-outputs.ts';
import { monotonicMs, type PreciseTimer } from '../frontend/precise-timer.ts';
import { TextSpill } from '../frontend/text-spill.ts';
import { FrontEnd } from '../frontend/traffic.ts';
import { readCounters } from '../kernel/counters.ts';
import type { KernelIdentity } from '../kernel/kernel-identity.ts';
import {
  type KernelCommandMaker,
  type LaunchOptions,
  launchKernel,
  type RunningKernel,
} from '../kernel/launch.ts';
import { readMarks } from '../kernel/marks.ts';
import { endOf, killTree } from '../kernel/process-tree.ts';
import type { Reaper } from '../kernel/reaper.ts';
import { settledCounters } from '../kernel/settled-counters.ts';
import type { KernelCounters } from '../model/arm.ts';
import { RunFault } from '../model/errors.ts';
import type { Exposure } from '../model/exposure.ts';
import type { RunRecord } from '../model/journal.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import type { Observations } from '../model/observations.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Sockets } from '../model/sockets.ts';
import { classify, isStrand, refusedFinding } from '../oracle/classify.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { cleanedUp } from './clean-up.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { awaitReady, type KernelInfo } from './ready.ts';
import { type Autopsies, type Patient, tryRung } from './revival.ts';
import { overdue, runBoundMs } from './run-bound.ts';
import {
  currentCell,
  diedOutcome,
  endedOutcome,
  faultOutcome,
  outcome,
  startFailure,
} from './run-outcome.ts';
import { placeOf, type RunResult, rounded, unlaunched } from './run-record.ts';
import { askToShutDown } from './shut-down.ts';
import { Watch, type WatchAccount } from './watch.ts';

/** What every run of an experiment shares. */
export interface RunContext {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly suspectAfterMs: number | null;
  /** Wait for the kernel to begin a request, at most; absent: `timeoutMs`. */
  readonly beginWithinMs?: number;
  readonly pipelineDepth: number;
  readonly latency: Latency;
  readonly timer: PreciseTimer;
  readonly stalls: LoopStallMeter;
  readonly reaper: Reaper;
  /** How kernels are launched; absent: as processes of the harness. */
  readonly launch?: (options: LaunchOptions) => Promise<RunningKernel>;
  /** How kernels come about that do not say so themselves; absent: they are spawned. */
  readonly launchMethod?: LaunchMethod;
  /** Characters of output kept of a run, at most; absent: as many as a saved notebook may have. */
  readonly keptCharacters?: number;
  /** How the kernels' sockets are guarded; absent: TCP on loopback, in the clear. */
  readonly sockets?: Sockets | undefined;
  /** Variables for the kernel beyond the allow-list. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Told once the run has its outcome and only what ends it is left to do: the next one may begin beside that.
   * May be told more than once.
   */
  readonly onMeasured?: () => void;
  /**
   * The notebook is executed for its own sake, as `jupyter execute` does it: it goes on after a cell that the kernel did
   * not execute, the kernel is asked to shut down, and what the notebook started stays as nbclient leaves it. Absent: a
   * run of an experiment, which ends at such a cell, and with it everything that it started.
   */
  readonly asJupyterExecute?: true;
  /** The whole run's deadline, a net beneath those of its parts; absent: what follows from them. */
  readonly boundMs?: number;
  /** Which wedges get a rung of the revival ladder, shared by the runs of an experiment; absent: none. */
  readonly autopsies?: Autopsies;
}

// A process that ends right after its last reply has usually written that reply: let it arrive.
const EXIT_DRAIN_MS = 100;
/**
 * Launch a fresh kernel, take the notebook through it, and say what happened. Never retries. The kernel,
 * its children, its folder and its ports are gone when this resolves, but for what the record says is left. What of
 * the harness's own stops is the run's outcome, and the next run may go better.
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
  const kernel = await launched(makeCommand, notebook, context).catch((error: unknown) => {
    if (error instanceof RunFault) return error;
    throw error;
  });
  if (kernel instanceof RunFault) return unlaunched(kernel, order, at, startedMs, context.stalls);
  const client = new KernelClient(kernel.way);
  const over = new AbortController();
  const interrupted = new Promise<'interrupted'>((resolve) => {
    if (signal.aborted) resolve('interrupted');
    else signal.addEventListener('abort', () => resolve('interrupted'), { once: true, signal: over.signal });
  });
  let startMs: number | null = null;
  let notebookMs: number | null = null;
  let executed: JsonObject | null = null;
  let outputs: NotebookOutputs | null = null;
  const spill = new TextSpill(context.reaper);
  let isWhole = false;
  let result: Outcome;
  let watched: WatchAccount | null = null;
  let traceOriginMs = startedMs;
  let account = accountOf(client, null);
  let identity: KernelIdentity | null = null;
  let counters: KernelCounters | null = null;
  let marks: Uint8Array | null = null;
  let info: KernelInfo | null = null;
  let left: readonly string[] = [];
  const late = overdue(context.boundMs ?? runBoundMs(notebook, context));
  try {
    const readiness = await Promise.race([
      awaitReady(client, kernel, context.startTimeoutMs),
      interrupted,
      late.passed,
    ]);
    if (readiness === 'interrupted') return null;
    identity = kernel.identity();
    if (!readiness.ready) {
      account = accountOf(client, null);
      const stranded = await Promise.race([strandAtStart(kernel, client, context), late.passed]);
      // It did start, and wedged before the notebook's turn came.
      if (stranded !== null) startMs = monotonicMs() - startedMs;
      result = stranded ?? startFailure(readiness.reason, kernel);
    } else {
      await Promise.race([client.settle(), late.passed]);
      const readyMs = monotonicMs();
      info = readiness.info;
      startMs = readyMs - startedMs;
      traceOriginMs = readyMs;
      outputs = new NotebookOutputs(
        context.keptCharacters === undefined ? { spill } : { maxCharacters: context.keptCharacters },
      );
      const frontEnd = new FrontEnd({
        client,
        notebook,
        outputs,
        profile: order.traffic,
        pipelineDepth: context.pipelineDepth,
        draws: new LatencyDraws(context.latency, order.seed),
        timer: context.timer,
        goesOnAfterAborted: context.asJupyterExecute,
        signal: over.signal,
      });
      const observed = await Promise.race([
        observedOutcome(kernel, client, frontEnd, context, over, () =>
          restarted(kernel, makeCommand, notebook, context),
        ),
        interrupted,
        late.passed,
      ]);
      if (observed === 'interrupted') return null;
      ({ account, result, watched } = observed);
      notebookMs = monotonicMs() - readyMs;
      executed = executedNotebook(notebook, outputs, readiness.languageInfo ?? undefined);
    }
    isWhole = true;
  } catch (error) {
    if (!(error instanceof RunFault)) throw error;
    result = faultOutcome(error);
    isWhole = true;
  } finally {
    late.forget();
    over.abort();
    context.onMeasured?.();
    const { countersPath } = kernel.command;
    if (context.asJupyterExecute) await askToShutDown(client, kernel);
    left = await cleanedUp(client, kernel, () => {
      counters = account.kernel ?? (countersPath === null ? null : readCounters(countersPath));
      marks = readMarks(countersPath);
    });
    if (!isWhole) await spill.remove();
  }
  return {
    identity,
    marks,
    discard: () => spill.remove(),
    ...(kernel.connection === null ? { isElsewhere: true as const } : {}),
    info,
    notebook: executed,
    watch: watched,
    record: {
      ...placeOf(order, at),
      startMs: startMs === null ? null : rounded(startMs),
      notebookMs: notebookMs === null ? null : rounded(notebookMs),
      outcome: result,
      client: account.client,
      ...(left.length === 0 ? {} : { left: [...left] }),
      kernel: counters,
      cellMs: account.cellMs.map(rounded),
      ...(account.exposure === null ? {} : { exposure: account.exposure }),
      ...(kernel.launched === 'spawn' && wantedMethod(kernel, context) === 'fork'
        ? { launched: 'spawn' as const }
        : {}),
      ...(context.keptCharacters === undefined && outputs !== null && outputs.dropped > 0
        ? { droppedOutputs: outputs.dropped }
        : {}),
      loopStallMs: rounded(context.stalls.longestSince(startedMs)),
      ...(result.kind === 'completed' ? {} : { trace: client.trace.since(traceOriginMs) }),
    },
  };
}

function launched(
  makeCommand: KernelCommandMaker,
  notebook: Notebook,
  context: RunContext,
): Promise<RunningKernel> {
  const { launch = launchKernel, reaper, variables, sockets } = context;
  const cwd = dirname(resolve(notebook.path));
  const leavesProcesses = context.asJupyterExecute === true;
  return launch({ makeCommand, cwd, reaper, variables, sockets, leavesProcesses });
}

function wantedMethod({ command }: RunningKernel, { launchMethod }: RunContext): LaunchMethod {
  return command.launch ?? launchMethod ?? 'spawn';
}

/** What had been sent, answered and counted when the run had its outcome. */
interface Account {
  readonly client: RunRecord['client'];
  readonly cellMs: readonly number[];
  /** `null`: the notebook had not begun. */
  readonly exposure: Exposure | null;
  /** Counters at a verdict or at the end; `null`: read them once the kernel is gone. */
  readonly kernel: KernelCounters | null;
}

function accountOf(client: KernelClient, frontEnd: FrontEnd | null): Account {
  return {
    client: client.account,
    cellMs: frontEnd?.cellMs ?? [],
    exposure: frontEnd?.exposure ?? null,
    kernel: null,
  };
}

/** The `restart` rung: the wedged kernel ends, and one of the same command is taken to readiness. */
async function restarted(
  wedged: RunningKernel,
  makeCommand: KernelCommandMaker,
  notebook: Notebook,
  context: RunContext,
): Promise<boolean> {
  // Not `dispose`, which the run itself calls: ports given back twice might be another kernel's by then.
  await killTree(wedged.pid);
  await endOf(wedged.pid, wedged.exited);
  const kernel = await launched(makeCommand, notebook, context);
  const client = new KernelClient(kernel.way);
  try {
    return (await awaitReady(client, kernel, context.startTimeoutMs)).ready;
  } finally {
    const left = await cleanedUp(client, kernel);
    if (left.length > 0) client.trace.mark(left.join(' '));
  }
}

interface Observed {
  readonly account: Account;
  readonly result: Outcome;
  readonly watched: WatchAccount;
}

async function observedOutcome(
  kernel: RunningKernel,
  client: KernelClient,
  frontEnd: FrontEnd,
  context: RunContext,
  over: AbortController,
  restart: () => Promise<boolean>,
): Promise<Observed> {
  const watch = new Watch(client, kernel, context, context.stalls);
  const traffic = frontEnd.run();
  const first = await Promise.race([
    traffic.then((end) => ({ what: 'ended' as const, end })),
    watch.unanswered(over.signal).then((silence) => ({ what: 'unanswered' as const, silence })),
    kernel.exited.then(() => ({ what: 'exited' as const })),
    client.refusal.then((channel) => ({ what: 'refused' as const, channel })),
  ]);
  if (first.what === 'exited') {
    await Promise.race([traffic, new Promise((resolve) => setTimeout(resolve, EXIT_DRAIN_MS))]);
  }
  over.abort();
  const ended = (result: Outcome): Observed => ({
    account: accountOf(client, frontEnd),
    result,
    watched: watch.account,
  });
  if (first.what === 'exited') return ended(diedOutcome(kernel, frontEnd));
  if (first.what === 'refused') {
    return ended(outcome({ ...refusedFinding(first.channel), cell: currentCell(frontEnd) }));
  }
  if (first.what === 'ended') {
    const { account, ...rest } = ended(endedOutcome(first.end, client.failure));
    const { countersPath } = kernel.command;
    context.onMeasured?.();
    return {
      ...rest,
      account: { ...account, kernel: countersPath === null ? null : await settledCounters(countersPath) },
    };
  }
  const { silence } = first;
  if (silence === null) throw new Error('The watch ended without a verdict while the run went on.');
  const cell = currentCell(frontEnd);
  // At the verdict, before anything that may bring the missing answers: the account is that of the run.
  const account = { ...accountOf(client, frontEnd), kernel: silence.passive.counters };
  const observations = await watch.observe(silence);
  if (kernel.exit !== null) return ended(diedOutcome(kernel, frontEnd));
  client.trace.mark('verdict');
  const seen = await withRevival(observations, context.autopsies, {
    client,
    kernel,
    request: silence.request,
    restart,
  });
  const result = outcome({
    ...classify(seen),
    cell,
    unanswered: seen.request,
    waitedMs: rounded(seen.waitedMs),
    observations: seen,
  });
  return { account, result, watched: watch.account };
}

/** The outcome of a kernel that a server's and its library's own requests wedged; `null`: it is not shown. */
async function strandAtStart(
  kernel: RunningKernel,
  client: KernelClient,
  context: RunContext,
): Promise<Outcome | null> {
  const request = client.unsettled[0];
  if (client.reconnected === null || kernel.exit !== null || request === undefined) return null;
  const observed = await new Watch(client, kernel, context, context.stalls).strandedAtStart();
  if (observed === null) return null;
  const seen = await withRevival(observed, undefined, {
    client,
    kernel,
    request,
    restart: () => Promise.resolve(false),
  });
  return outcome({
    ...classify(seen),
    unanswered: seen.request,
    waitedMs: rounded(seen.waitedMs),
    observations: seen,
  });
}

/**
 * A certified strand's causal proof: the re-arm, or first the rung of the ladder whose turn it is, with
 * the re-arm after it where the request is still there to be revived.
 */
async function withRevival(
  seen: Observations,
  autopsies: Autopsies | undefined,
  patient: Patient,
): Promise<Observations> {
  if (seen.look === null || !isStrand(seen.look)) return seen;
  const rung = autopsies?.next() ?? null;
  const revival = rung === null ? null : await tryRung(rung, patient);
  if (revival !== null && revival.rung !== 're-arm' && (revival.revived || revival.rung === 'restart')) {
    return { ...seen, revival };
  }
  const rearm = revival?.rung === 're-arm' ? revival : await tryRung('re-arm', patient);
  return { ...seen, revival, revivedByRearm: rearm.revived, revivedAfterMs: rearm.afterMs };
}
