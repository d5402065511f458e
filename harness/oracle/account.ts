import type { KernelCounters } from '../model/arm.ts';

/**
 * Why a kernel's counters cannot be right, in words. `null`: they can. A request is delivered, then begun, then ended.
 * Counters that say otherwise count something else too, or were overwritten.
 */
export function accountFault({ delivered, begun, ended }: KernelCounters): string | null {
  if (ended > begun) return `${ended} requests finished of ${begun} begun`;
  if (begun > delivered) return `${begun} requests begun of ${delivered} delivered`;
  return null;
}

/** The counters, if they can be right. `null`: there are none, or they cannot. */
export function usableCounters(counters: KernelCounters | null): KernelCounters | null {
  return counters === null || accountFault(counters) !== null ? null : counters;
}

/** Whether the kernel was given fewer requests than were sent, and has finished those it was given. */
export function countersShowStrand(counters: KernelCounters, sent: number): boolean {
  return (
    accountFault(counters) === null &&
    counters.delivered < sent &&
    counters.begun === counters.ended &&
    counters.begun === counters.delivered
  );
}

/** Whether the kernel was given every request and has finished it: it owes nothing, and is not wedged. */
export function countersShowAllDone(counters: KernelCounters, sent: number): boolean {
  return (
    accountFault(counters) === null &&
    counters.delivered >= sent &&
    counters.begun === counters.ended &&
    counters.begun === counters.delivered
  );
}

/** Whether a request has a reply by the protocol: `comm_open`, `comm_msg` and `comm_close` have none. */
export function hasReply(msgType: string): boolean {
  return msgType.endsWith('_request');
}
