import type { KernelCounters } from '../model/arm.ts';
import type { Look, Observations, RevivalRung } from '../model/observations.ts';
import type { LikelySource, OutcomeKind } from '../model/outcome.ts';
import { isParkedFrame, standsWords } from './parked-frames.ts';

/** What an unanswered request was. */
export interface Verdict {
  readonly kind: OutcomeKind;
  /** `null`: where it was cannot be told. */
  readonly source: LikelySource | null;
  readonly reason: string;
}

/** A harness that was itself stalled for this share of the wait has seen nothing. */
export const MAX_STALL_SHARE = 0.2;

/** A process that used less than this share of a core between two samples is idle. */
export const IDLE_CPU_SHARE = 0.1;

/** Whether a thread of that name waits in its event loop's selector. */
export function isParked(look: Look, thread: string): boolean {
  return isParkedFrame(look.threads[thread]?.[0]);
}

/** The thread that serves the shell socket: ipykernel 7's own, or the main thread before. */
export function shellThread(look: Look): string {
  return 'Shell channel' in look.threads ? 'Shell channel' : 'MainThread';
}

/**
 * A strand is certified when a request is queued in the shell socket (POLLIN), its descriptor is
 * registered but not readable, and the loop that should read it is parked.
 */
export function isStrand(look: Look): boolean {
  return look.pollin && !look.fdReadable && look.fdRegistered && isParked(look, shellThread(look));
}

