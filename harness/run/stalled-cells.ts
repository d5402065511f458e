import { roundedMs } from '../frontend/precise-timer.ts';
import type { RunRecord } from '../model/journal.ts';
import type { LoopStallMeter } from './loop-stall.ts';

/**
 * By how much the harness itself may have lengthened each answered cell. A cell during which the front end sent something
 * may have waited for it, so that every stall counts.
 *
 * @param spans when each was sent and answered, `monotonicMs`
 * @param sentWithin whether the front end sent anything but cells between two moments
 */
export function stalledCells(
  spans: readonly (readonly [number, number])[],
  stalls: Pick<LoopStallMeter, 'stalledMs' | 'lengthenedMs'>,
  sentWithin: (fromMs: number, toMs: number) => boolean,
): Pick<RunRecord, 'stalledMs'> {
  const stalled = spans
    .map(([fromMs, toMs], index) => {
      const stalledMs = stalls.stalledMs(fromMs, toMs);
      const ms = stalledMs === 0 || sentWithin(fromMs, toMs) ? stalledMs : stalls.lengthenedMs(fromMs, toMs);
      return [String(index), roundedMs(ms)] as const;
    })
    .filter(([, ms]) => ms > 0);
  return stalled.length === 0 ? {} : { stalledMs: Object.fromEntries(stalled) };
}
