import type { KernelCounters } from '../model/arm.ts';
import type { ClientCounters, Stall } from '../model/client.ts';
import type { Look } from '../model/observations.ts';
import type { Finding } from '../model/outcome.ts';
import { accountFault, countersShowStrand } from './account.ts';
import { IDLE_CPU_SHARE, isParked, seconds } from './classify.ts';
import { standsWords } from './parked-frames.ts';

/** What is known of a client's run that has ended, or has not moved by the deadline. */
export interface ClientFacts {
  /** The error that ended the client. `null`: none, it finished. `undefined`: it did not say. */
  readonly error:
    | { readonly classes: readonly string[]; readonly ename: string; readonly evalue: string }
    | null
    | undefined;
  /** How its process ended, in words. `null`: it lives. */
  readonly exitWords: string | null;
  readonly kernel: KernelCounters | null;
  readonly client: ClientCounters;
  /** Milliseconds since anything moved. */
  readonly waitedMs: number;
  readonly stalls: readonly Stall[];
  /** How busy the kernel's process was while nothing moved. `null`: it was not sampled for a whole second. */
  readonly idle: { readonly busiestShare: number; readonly lastShare: number } | null;
  /** Innermost frames of the kernel's threads while nothing moved. `null`: there was no look. */
  readonly threads: Look['threads'] | null;
  /** Whether the kernel's process runs another program than at its start. */
  readonly isReplaced: boolean;
  /** Whether the kernel's process was seen to have ended while nothing moved. */
  readonly hasKernelEnded: boolean;
}

/** Whether the kernel has sent replies that the client has not taken, and owes nothing else. */
export function countersShowStall(kernel: KernelCounters, client: ClientCounters): boolean {
  return (
    kernel.replies > client.taken && kernel.begun === kernel.ended && kernel.delivered >= client.shellSends
  );
}

/**
 * A stall is certified as the twin of the kernel's strand: a reply is queued in the client's shell socket
 * (POLLIN), its descriptor is registered but not readable, a receive is pending, and the loop is parked.
 */
export function isClientStrand(look: Look): boolean {
  return (
    look.pollin && !look.fdReadable && look.fdRegistered && look.receiving && isParked(look, 'MainThread')
  );
}

/** A stall in one sentence: the observations that make it one. */
export function stallReason(stall: Stall): string {
  const { look } = stall;
  const head = `the kernel had sent ${stall.replies} replies and the client had taken ${stall.taken} for ${seconds(stall.waitedMs)}, both idle`;
  const seen =
    look === null
      ? ''
      : isClientStrand(look)
        ? ": the reply is queued in the client's shell socket (POLLIN), whose descriptor is registered and not readable, with a receive pending and the loop parked"
        : `: a look at the client's shell socket: POLLIN ${look.pollin ? 'set' : 'not set'}, descriptor ${look.fdReadable ? 'readable' : 'not readable'}, receive ${look.receiving ? 'pending' : 'not pending'}${standsWords('MainThread', look.threads['MainThread'])}`;
  const within = stall.endedAfterMs === null ? '' : seconds(stall.endedAfterMs);
  const end = {
    're-arm': `; one look for remaining events made the client take it within ${Math.max(1, Math.ceil(stall.endedAfterMs ?? 0))} ms`,
    'time-out': `; the client found it when its own poll timed out, ${within} after it came`,
    itself: `; the client took it after ${within}`,
    not: '; it was not taken',
  }[stall.end];
  return `${head}${seen}${end}`;
}

// Names of error classes, including base classes. papermill has its own; the other clients raise nbclient's.
const PAPERMILL_ERROR = 'PapermillExecutionError';
const CELL_ERRORS = ['CellExecutionError', PAPERMILL_ERROR];
const DEAD_KERNEL = 'DeadKernelError';
const TIME_OUTS = ['CellTimeoutError', 'TimeoutError'];

/** Whether a client ended by its own time-out of a cell. */
export function isTimeout(error: ClientFacts['error']): boolean {
  return TIME_OUTS.some((name) => error?.classes.includes(name) === true);
}

/**
 * Name the outcome of a run whose client ended by itself, or did not move until the deadline. Strands are certified
 * elsewhere, while the client waits.
 */
