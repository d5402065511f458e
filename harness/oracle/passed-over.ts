import type { Observations } from '../model/observations.ts';
import type { Finding } from '../model/outcome.ts';

/**
 * A request that the kernel skipped: it was never begun, but later ones of the same client on the same channel were. A
 * socket delivers a peer's messages in order, so that this one was read: it is not stranded, and the kernel is not wedged.
 * akernel 0.4 does this with completions and inspections, which it does not know.
 *
 * @returns `null` where that was not seen
 */
export function passedOver(seen: Observations, waited: string): Finding | null {
  const { begunAfter = 0, busySeen, replySeen, idleSeen, request } = seen;
  if (begunAfter === 0 || busySeen || replySeen || idleSeen) return null;
  const later = begunAfter === 1 ? 'a request' : `${begunAfter} requests`;
  return {
    kind: 'no-answer',
    source: 'kernel',
    reason: `${waited} and not begun, but the kernel turned to ${later} that the same client sent after it: it read ${request} and did nothing with it, as a kernel does that does not know the type`,
  };
}
