import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KernelClient } from '../frontend/client.ts';
import { asDocumentShows, executedNotebook } from '../frontend/executed-notebook.ts';
import { LatencyDraws } from '../frontend/latency.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { NotebookOutputs } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { TextSpill } from '../frontend/text-spill.ts';
import { FrontEnd } from '../frontend/traffic.ts';
import { readCounters } from '../kernel/counters.ts';
import { type KernelCommandMaker, launchKernel, type RunningKernel } from '../kernel/launch.ts';
import { readMarks } from '../kernel/marks.ts';
import { treeMemory } from '../kernel/memory-sample.ts';
import { awaitEnd, killTree } from '../kernel/process-tree.ts';
import { awaitSettledCounters } from '../kernel/settled-counters.ts';
import type { KernelCounters } from '../model/arm.ts';
import { DEFAULT_INTERRUPT_AFTER, interruptBefore } from '../model/interrupt.ts';
import type { Observations } from '../model/observations.ts';
import type { Outcome } from '../model/outcome.ts';
import { isStrand, refusedFinding } from '../oracle/classify.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { cleanUp } from './clean-up.ts';
import { answersNext, interruptKernel, interruptWay } from './interrupt-kernel.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import { type LaunchedRun, measureRun } from './measure-run.ts';
import { MemoryMeter } from './memory-meter.ts';
import { awaitReady } from './ready.ts';
import { type Autopsies, type Patient, tryRung } from './revival.ts';
import type { RunContext } from './run-context.ts';
import {
  currentCell,
  diedOutcome,
  endedOutcome,
  outcome,
  startFailure,
  unansweredOutcome,
} from './run-outcome.ts';
import {
  type Findings,
  type Measured,
  NOTHING_FOUND,
  NOTHING_MEASURED,
  type RunResult,
} from './run-record.ts';
import { askToShutDown } from './shut-down.ts';
import { stalledCells } from './stalled-cells.ts';
import { Watch, type WatchAccount } from './watch.ts';

// A process that ends right after its last reply has usually written that reply: let it arrive.
const EXIT_DRAIN_MS = 100;

/**
 * A run in which the harness itself is the client.
 *
 * @returns and throws as `measureRun`
 */
export function executeRun(
  order: RunOrder,
  notebook: Notebook,
  makeCommand: KernelCommandMaker,
  context: RunContext,
  signal: AbortSignal,
): Promise<RunResult | null> {
  const launch = () => launchedKernel(makeCommand, notebook, context);
  return measureRun(order, notebook, context, signal, async (startedMs) => {
    return new FrontEndRun({ order, notebook, context, startedMs, launch, kernel: await launch() });
  });
}

interface FrontEndParts {
  readonly order: RunOrder;
  readonly notebook: Notebook;
  readonly context: RunContext;
  readonly startedMs: number;
  readonly kernel: RunningKernel;
  /** Starts another kernel of the same command. */
  readonly launch: () => Promise<RunningKernel>;
}

class FrontEndRun implements LaunchedRun {
  measured: Measured;
  findings: Findings;
  readonly memory: MemoryMeter | null;
  readonly #parts: FrontEndParts;
  readonly #client: KernelClient;
  readonly #spill: TextSpill;
  /** Moment that the trace counts from. */
  #originMs: number;

