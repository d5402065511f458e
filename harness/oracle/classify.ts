import type { KernelCounters } from '../model/arm.ts';
import type { Look, Observations, RevivalRung } from '../model/observations.ts';
import type { Finding } from '../model/outcome.ts';
import {
  accountFault,
  countersShowAllDone,
  countersShowStrand,
  hasReply,
  usableCounters,
} from './account.ts';
import { isParkedFrame, standsWords } from './parked-frames.ts';
import { passedOver } from './passed-over.ts';

/** If the harness itself was stalled for this share of the wait, its observation does not count. */
export const MAX_STALL_SHARE = 0.2;

/** A process that used less than this share of a core over a second is idle (docs/endpoints.md#busy-is-not-wedged). */
export const IDLE_CPU_SHARE = 0.02;

/**
 * A process that used less than this share between two samples a tenth of a second apart may be looked at. Linux counts
 * in hundredths of a second, so that it used none. A look's certificate is a fact about the socket and needs no longer
 * wait.
 */
export const STILL_CPU_SHARE = 0.1;

/** Whether a thread of that name waits in its event loop's selector. */
export function isParked(look: Pick<Look, 'threads'>, thread: string): boolean {
  return isParkedFrame(look.threads[thread]?.[0]);
}

/** The thread that serves the shell socket: ipykernel 7's own, or the main thread before. */
export function shellThread(look: Pick<Look, 'threads'>): string {
  return 'Shell channel' in look.threads ? 'Shell channel' : 'MainThread';
}

/**
 * A strand is certified when a request is queued in the shell socket (POLLIN), its descriptor is
 * registered but not readable, and the loop that should read it is parked.
 */
export function isStrand(look: Look): boolean {
  return look.pollin && !look.fdReadable && look.fdRegistered && isParked(look, shellThread(look));
}

// Linux's letters: stopped by a signal, stopped by a tracer.
const STOPPED_STATES = ['T', 't'];

/** The rungs of the revival ladder as a sentence's subject. */
export const RUNG_WORDS: Readonly<Record<RevivalRung, string>> = {
  waiting: 'waiting',
  'same-peer': 'another request of the same client',
  interrupt: 'an interrupt',
  'new-peer': 'a new shell peer',
  're-arm': "one run of the stream's read handler",
  restart: 'a restart',
};

const REJECTION_WORDS: Readonly<Record<string, string>> = {
  malformed: 'malformed',
  'bad-signature': 'bad signature',
  'foreign-parent': 'their parent is no request of ours',
  'wrong-type': 'a reply of the wrong type',
  'second-reply': 'a second reply',
  replayed: 'the very same message again',
  oversized: 'a frame beyond 256 MiB',
};

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Name what happened, from observations alone. The order matters: a certificate is a fact about the kernel and holds in
 * any state of the harness, but everything that rests on time does not. A kernel whose counters show that it was given
 * every request and finished it is never wedged.
 */
export function classify(seen: Observations): Finding {
  const waited = `${seen.request} was unanswered for ${seconds(seen.waitedMs)}`;
  if (seen.look !== null && isStrand(seen.look) && !isAllDone(seen)) {
    return {
      kind: 'wedged-stranded',
      source: 'kernel',
      reason: `${waited}: it is queued in the shell socket (POLLIN), whose descriptor is registered and not readable, and the loop is parked${proofWords(seen)}`,
    };
  }
  const refused = Object.keys(seen.rejections).find((key) => key.endsWith(' oversized'));
  if (refused !== undefined) return refusedFinding(refused.split(' ')[0] ?? '');
  return (
    harnessFault(seen, waited) ??
    replacedProcess(seen, waited) ??
    answerFault(seen, waited) ??
    lostBetween(seen, waited) ??
    lostAnswer(seen, waited) ??
    begun(seen) ??
    passedOver(seen, waited) ??
    neverBegun(seen, waited)
  );
}

function isAllDone({ counters, sent }: Observations): boolean {
  return counters !== null && countersShowAllDone(counters, sent);
}

/** Whether the process is known to have used processor time in the last second before the verdict. */
function usesProcessor({ cpuShare }: Observations): boolean {
  return cpuShare !== null && cpuShare >= IDLE_CPU_SHARE;
}

