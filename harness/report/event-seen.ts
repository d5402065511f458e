import type { Stall } from '../model/client.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasStall, type JudgedRun, runStatus } from '../model/run-status.ts';
import { countsStalls, hasSecondEvent } from '../stats/second-events.ts';
import { eventWords } from './endpoint-words.ts';

/** Endpoints whose event is seen on the way: the kind of the run's ending does not say it. */
const ON_THE_WAY: readonly EndpointRule['endpoint'][] = ['lost-output', 'slow', 'memory', 'any'];

/**
 * The event of a run in words where the way it ended does not say it: `lost output (2 missing, 1 cut)`. `null` for a run
 * without an event, and where the kind of its ending is the event. How slow it was, and how much memory there was, is
 * said by `limitWords`.
 */
export function eventSeen(run: JudgedRun, rule: EndpointRule): string | null {
  if (!ON_THE_WAY.includes(rule.endpoint) || runStatus(run, rule) !== 'wedged') return null;
  if (rule.endpoint === 'any' && run.outcome.kind !== 'completed') return null;
  const { past } = eventWords(rule);
  const isAny = rule.endpoint === 'any';
  const parts = [
    ...(rule.endpoint === 'lost-output' || isAny ? lossesSeen(run.losses ?? []) : []),
    ...(isAny && hasStall(run) ? [`the client ${stallPlaces(run.stalls ?? [])}`] : []),
  ];
  return parts.length === 0 ? past : `${past} (${parts.join('; ')})`;
}

/**
 * That the client stalled in a run, where this is not the event: `nbclient stalled at cells 3 and 9`. `null`: it did not,
 * or the run's ending says so.
 */
export function stallSeen(
  run: RunRecord,
  { client, endpoint }: Pick<Protocol, 'client' | 'endpoint'>,
): string | null {
  if (countsStalls(endpoint) || !hasSecondEvent(run)) return null;
  return `${client?.name ?? 'the client'} ${stallPlaces(run.stalls ?? [])}`;
}

function stallPlaces(stalls: readonly Stall[]): string {
  const cells = [...new Set(stalls.flatMap(({ cell }) => cell ?? []))];
  if (cells.length === 0) return 'stalled';
  const last = cells.pop();
  return cells.length === 0 ? `stalled at cell ${last}` : `stalled at cells ${cells.join(', ')} and ${last}`;
}

function lossesSeen(losses: readonly OutputLoss[]): string[] {
  const many = new Map<string, number>();
  for (const { loss } of losses) if (loss !== 'differs') many.set(loss, (many.get(loss) ?? 0) + 1);
  const first = losses.find(({ loss }) => loss !== 'differs');
  if (first === undefined) return [];
  return [`${[...many].map(([loss, times]) => `${times} ${loss}`).join(', ')}; first at cell ${first.cell}`];
}
