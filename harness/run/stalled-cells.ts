import { roundedMs } from '../frontend/precise-timer.ts';
import type { RunRecord } from '../model/journal.ts';
import type { LoopStallMeter } from './loop-stall.ts';

/**
 * What of each answered cell's time the harness itself stood still.
 *
 * @param spans when each was sent and answered, `monotonicMs`
 */
export function stalledCells(
  spans: readonly (readonly [number, number])[],
  stalls: Pick<LoopStallMeter, 'stalledMs'>,
): Pick<RunRecord, 'stalledMs'> {
  const stalled = spans
    .map(([fromMs, toMs], index) => [String(index), roundedMs(stalls.stalledMs(fromMs, toMs))] as const)
    .filter(([, ms]) => ms > 0);
  return stalled.length === 0 ? {} : { stalledMs: Object.fromEntries(stalled) };
}
