import { COMMAND_CLIENT } from '../model/client.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasStall } from '../model/run-status.ts';

/**
 * Events in a run besides its outcome: the client stalled, recovered, and the run went on. The run keeps its
 * outcome. So a change that cures the kernel's wedge may still leave its users with a client that stalls.
 */
export interface SecondEvents {
  /** Recorded runs with another outcome in which the client stalled. */
  readonly stalled: number;
  /** Recorded runs in which a stall would have been seen. */
  readonly runs: number;
}

/**
 * The second events of one arm's recorded runs; `null` when no client is watched, or when a stall is itself
 * an event of the endpoint.
 */
export function secondEvents(
  protocol: Pick<Protocol, 'client' | 'endpoint'>,
  runs: readonly RunRecord[],
): SecondEvents | null {
  const { client, endpoint } = protocol;
  if (client === undefined || client.name === COMMAND_CLIENT || countsStalls(endpoint)) return null;
  const watched = runs.filter(({ clientCounters }) => clientCounters !== undefined);
  return { stalled: watched.filter(hasSecondEvent).length, runs: watched.length };
}

/** Whether a stall of the client is an event of the endpoint, so that it is no second event. */
export function countsStalls(endpoint: Protocol['endpoint']): boolean {
  return endpoint === 'stalled' || endpoint === 'any';
}

/** Whether the client stalled in a run that has another outcome. */
export function hasSecondEvent(run: RunRecord): boolean {
  return run.outcome.kind !== 'stalled' && hasStall(run);
}
