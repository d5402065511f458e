import type { KernelCounters } from '../model/arm.ts';
import type { Look, Observations } from '../model/observations.ts';
import type { LikelySource, OutcomeKind } from '../model/outcome.ts';

/** What an unanswered request was. */
export interface Verdict {
  readonly kind: OutcomeKind;
  readonly source: LikelySource;
  readonly reason: string;
}

/** A harness that was itself stalled for this share of the wait has seen nothing. */
export const MAX_STALL_SHARE = 0.2;

/** A process that used less than this share of a core between two samples is idle. */
export const IDLE_CPU_SHARE = 0.1;

// Where a parked asyncio loop stands: in the selector's wait, whichever the platform has.
const PARKED_FRAME =
  /^selectors\.py:\d+ select$|^proactor_events\.py:|^windows_events\.py:\d+ (select|_poll)$/;

/** Whether a thread of that name waits in its event loop's selector. */
export function isParked(look: Look, thread: string): boolean {
  return PARKED_FRAME.test(look.threads[thread]?.[0] ?? '');
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
    const proof =
      seen.revivedByRearm === true
        ? `; one run of the stream's read handler brought the missing answers within ${Math.max(1, Math.ceil(seen.revivedAfterMs ?? 0))} ms`
        : seen.revivedByRearm === false
          ? "; one run of the stream's read handler did not bring them"
          : '';
    return {
      kind: 'wedged-stranded',
      source: 'kernel',
      reason: `${waited}: it is queued in the shell socket (POLLIN), whose descriptor is registered and not readable, and the loop is parked${proof}`,
    };
  }
  if (seen.socketError !== null) {
    return {
      kind: 'harness-fault',
      source: 'harness',
      reason: `a socket of the harness failed: ${seen.socketError}`,
    };
  }
  if (seen.loopStallMs > MAX_STALL_SHARE * seen.waitedMs) {
    return {
      kind: 'harness-fault',
      source: 'harness',
      reason: `${waited}, but the harness's own event loop was stalled for ${seconds(seen.loopStallMs)} of it`,
    };
  }
  if (seen.answeredLate) {
    return { kind: 'late', source: 'kernel', reason: `${waited} and then answered, after the deadline` };
  }
  const rejected = seen.rejected > 0 ? `; ${seen.rejected} received messages were not valid answers` : '';
  if (seen.replySeen && !seen.idleSeen) {
    return {
      kind: 'lost-idle',
      source: 'kernel',
      reason: `the reply to ${seen.request} came, the idle status did not within ${seconds(seen.waitedMs)}${rejected}`,
    };
  }
  if (seen.idleSeen && !seen.replySeen) {
    const sentByKernel = seen.counters !== null && seen.counters.replies >= seen.counters.ended;
    return {
      kind: 'lost-reply',
      source: sentByKernel ? 'client' : 'kernel',
      reason: sentByKernel
        ? `the kernel counted ${seen.counters?.replies} replies sent, and the one to ${seen.request} did not arrive${rejected}`
        : `the kernel finished ${seen.request} (idle) and no valid reply to it came within ${seconds(seen.waitedMs)}${rejected}`,
    };
  }
  const { counters } = seen;
  if (seen.busySeen || (counters !== null && counters.begun > counters.ended)) {
    return {
      kind: 'slow',
      source: 'notebook',
      reason: `the kernel began ${seen.request} and was not done with it after ${seconds(seen.waitedMs)}`,
    };
  }
  const account =
    counters === null
      ? ''
      : `; ${counters.delivered} of ${seen.sent} requests were delivered, ${counters.ended} finished`;
  const look =
    seen.look === null
      ? ''
      : `; a look at the shell socket: POLLIN ${seen.look.pollin ? 'set' : 'not set'}, descriptor ${seen.look.fdReadable ? 'readable' : 'not readable'}`;
  const alive =
    seen.control === true ? 'control answers' : seen.control === false ? 'control does not answer' : '';
  return {
    kind: 'wedged-mute',
    source: 'kernel',
    reason: `${waited} and not begun; the process lives${alive === '' ? '' : `, ${alive}`}${account}${look}${rejected}`,
  };
}
