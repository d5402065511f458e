import type { EndpointRule } from '../model/endpoint.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import { type JudgedRun, runStatus } from '../model/run-status.ts';
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
  const losses =
    rule.endpoint === 'lost-output' || rule.endpoint === 'any' ? lossesSeen(run.losses ?? []) : '';
  return losses === '' ? past : `${past} (${losses})`;
}

function lossesSeen(losses: readonly OutputLoss[]): string {
  const many = new Map<string, number>();
  for (const { loss } of losses) if (loss !== 'differs') many.set(loss, (many.get(loss) ?? 0) + 1);
  const first = losses.find(({ loss }) => loss !== 'differs');
  if (first === undefined) return '';
  return `${[...many].map(([loss, times]) => `${times} ${loss}`).join(', ')}; first at cell ${first.cell}`;
}