/** Whether the process is known to have been idle in every second of the wait. */
function wasIdle({ cpuShare, busiestShare }: Observations): boolean {
  return cpuShare !== null && Math.max(cpuShare, busiestShare ?? 0) < IDLE_CPU_SHARE;
}

/**
 * Whether none of the kernel's threads seem to get a turn: the kernel computes, and control, which has a thread of its
 * own in ipykernel, does not answer. A long call in C that holds the interpreter's lock (GIL) looks like this.
 */
function isHeld(seen: Observations): boolean {
  return seen.control === false && usesProcessor(seen);
}

/**
 * The finding for a frame that is too long. Its connection is given up, so that no more answers come by it: what is missing
 * from then on does not show that the kernel is silent.
 */
export function refusedFinding(channel: string): Finding {
  return {
    kind: channel === 'iopub' ? 'lost-idle' : 'lost-reply',
    source: 'kernel',
    reason: `the kernel sent a frame beyond 256 MiB on ${channel}, more than could be taken in, or bytes that are not ZeroMQ’s: its connection was given up, and answers with it`,
  };
}

/** A fault of the harness: nothing is then said about the kernel. */
function harnessFault(seen: Observations, waited: string): Finding | null {
  const fault = (reason: string): Finding => ({ kind: 'harness-fault', source: 'harness', reason });
  if (seen.socketError !== null) return fault(`a socket of the harness failed: ${seen.socketError}`);
  if (seen.loopStallMs > MAX_STALL_SHARE * seen.waitedMs) {
    return fault(
      `${waited}, but the harness's own event loop was stalled for ${seconds(seen.loopStallMs)} of it`,
    );
  }
  if (seen.processState !== null && STOPPED_STATES.includes(seen.processState)) {
    return fault(`${waited}, but the kernel's process was stopped by a signal or a debugger`);
  }
  return null;
}

/**
 * Whether only a server reaches the kernel, so that the kernel's own account is missing: either of them may then have lost
 * what did not arrive.
 */
function isUnseen({ through, counters }: Observations): boolean {
  return through !== undefined && counters === null;
}

const EITHER = ': by the kernel or on the way, which cannot be told without the kernel’s own account';

/** The kernel has ended if its process runs another program, or has closed all of the kernel's sockets. */
function replacedProcess(seen: Observations, waited: string): Finding | null {
  const areClosed = seen.shellPortOpen === false && seen.control === false && seen.heartbeat === false;
  const hadBegun = seen.busySeen || (seen.counters !== null && seen.counters.begun > seen.counters.ended);
  if (seen.replaced !== true && !(areClosed && hadBegun)) return null;
  return {
    kind: 'died',
    source: 'kernel',
    reason:
      seen.replaced === true
        ? `${waited}; the kernel's process was replaced: another program runs under its id, as after os.execv`
        : `${waited}; the kernel had begun it and has closed all its channels, although a process lives under its id`,
  };
}

/** Behind a server, whose the delay was: the kernel had sent its replies by the deadline, or it had not. */
function lateAnswer(seen: Observations, waited: string): Finding {
  const { through, counters } = seen;
  const late = `${waited} and then answered, after the deadline`;
  if (isUnseen(seen)) return { kind: 'late', source: null, reason: `${late}${EITHER}` };
  if (through !== undefined && counters !== null && isAllDone(seen) && countsReplies(seen, counters)) {
    return {
      kind: 'late',
      source: through,
      reason: `${late}; at the deadline the kernel had finished all ${seen.sent} requests and counted ${counters.replies} replies sent`,
    };
  }
  return { kind: 'late', source: 'kernel', reason: late };
}

