import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';

/**
 * What befell runs besides their outcome: a stall of the client that ended and let the run go on. The run keeps its
 * outcome, so that a change which cures the kernel's wedge may still leave its users a client that stalls.
 */
export interface SecondEvents {
  /** Recorded runs in which the client stalled and that have another outcome. */
  readonly stalled: number;
  /** Recorded runs in which that would have been seen. */
  readonly runs: number;
}

/** Of one arm's recorded runs; `null` where no client is watched, or where a stall is what is counted anyway. */
export function secondEvents(
  protocol: Pick<Protocol, 'client' | 'endpoint'>,
  runs: readonly RunRecord[],
): SecondEvents | null {
  if (protocol.client === undefined || protocol.endpoint === 'stalled') return null;
  const watched = runs.filter(({ clientCounters }) => clientCounters !== undefined);
  return { stalled: watched.filter(hasSecondEvent).length, runs: watched.length };
}

/** Whether the client stalled in a run of another outcome. */
export function hasSecondEvent({ outcome, stalls }: RunRecord): boolean {
  return outcome.kind !== 'stalled' && stalls !== undefined && stalls.length > 0;
}