export function classifyClient(facts: ClientFacts): Finding {
  const { error, exitWords, client } = facts;
  if (error === null && exitWords !== null) {
    return { kind: 'completed', source: null, reason: 'the client finished the notebook' };
  }
  const classes = error?.classes ?? [];
  const has = (names: readonly string[]) => names.some((name) => classes.includes(name));
  if (has(CELL_ERRORS)) {
    return {
      kind: 'cell-error',
      source: 'notebook',
      reason: has([PAPERMILL_ERROR])
        ? 'a cell raised, and papermill ends at every error, also where a cell is marked raises-exception'
        : 'a cell raised and is not marked raises-exception',
    };
  }
  if (facts.isReplaced) {
    return {
      kind: 'died',
      source: 'kernel',
      reason: "the kernel's process was replaced: another program runs under its id, as after os.execv",
    };
  }
  if (exitWords === null && facts.hasKernelEnded) {
    const reason = `the kernel's process has ended, and the client waited on for ${seconds(facts.waitedMs)}`;
    return { kind: 'died', source: 'kernel', reason };
  }
  if (has([DEAD_KERNEL])) {
    return { kind: 'died', source: 'kernel', reason: "the client found the kernel's process ended" };
  }
  if (exitWords === null || has(TIME_OUTS)) return silence(facts);
  const said =
    error === null || error === undefined ? '' : ` with ${error.ename}: ${error.evalue.slice(0, 200)}`;
  const reason = `the client ended (${exitWords})${said}`;
  return client.executes === 0
    ? { kind: 'start-failed', source: 'client', reason: `${reason}, before it had sent a cell` }
    : { kind: 'died', source: 'client', reason };
}

/** The client made no progress, or gave up with a time-out: the counters show who owes whom. */
function silence(facts: ClientFacts): Finding {
  const { exitWords, error, kernel, client, waitedMs } = facts;
  const how =
    exitWords === null
      ? `nothing moved for ${seconds(waitedMs)}`
      : `the client gave up with ${error?.ename ?? 'a time-out'}`;
  if (kernel === null) {
    return { kind: 'start-failed', source: 'kernel', reason: `${how}; the kernel never was ready` };
  }
  const account = `${kernel.delivered} of ${client.shellSends} requests were delivered, ${kernel.ended} finished, ${kernel.replies} replied to; the client took ${client.taken}`;
  const fault = accountFault(kernel);
  if (fault !== null) {
    return {
      kind: 'no-answer',
      source: null,
      reason: `${how}; the kernel's counters cannot be right, so that who owed whom is not known: ${fault}`,
    };
  }
  const owes = kernel.begun > kernel.ended || kernel.delivered < client.shellSends;
  if (owes || kernel.delivered > kernel.begun) return unfinished(facts, how, account);
  if (countersShowStall(kernel, client)) {
    return { kind: 'lost-reply', source: 'client', reason: `${how}; the kernel had replied: ${account}` };
  }
  return {
    kind: 'lost-idle',
    source: 'client',
    reason: `${how}, although every reply was taken, so that it waited for something else: ${account}`,
  };
}

/** The kernel owes an answer. It is a wedge only if the kernel never turned to the request and was idle throughout. */
function unfinished({ kernel, client, idle, threads }: ClientFacts, how: string, account: string): Finding {
  const isAtWork = idle === null || idle.lastShare >= IDLE_CPU_SHARE;
  const isUnread = kernel !== null && countersShowStrand(kernel, client.shellSends);
  if (isUnread && idle === null) {
    const reason = `${how}; whether the kernel was idle is not known: ${account}`;
    return { kind: 'no-answer', source: null, reason };
  }
  if (isAtWork) {
    return { kind: 'busy', source: 'notebook', reason: `${how}; the kernel was at work: ${account}` };
  }
  const isFree = threads === null || isParked({ threads }, 'MainThread');
  if (isUnread && isFree && idle.busiestShare < IDLE_CPU_SHARE) {
    return { kind: 'wedged-mute', source: 'kernel', reason: `${how}; the kernel was idle: ${account}` };
  }
  return {
    kind: 'hung',
    source: 'notebook',
    reason: `${how}; the kernel used no processor time, so that it waited for something: ${account}`,
  };
}