/** Answers that came late, or in part. */
function answerFault(seen: Observations, waited: string): Finding | null {
  const rejected = rejectionWords(seen);
  const counters = usableCounters(seen.counters);
  if (seen.answeredLate) {
    return lateAnswer(seen, waited);
  }
  // A kernel that is still at work may send the rest: it is busy or hung.
  const isAtWork =
    isHeld(seen) || (counters === null ? usesProcessor(seen) : counters.begun > counters.ended);
  if (seen.replySeen === seen.idleSeen || isAtWork) return null;
  if (seen.replySeen) {
    return {
      kind: 'lost-idle',
      source: seen.through === undefined ? 'kernel' : null,
      reason: `the reply to ${seen.request} came, the idle status did not within ${seconds(seen.waitedMs)}${rejected}${idleWords(seen)}`,
    };
  }
  const isClients = counters !== null && countsReplies(seen, counters);
  return {
    kind: 'lost-reply',
    source: isUnseen(seen) ? null : !isClients ? 'kernel' : (seen.through ?? 'client'),
    reason: isClients
      ? `the kernel counted ${counters.replies} replies sent, and the one to ${seen.request} did not arrive within ${seconds(seen.waitedMs)}`
      : `the kernel finished ${seen.request} (idle) and no valid reply to it came within ${seconds(seen.waitedMs)}${rejected}${isUnseen(seen) ? EITHER : ''}`,
  };
}

/** Who lost an idle status: a kernel counts its replies and not its statuses. */
function idleWords(seen: Observations): string {
  if (seen.through === undefined) return '';
  return isUnseen(seen)
    ? EITHER
    : `: by the kernel or on the way through the ${seen.through}, which the kernel’s counters cannot tell`;
}

/** Whether the kernel sent a reply to every request that it finished. An unsound reply that came was not lost on the way. */
function countsReplies(seen: Observations, counters: KernelCounters): boolean {
  const unsound =
    seen.answerAstray === true || Object.keys(seen.rejections).some((key) => key.startsWith('shell '));
  return counters.replies >= counters.ended && !unsound;
}

/** Neither reply nor idle came from a kernel that has finished: its messages were lost, or named another request. */
function lostAnswer(seen: Observations, waited: string): Finding | null {
  if (seen.replySeen || isHeld(seen)) return null;
  const rejected = rejectionWords(seen);
  const { counters } = seen;
  if (counters !== null && isAllDone(seen)) {
    const account = `the kernel was given all ${seen.sent} requests and finished them`;
    if (!hasReply(seen.request)) {
      return { kind: 'lost-idle', source: 'kernel', reason: `${waited}; ${account}${rejected}` };
    }
    const isClients = countsReplies(seen, counters);
    return {
      kind: 'lost-reply',
      source: isClients ? (seen.through ?? 'client') : 'kernel',
      reason: `${waited}; ${account}; it counted ${counters.replies} replies sent, and no valid one to this came${rejected}`,
    };
  }
  const isBegun = seen.counters !== null && seen.counters.begun > seen.counters.ended;
  if (seen.answerAstray === true && !isBegun && !usesProcessor(seen)) {
    return {
      kind: 'lost-reply',
      source: isUnseen(seen) ? null : 'kernel',
      reason: `${waited}; an answer came meanwhile that is none to it${rejected}${isUnseen(seen) ? EITHER : ''}`,
    };
  }
  return null;
}

/** What a server on the way lost, according to the kernel's own account. */
function lostBetween(seen: Observations, waited: string): Finding | null {
  const { look } = seen;
  const counters = usableCounters(seen.counters);
  if (seen.through === undefined || counters === null || counters.begun !== counters.ended) return null;
  if (seen.replySeen || seen.idleSeen || isHeld(seen)) return null;
  const source = seen.through;
  if (isAllDone(seen) && hasReply(seen.request) && countsReplies(seen, counters)) {
    return {
      kind: 'lost-reply',
      source,
      reason: `${waited}; the kernel was given all ${seen.sent} requests, finished them and counted ${counters.replies} replies sent: what is missing was lost on the way through the ${source}`,
    };
  }
  if (countersShowStrand(counters, seen.sent) && look !== null && !look.pollin) {
    return {
      kind: 'lost-request',
      source,
      reason: `${waited}; the kernel was given ${counters.delivered} of ${seen.sent} requests, finished them, and nothing is queued in its shell socket: the request was lost on the way through the ${source}`,
    };
  }
  return null;
}

