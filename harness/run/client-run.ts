import type { Notebook } from '../frontend/notebook.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { type ClientProcess, type ClientProgram, launchClient } from '../kernel/client-process.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { readMarks } from '../kernel/marks.ts';
import type { Stall } from '../model/client.ts';
import { RunFault } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Observations } from '../model/observations.ts';
import type { Endpoint, Outcome } from '../model/outcome.ts';
import { publicText } from '../model/public-text.ts';
import { classify } from '../oracle/classify.ts';
import { classifyClient, isTimeout, stallReason } from '../oracle/classify-client.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { cleanedUp } from './clean-up.ts';
import { answeredRequests, clientAccount, clientExposure, clientTrace } from './client-account.ts';
import { ClientWatch, type ClientWatchEnd, type Counted, type KernelStrand } from './client-watch.ts';
import type { RunContext } from './execute-run.ts';
import { overdue, runBoundMs } from './run-bound.ts';
import { faultOutcome, outcome } from './run-outcome.ts';
import { placeOf, type RunResult, rounded, unlaunched } from './run-record.ts';

const STDERR_CHARACTERS = 2_000;

/**
 * Have a client execute the notebook in a kernel that it starts itself, and say what happened. Never
 * retries. Client and kernel, their children and their folder are gone when this resolves.
 *
 * @returns `null` when `signal` was aborted before the run had its outcome
 * @throws when the program cannot be started at all, or the harness cannot clean up
 */
export async function executeClientRun(
  order: RunOrder,
  notebook: Notebook,
  program: ClientProgram,
  makeKernelCommand: KernelCommandMaker,
  context: RunContext,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<RunResult | null> {
  const at = new Date().toISOString();
  const startedMs = monotonicMs();
  const process = await launchClient({
    program,
    makeKernelCommand,
    notebookPath: notebook.path,
    startTimeoutSeconds: Math.ceil(context.startTimeoutMs / 1000),
    reaper: context.reaper,
    variables: context.variables,
    sockets: context.sockets,
  }).catch((error: unknown) => {
    if (error instanceof RunFault) return error;
    throw error;
  });
  if (process instanceof RunFault) return unlaunched(process, order, at, startedMs, context.stalls);
  const watch = new ClientWatch(process, context, endpoint);
  const late = overdue(context.boundMs ?? runBoundMs(notebook, context));
  let ran: Omit<RunResult, 'notebook'> | null = null;
  let left: readonly string[] = [];
  let executed: RunResult['notebook'] = null;
  let marks: Uint8Array | null = null;
  try {
    const end = await Promise.race([watch.run(signal), late.passed]).catch((error: unknown) => {
      if (error instanceof RunFault) return { what: 'fault' as const, fault: error };
      throw error;
    });
    if (end === null) return null;
    const endMs = monotonicMs();
    if (end.what === 'exited') await process.exited;
    const counted =
      end.what === 'stranded' ? end.strand.counted : end.what === 'stalled' ? end.counted : watch.count();
    const events = end.what === 'stalled' ? end.events : process.events();
    const result =
      end.what === 'fault'
        ? faultOutcome(end.fault)
        : runOutcome(process, watch, end, counted, endpoint, context.stalls.longestSince(startedMs));
    const { firstCellMs, stalls } = watch;
    const record: RunRecord = {
      ...placeOf(order, at),
      startMs: firstCellMs === null ? null : rounded(firstCellMs - startedMs),
      notebookMs: firstCellMs === null ? null : rounded(endMs - firstCellMs),
      outcome: result,
      client: clientAccount(events),
      kernel: counted.kernel,
      cellMs: answeredRequests(events).cellMs,
      exposure: clientExposure(events),
      loopStallMs: rounded(context.stalls.longestSince(startedMs)),
      ...(result.kind === 'completed'
        ? {}
        : { trace: clientTrace(events, watch.marks, firstCellMs ?? startedMs) }),
      clientCounters: counted.client,
      ...(stalls.length === 0 ? {} : { stalls: [...stalls] }),
    };
    ran = {
      record,
      identity: process.kernelIdentity(),
      // Of the kernel's words the client's are known only: nothing of its kernel_info.
      info: null,
      clientSources: process.clientSources(),
      watch: watch.account,
    };
  } finally {
    late.forget();
    left = await cleanedUp(null, process, () => {
      executed = process.executedNotebook();
      marks = readMarks(process.kernelCommand.countersPath);
    });
  }
  const record = left.length === 0 ? ran.record : { ...ran.record, left: [...left] };
  return { ...ran, record, marks, notebook: executed };
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
  if (end.what === 'stranded') return strandOutcome(end.strand, cell, unanswered, loopStallMs);
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
  });
  // A stall that no look certified counts as well: the client found the reply at its own time-out, or never.
  if (
    last !== undefined &&
    (verdict.kind === 'lost-reply' || (endpoint === 'stalled' && verdict.kind === 'completed'))
  ) {
    return stallOutcome(last);
  }
  const isComplete = verdict.kind === 'completed';
  return outcome({
    ...verdict,
    cell: isComplete || verdict.kind === 'start-failed' ? null : cell,
    ...(end.what === 'silent' ? { unanswered, waitedMs: rounded(waitedMs) } : {}),
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

function strandOutcome(
  strand: KernelStrand,
  cell: number | null,
  unanswered: string | null,
  loopStallMs: number,
): Outcome {
  const seen: Observations = {
    request: unanswered ?? 'comm_msg',
    waitedMs: rounded(strand.waitedMs),
    // The client's subscription and replies are its own: what it saw of the request is not known here.
    busySeen: false,
    replySeen: false,
    idleSeen: false,
    sent: strand.counted.client.shellSends,
    rejected: 0,
    rejections: {},
    counters: strand.counted.kernel,
    cpuShare: strand.cpuShare,
    processState: strand.processState,
    heartbeat: null,
    control: true,
    look: strand.look,
    shellPortOpen: null,
    peerAnswered: null,
    revivedByPeer: null,
    revival: null,
    revivedByRearm: strand.revivedByRearm,
    revivedAfterMs: strand.revivedAfterMs,
    answeredLate: false,
    loopStallMs: rounded(loopStallMs),
    socketError: null,
  };
  return outcome({
    ...classify(seen),
    cell,
    unanswered: seen.request,
    waitedMs: seen.waitedMs,
    observations: seen,
  });
}
