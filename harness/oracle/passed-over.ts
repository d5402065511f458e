import type { Observations } from '../model/observations.ts';
import type { Finding } from '../model/outcome.ts';

/**
 * A request that the kernel went past: it was never begun, and others that the same client sent later on the same
 * channel were. A socket hands a peer's messages on in their order, so that this one was read: it is not stranded, and
 * the kernel is no wedged one. akernel 0.4 does so with completions and inspections, of which it knows nothing.
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