/** The kernel had begun the request and not finished it: it is at work, or waits for something. */
function begun(seen: Observations): Finding | null {
  const counters = usableCounters(seen.counters);
  const hasBegun = seen.busySeen || seen.replySeen || seen.idleSeen;
  if (!hasBegun && (counters === null || counters.begun === counters.ended)) return null;
  return working(
    seen,
    `the kernel began ${seen.request} and was not done with it after ${seconds(seen.waitedMs)}`,
  );
}

/** `busy` or `hung`, by the processor time that the kernel and its children used at the deadline. */
function working(seen: Observations, what: string, blocked = ''): Finding {
  const { cpuShare, belowShare = 0 } = seen;
  const closed =
    seen.shellPortOpen === false ? '; its shell port accepts no connection: the kernel has closed it' : '';
  const isBegun = seen.busySeen && accountFaultOf(seen) === null;
  const rest = `${blocked}${closed}${isBegun ? '' : accountWords(seen)}${rejectionWords(seen)}`;
  const percent = (share: number) => `${Math.round(share * 100)} % of a processor`;
  const isSeenToBegin = seen.busySeen || seen.counters !== null;
  const source = closed !== '' ? 'kernel' : isSeenToBegin ? 'notebook' : null;
  if (isHeld(seen)) {
    const held = `it uses ${percent(cpuShare ?? 0)}, and control does not answer either: something keeps the kernel's other threads from running, such as a long call in C that holds the interpreter's lock (GIL)`;
    return { kind: 'busy', source, reason: `${what}; ${held}${rest}` };
  }
  if (usesProcessor(seen)) {
    return { kind: 'busy', source, reason: `${what}; it uses ${percent(cpuShare ?? 0)}${rest}` };
  }
  if (belowShare >= IDLE_CPU_SHARE) {
    const below = `it waits, and processes that it started use ${percent(belowShare)}`;
    return { kind: 'busy', source, reason: `${what}; ${below}${rest}` };
  }
  // If its processor time is not known, it may be at work.
  if (cpuShare === null) return { kind: 'busy', source, reason: `${what}${rest}` };
  return {
    kind: 'hung',
    source,
    reason: `${what}; it uses no processor time, so it waits for something${rest}`,
  };
}

/**
 * Nothing came, and nothing shows that the request was begun. It is a wedge if the kernel was idle throughout and free to
 * turn to the request. A kernel that computes, or whose main thread waits for something else, may still answer.
 */
function neverBegun(seen: Observations, waited: string): Finding {
  const counters = usableCounters(seen.counters);
  const rejected = rejectionWords(seen);
  const notBegun = `${waited} and not begun`;
  if (isUnseen(seen) && seen.revivedByPeer !== true) {
    return {
      kind: 'no-answer',
      source: null,
      reason: `${notBegun}${controlWords(seen)}${peerWords(seen)}${rejected}${EITHER}`,
    };
  }
  if (usesProcessor(seen)) return working(seen, notBegun);
  const blocked = blockedWords(seen);
  if (blocked !== '') return working(seen, notBegun, blocked);
  // In a kernel with counters, control has a thread of its own, which answers during a wedge.
  if (seen.counters !== null && seen.control === false) {
    return working(
      seen,
      notBegun,
      '; control does not answer either, so that something holds the whole process',
    );
  }
  if (counters !== null && counters.delivered > counters.begun && knownThreads(seen) === null) {
    return working(seen, notBegun, '; it was delivered, and what the main thread does is not known');
  }
  if (!wasIdle(seen) && seen.revivedByPeer !== true) {
    const before =
      seen.busiestShare === undefined ? '' : '; it had used processor time while it was waited for';
    return working(seen, notBegun, before);
  }
  if (seen.shellPortOpen === false) {
    return {
      kind: 'wedged-mute',
      source: 'kernel',
      reason: `${notBegun}; the process lives${controlWords(seen)}, and its shell port accepts no connection: the kernel has closed it${rejected}`,
    };
  }
  const look =
    seen.look === null
      ? ''
      : `; a look at the shell socket: POLLIN ${seen.look.pollin ? 'set' : 'not set'}, descriptor ${seen.look.fdReadable ? 'readable' : 'not readable'}${seen.look.fdRegistered ? '' : ' and not registered'}${standsWords(shellThread(seen.look), seen.look.threads[shellThread(seen.look)])}`;
  return {
    kind: 'wedged-mute',
    source: 'kernel',
    reason: `${notBegun}; the process lives${controlWords(seen)}${accountWords(seen)}${look}${peerWords(seen)}${rejected}`,
  };
}