/** Whether the kernel was given fewer requests than were sent, and has finished those it was given. */
export function countersShowStrand(counters: KernelCounters, sent: number): boolean {
  return (
    counters.delivered < sent && counters.begun === counters.ended && counters.begun >= counters.delivered
  );
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Name what happened, from observations alone. The order matters: a certificate is a fact about the
 * kernel and stands whatever the harness's own state was; everything that rests on time does not.
 */
export function classify(seen: Observations): Verdict {
  const waited = `${seen.request} was unanswered for ${seconds(seen.waitedMs)}`;
  if (seen.look !== null && isStrand(seen.look)) {
    return {
      kind: 'wedged-stranded',
      source: 'kernel',
      reason: `${waited}: it is queued in the shell socket (POLLIN), whose descriptor is registered and not readable, and the loop is parked${proofWords(seen)}`,
    };
  }
  const refused = Object.keys(seen.rejections).find((key) => key.endsWith(' oversized'));
  if (refused !== undefined) return refusedVerdict(refused.split(' ')[0] ?? '');
  return harnessFault(seen, waited) ?? answerFault(seen, waited) ?? silence(seen, waited);
}

/**
 * What a kernel's frame beyond the limit makes of a run: its connection is given up, so that no more answers come by
 * it, and what is missing from then on is no silence of the kernel.
 */
export function refusedVerdict(channel: string): Verdict {
  return {
    kind: channel === 'iopub' ? 'lost-idle' : 'lost-reply',
    source: 'kernel',
    reason: `the kernel sent a frame beyond 256 MiB on ${channel}, more than could be taken in, or bytes that are not ZeroMQ’s: its connection was given up, and answers with it`,
  };
}

/** What the observer itself did or suffered: nothing is then said of the kernel. */
function harnessFault(seen: Observations, waited: string): Verdict | null {
  const fault = (reason: string): Verdict => ({ kind: 'harness-fault', source: 'harness', reason });
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
 * Whether a server is on the way to a kernel whose own account cannot be had, since only the server reaches it:
 * what did not arrive may then have been lost by either.
 */
function isUnseen({ through, counters }: Observations): boolean {
  return through !== undefined && counters === null;
}

const EITHER = ': by the kernel or on the way, which cannot be told without the kernel’s own account';

/** Answers that came late, or in part. */
function answerFault(seen: Observations, waited: string): Verdict | null {
  const rejected = rejectionWords(seen);
  if (seen.answeredLate) {
    return { kind: 'late', source: 'kernel', reason: `${waited} and then answered, after the deadline` };
  }
  if (seen.replySeen && !seen.idleSeen) {
    return {
      kind: 'lost-idle',
      source: isUnseen(seen) ? null : 'kernel',
      reason: `the reply to ${seen.request} came, the idle status did not within ${seconds(seen.waitedMs)}${rejected}${isUnseen(seen) ? EITHER : ''}`,
    };
  }
  if (seen.idleSeen && !seen.replySeen) {
    const { counters } = seen;
    // A reply that came and was not sound was not lost on the way.
    const unsound = Object.keys(seen.rejections).some((key) => key.startsWith('shell '));
    const isClients = counters !== null && counters.replies >= counters.ended && !unsound;
    return {
      kind: 'lost-reply',
      source: isUnseen(seen) ? null : !isClients ? 'kernel' : (seen.through ?? 'client'),
      reason: isClients
        ? `the kernel counted ${counters.replies} replies sent, and the one to ${seen.request} did not arrive within ${seconds(seen.waitedMs)}`
        : `the kernel finished ${seen.request} (idle) and no valid reply to it came within ${seconds(seen.waitedMs)}${rejected}${isUnseen(seen) ? EITHER : ''}`,
    };
  }
  return null;
}

/** What a server between us and the kernel lost, by the kernel's own account. */
function lostBetween(seen: Observations, waited: string): Verdict | null {
  const { counters, look } = seen;
  if (seen.through === undefined || counters === null || counters.begun !== counters.ended) return null;
  const source = seen.through;
  if (counters.delivered >= seen.sent && counters.replies >= counters.ended) {
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

/** Neither reply nor idle: the kernel is busy with the request, or never turned to it. */
function silence(seen: Observations, waited: string): Verdict {
  const { counters } = seen;
  const lost = lostBetween(seen, waited);
  if (lost !== null) return lost;
  const rejected = rejectionWords(seen);
  if (seen.shellPortOpen === false) {
    return {
      kind: 'wedged-mute',
      source: 'kernel',
      reason: `${waited}; the process lives${controlWords(seen)}, and its shell port accepts no connection: the kernel has closed it${rejected}`,
    };
  }
  if (seen.busySeen || (counters !== null && counters.begun > counters.ended)) {
    const work =
      seen.cpuShare === null
        ? ''
        : seen.cpuShare < IDLE_CPU_SHARE
          ? '; it uses no processor time, so it waits for something'
          : `; it uses ${Math.round(seen.cpuShare * 100)} % of a processor`;
    return {
      kind: 'busy',
      source: 'notebook',
      reason: `the kernel began ${seen.request} and was not done with it after ${seconds(seen.waitedMs)}${work}`,
    };
  }
  if (isUnseen(seen) && seen.revivedByPeer !== true) {
    return {
      kind: 'no-answer',
      source: null,
      reason: `${waited} and not begun${controlWords(seen)}${peerWords(seen)}${rejected}${EITHER}`,
    };
  }
  const account =
    counters === null
      ? ''
      : `; ${counters.delivered} of ${seen.sent} requests were delivered, ${counters.ended} finished`;
  const look =
    seen.look === null
      ? ''
      : `; a look at the shell socket: POLLIN ${seen.look.pollin ? 'set' : 'not set'}, descriptor ${seen.look.fdReadable ? 'readable' : 'not readable'}${seen.look.fdRegistered ? '' : ' and not registered'}${standsWords(shellThread(seen.look), seen.look.threads[shellThread(seen.look)])}`;
  return {
    kind: 'wedged-mute',
    source: 'kernel',
    reason: `${waited} and not begun; the process lives${controlWords(seen)}${account}${look}${peerWords(seen)}${rejected}`,
  };
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

function rejectionWords(seen: Observations): string {
  const parts = Object.entries(seen.rejections).map(([key, count]) => {
    const [channel = '', cause = ''] = key.split(' ');
    return `${count} on ${channel} (${REJECTION_WORDS[cause] ?? cause})`;
  });
  return parts.length === 0 ? '' : `; messages not taken: ${parts.join(', ')}`;
}
