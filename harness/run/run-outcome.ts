import type { CellEnd } from '../frontend/cell-end.ts';
import { roundedMs } from '../frontend/precise-timer.ts';
import type { FrontEnd } from '../frontend/traffic.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import type { RunFault } from '../model/errors.ts';
import type { SentInterrupt } from '../model/interrupt.ts';
import type { Observations } from '../model/observations.ts';
import type { Outcome } from '../model/outcome.ts';
import { publicText } from '../model/public-text.ts';
import { classify } from '../oracle/classify.ts';

const STDERR_CHARACTERS = 2_000;
// A kernel's words when another process took a port between our release and its bind. libzmq's own on Windows are
// "Address in use" (its src/err.cpp), and the system's are those of WSAEADDRINUSE.
const ADDRESS_IN_USE = /Address (already )?in use|EADDRINUSE|WinError 10048|WSAEADDRINUSE/;

// Python's and Windows' words when a disk or a quota is full.
const NO_SPACE = /No space left on device|Disk quota exceeded|\[Errno (28|122)\]|WinError 112/;

/** An outcome; what is not given is `null`. */
export function outcome(parts: Pick<Outcome, 'kind' | 'source' | 'reason'> & Partial<Outcome>): Outcome {
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

/**
 * A run that a request left unanswered.
 *
 * @param cell position of the cell that waited for it; `null`: none did
 * @param interrupt what was sent during that cell or the one before; `null`: none
 */
export function unansweredOutcome(
  seen: Observations,
  cell: number | null,
  interrupt: SentInterrupt | null = null,
): Outcome {
  const { reason, ...finding } = classify(seen);
  return outcome({
    ...finding,
    reason: interrupt === null ? reason : `${reason}; ${interruptWords(interrupt, cell, seen)}`,
    cell,
    unanswered: seen.request,
    waitedMs: roundedMs(seen.waitedMs),
    observations: seen,
  });
}

/** An interrupt that bears on an unanswered request, for its reason. */
function interruptWords(
  { cell, afterMs, result }: SentInterrupt,
  at: number | null,
  { nextAnswered }: Observations,
): string {
  const which =
    cell === at
      ? `the cell was interrupted ${afterMs.toFixed(1)} ms after its request`
      : `the cell before was interrupted ${afterMs.toFixed(1)} ms after its request (${result})`;
  if (nextAnswered === undefined) return which;
  return `${which}, and the next request ${nextAnswered ? 'was answered' : 'was not answered either'}`;
}

/** A run that the harness could not observe: nothing is said about the kernel. */
export function faultOutcome(fault: RunFault): Outcome {
  return outcome({ kind: 'harness-fault', source: 'harness', reason: publicText(fault.message) });
}

function describeExit(kernel: RunningKernel): string {
  const { exit } = kernel;
  if (exit === null) return 'the process lives';
  if (exit.signal !== null) return `killed by ${exit.signal}`;
  return exit.code === null ? 'how, its server does not say' : `exit code ${exit.code}`;
}

/** A kernel that never was ready. If a port was taken or the disk is full, that is a fault of the harness. */
export function startFailure(reason: string, kernel: RunningKernel): Outcome {
  if ((kernel.lost ?? null) !== null) {
    return outcome({ kind: 'harness-fault', source: 'harness', reason: kernel.lost ?? '' });
  }
  const words = lastWords(kernel);
  const said = `${words.stderrTail}${words.stdoutTail ?? ''}`;
  // Some kernels live on without the port (tslab), so that an end is not asked for.
  const fault = ADDRESS_IN_USE.test(said)
    ? 'a port allotted to the kernel was taken by another process before the kernel bound it'
    : NO_SPACE.test(said)
      ? 'no space was left on the disk when the kernel started'
      : null;
  if (fault !== null) {
    return outcome({ kind: 'harness-fault', source: 'harness', reason: fault, exit: kernel.exit, ...words });
  }
  return outcome({
    kind: 'start-failed',
    source: 'kernel',
    reason: kernel.exit === null ? reason : `${reason} (${describeExit(kernel)})`,
    exit: kernel.exit,
    ...words,
  });
}

/** The end of standard error. If that is empty, the end of standard output, which some kernels use instead (ilua). */
function lastWords(kernel: RunningKernel): Pick<Outcome, 'stderrTail' | 'stdoutTail'> {
  const stderrTail = kernel.stderrTail().slice(-STDERR_CHARACTERS);
  const stdoutTail = stderrTail.trim() === '' ? (kernel.stdoutTail?.() ?? '').slice(-STDERR_CHARACTERS) : '';
  return { stderrTail, ...(stdoutTail.trim() === '' ? {} : { stdoutTail }) };
}

/** A kernel whose process ended during the run. */
export function diedOutcome(kernel: RunningKernel, frontEnd: FrontEnd): Outcome {
  const lost = kernel.lost ?? null;
  if (lost !== null) {
    return outcome({ kind: 'harness-fault', source: 'harness', reason: lost, cell: currentCell(frontEnd) });
  }
  return outcome({
    kind: 'died',
    source: 'kernel',
    reason: `the process ended during the run (${describeExit(kernel)})`,
    cell: currentCell(frontEnd),
    exit: kernel.exit,
    ...lastWords(kernel),
  });
}

/** A run whose notebook was completed, or ended at a cell that raised or was not executed. */
export function endedOutcome(end: CellEnd | null, failure: Error | null): Outcome {
  if (failure !== null) {
    return outcome({
      kind: 'harness-fault',
      source: 'harness',
      reason: `the harness could not deal with a message or a socket of its own: ${failure.message}`,
    });
  }
  if (end === null) {
    return outcome({ kind: 'completed', source: null, reason: 'every request was answered by its deadline' });
  }
  if (end.kind === 'aborted') {
    return outcome({
      kind: 'aborted',
      source: 'kernel',
      reason: end.why,
      cell: end.position,
    });
  }
  return outcome({
    kind: 'cell-error',
    source: 'notebook',
    reason: 'a cell raised and is not marked raises-exception',
    cell: end.position,
    error: end.error,
  });
}

/** Position of the first cell without an answer; the number of cells when all were answered. */
export function currentCell(frontEnd: FrontEnd): number {
  const open = frontEnd.executes.findIndex(
    (request) => request.idleAtMs === null || request.replyAtMs === null,
  );
  return open < 0 ? frontEnd.executes.length : open;
}