function knownThreads({ threads, look }: Observations): Look['threads'] | null {
  return threads ?? look?.threads ?? null;
}

/** Where the main thread stands, if not in its event loop's wait. Empty: it waits there, or this is not known. */
function blockedWords(seen: Observations): string {
  const threads = knownThreads(seen);
  const { blockedIn } = seen;
  if (threads !== null) {
    const [frame] = threads['MainThread'] ?? [];
    const isWaiting = frame === undefined || isParked({ threads }, 'MainThread');
    return isWaiting ? '' : `; its main thread is not in its event loop but at ${frame}`;
  }
  // If a peer was answered and the request was not, the kernel serves requests, wherever the main thread waits. A thread
  // that waited for something else before the peer asked may have woken by itself: the peer then revived nothing.
  const isServing = seen.peerAnswered === true && seen.revivedByPeer !== true;
  if (blockedIn === undefined || isServing) return '';
  return `; its main thread waits for something else than a message (${blockedIn})`;
}

function accountFaultOf({ counters }: Observations): string | null {
  return counters === null ? null : accountFault(counters);
}

/** The kernel's own account, or why it cannot be right and was not used. */
function accountWords(seen: Observations): string {
  const { counters, sent } = seen;
  if (counters === null) return '';
  const fault = accountFaultOf(seen);
  if (fault !== null) return `; the kernel's counters cannot be right and were not used: ${fault}`;
  return `; ${counters.delivered} of ${sent} requests were delivered, ${counters.ended} finished`;
}

function proofWords(seen: Observations): string {
  const within = (ms: number | null) => `within ${Math.max(1, Math.ceil(ms ?? 0))} ms`;
  const { revival } = seen;
  const tried =
    revival === null || revival.rung === 're-arm'
      ? ''
      : revival.rung === 'restart'
        ? `; a fresh kernel ${revival.revived ? `answered ${within(revival.afterMs)}` : 'did not answer'}, the request was lost with the old one`
        : `; ${RUNG_WORDS[revival.rung]} ${revival.revived ? `made the kernel turn to it ${within(revival.afterMs)}` : 'changed nothing'}`;
  if (seen.revivedByRearm === null) return tried;
  return `${tried}; one run of the stream's read handler ${
    seen.revivedByRearm
      ? `made the kernel turn to it ${within(seen.revivedAfterMs)}`
      : 'did not make the kernel turn to it'
  }`;
}

function controlWords(seen: Observations): string {
  if (seen.control === null) return '';
  const heartbeat = seen.heartbeat === false ? ', the heartbeat does not' : '';
  return seen.control ? `, control answers${heartbeat}` : ', control does not answer';
}

function peerWords(seen: Observations): string {
  if (seen.revivedByPeer === null) return '';
  if (seen.revivedByPeer) {
    return '; a new shell peer made the kernel turn to it: the request was queued there, unread';
  }
  return seen.peerAnswered === true
    ? '; a new shell peer was answered, the request was not'
    : '; a new shell peer was not answered either';
}

/**
 * Messages that were not taken, for a sentence.
 *
 * @param rejections how many, by channel and cause (`shell malformed`)
 * @param malformed what was wrong with the first malformed one of a channel
 * @returns empty without any
 */
export function rejectionList(
  rejections: Readonly<Record<string, number>>,
  malformed: ReadonlyMap<string, string> = new Map(),
): string {
  return Object.entries(rejections)
    .map(([key, count]) => {
      const [channel = '', cause = ''] = key.split(' ');
      const detail = cause === 'malformed' ? malformed.get(channel) : undefined;
      return `${count} on ${channel} (${REJECTION_WORDS[cause] ?? cause}${detail === undefined ? '' : `: ${detail}`})`;
    })
    .join(', ');
}

function rejectionWords(seen: Observations): string {
  const list = rejectionList(seen.rejections);
  return list === '' ? '' : `; messages not taken: ${list}`;
}