  constructor(parts: FrontEndParts) {
    this.#parts = parts;
    this.#client = new KernelClient(parts.kernel.way);
    this.#spill = new TextSpill(parts.context.reaper);
    this.#originMs = parts.startedMs;
    this.memory =
      parts.context.samplesMemory === true ? new MemoryMeter(() => treeMemory(parts.kernel)) : null;
    this.measured = { ...NOTHING_MEASURED, client: this.#client.account };
    this.findings = { ...NOTHING_FOUND, isElsewhere: parts.kernel.connection === null };
  }

  async outcome(over: AbortSignal): Promise<Outcome | null> {
    const { kernel, context, startedMs, notebook } = this.#parts;
    const client = this.#client;
    const readiness = await awaitReady(client, kernel, context.startTimeoutMs);
    if (over.aborted) return null;
    this.findings = { ...this.findings, identity: kernel.identity() };
    if (!readiness.ready) {
      const measured = { ...this.measured, client: client.account };
      const stranded = await strandAtStart(kernel, client, context);
      // A kernel that is stranded had started, and wedged before the notebook's turn came.
      const startMs = stranded === null ? null : monotonicMs() - startedMs;
      if (!over.aborted) this.measured = { ...measured, startMs };
      return stranded ?? startFailure(readiness.reason, kernel);
    }
    await client.settle();
    if (over.aborted) return null;
    this.#originMs = monotonicMs();
    this.findings = { ...this.findings, info: readiness.info };
    this.measured = { ...this.measured, startMs: this.#originMs - startedMs };
    const { keptCharacters } = context;
    const outputs = new NotebookOutputs(
      keptCharacters === undefined ? { spill: this.#spill } : { maxCharacters: keptCharacters },
    );
    const { account, result, watch } = await this.#observed(outputs, over);
    if (over.aborted) return null;
    const { dropped } = outputs;
    this.measured = {
      ...this.measured,
      ...account,
      notebookMs: monotonicMs() - this.#originMs,
      ...(keptCharacters === undefined && dropped > 0 ? { droppedOutputs: dropped } : {}),
    };
    const executed = executedNotebook(notebook, outputs, readiness.languageInfo ?? undefined);
    // Of more output than is kept, what the kernel published is bounded and the document is not.
    const document = dropped > 0 ? null : client.document;
    this.findings = {
      ...this.findings,
      watch,
      notebook: document === null ? executed : asDocumentShows(executed, notebook, document),
    };
    return result;
  }

  /** Has the front end execute the notebook, and watches the kernel until the outcome is known. */
  async #observed(outputs: NotebookOutputs, over: AbortSignal): Promise<Observed> {
    const { kernel, context, notebook, order } = this.#parts;
    const client = this.#client;
    const decided = new AbortController();
    over.addEventListener('abort', () => decided.abort(), { once: true });
    const due = new AbortController();
    const frontEnd = new FrontEnd({
      client,
      notebook,
      outputs,
      traffic: order.traffic,
      pipelineDepth: context.pipelineDepth,
      draws: new LatencyDraws(context.latency, order.seed),
      timer: context.timer,
      interrupter: {
        by: interruptWay(kernel),
        after: context.interruptAfter ?? DEFAULT_INTERRUPT_AFTER,
        seed: order.seed,
        send: () => interruptKernel(client, kernel),
      },
      goesOnAfterAborted: context.asJupyterExecute,
      signal: AbortSignal.any([decided.signal, due.signal]),
    });
    const watch = new Watch(client, kernel, context, context.stalls);
    const traffic = frontEnd.run();
    const first = await Promise.race([
      // The watch ended it, and is about to say why.
      traffic.then((end) =>
        due.signal.aborted ? new Promise<never>(() => {}) : { what: 'ended' as const, end },
      ),
      watch
        .unanswered(decided.signal, () => due.abort())
        .then((silence) => ({ what: 'unanswered' as const, silence })),
      kernel.exited.then(() => ({ what: 'exited' as const })),
      client.refusal.then((channel) => ({ what: 'refused' as const, channel })),
    ]);
    if (first.what === 'exited') await Promise.race([traffic, delay(EXIT_DRAIN_MS)]);
    decided.abort();
    const ended = (result: Outcome): Observed => ({
      account: accountOf(client, frontEnd, null, context.stalls),
      result,
      watch: watch.account,
    });
    if (first.what === 'exited') return ended(diedOutcome(kernel, frontEnd));
    if (first.what === 'refused') {
      return ended(outcome({ ...refusedFinding(first.channel), cell: currentCell(frontEnd) }));
    }
    if (first.what === 'ended') {
      const before = ended(endedOutcome(first.end, client.failure));
      const { countersPath } = kernel.command;
      context.onMeasured?.();
      const counters = countersPath === null ? null : await awaitSettledCounters(countersPath);
      return { ...before, account: { ...before.account, kernel: counters } };
    }
    const { silence } = first;
    if (silence === null) throw new Error('The watch ended without a verdict while the run went on.');
    const cell = currentCell(frontEnd);
    // At the verdict, before anything that may bring the missing answers: the account is that of the run.
    const account = accountOf(client, frontEnd, silence.passive.counters, context.stalls);
    const observations = await watch.observe(silence);
    if (kernel.exit !== null) return ended(diedOutcome(kernel, frontEnd));
    const interrupt = interruptBefore(account.interrupts?.sent ?? [], cell);
    const isStranded = observations.look !== null && isStrand(observations.look);
    const next = interrupt === null || isStranded ? {} : { nextAnswered: await answersNext(client) };
    client.trace.mark('verdict');
    const restart = () => this.#restart();
    const patient = { client, kernel, request: silence.request, restart };
    const seen = await withRevival({ ...observations, ...next }, context.autopsies, patient);
    return { account, result: unansweredOutcome(seen, cell, interrupt), watch: watch.account };
  }

  /** The `restart` rung: the wedged kernel ends, and another of the same command is taken to readiness. */
  async #restart(): Promise<boolean> {
    // Not `dispose`, which the run itself calls: ports given back twice might be another kernel's by then.
    const { kernel: wedged, launch, context } = this.#parts;
    await killTree(wedged.pid);
    await awaitEnd(wedged.pid, wedged.exited);
    const kernel = await launch();
    const client = new KernelClient(kernel.way);
    try {
      return (await awaitReady(client, kernel, context.startTimeoutMs)).ready;
    } finally {
      const left = await cleanUp(client, kernel);
      if (left.length > 0) client.trace.mark(left.join(' '));
    }
  }

  async end(): Promise<readonly string[]> {
    const { kernel, context } = this.#parts;
    const { countersPath, launch = context.launchMethod } = kernel.command;
    context.onMeasured?.();
    if (context.asJupyterExecute) await askToShutDown(this.#client, kernel);
    const left = await cleanUp(this.#client, kernel, () => {
      const counters = countersPath === null ? null : readCounters(countersPath);
      this.measured = { ...this.measured, kernel: this.measured.kernel ?? counters };
      this.findings = { ...this.findings, marks: readMarks(countersPath) };
    });
    this.measured = {
      ...this.measured,
      ...(kernel.launched === 'spawn' && launch === 'fork' ? { launched: 'spawn' } : {}),
      trace: this.#client.trace.since(this.#originMs),
    };
    return left;
  }

  discard(): Promise<void> {
    return this.#spill.remove();
  }
}

function launchedKernel(
  makeCommand: KernelCommandMaker,
  notebook: Notebook,
  context: RunContext,
): Promise<RunningKernel> {
  const { launch = launchKernel, reaper, variables, sockets } = context;
  const cwd = dirname(resolve(notebook.path));
  const leavesProcesses = context.asJupyterExecute === true;
  const cells = notebook.codeCells.map(({ source }) => source);
  return launch({ makeCommand, cwd, cells, reaper, variables, sockets, leavesProcesses });
}

interface Observed {
  readonly account: Account;
  readonly result: Outcome;
  readonly watch: WatchAccount;
}

/** What had been sent, answered and counted when the run had its outcome. */
type Account = Pick<Measured, 'client' | 'cellMs' | 'stalledMs' | 'exposure' | 'interrupts' | 'kernel'>;

/** @param kernel its counters; `null`: they are read once the kernel is gone */
function accountOf(
  client: KernelClient,
  frontEnd: FrontEnd,
  kernel: KernelCounters | null,
  stalls: LoopStallMeter,
): Account {
  const { cellSpans, exposure, interrupts } = frontEnd;
  return {
    client: client.account,
    cellMs: cellSpans.map(([fromMs, toMs]) => toMs - fromMs),
    ...stalledCells(cellSpans, stalls, (fromMs, toMs) => client.sentWithin(fromMs, toMs)),
    exposure,
    ...(interrupts === null ? {} : { interrupts }),
    kernel,
  };
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
  return unansweredOutcome(seen, null);
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
