import type { EndpointRule } from '../model/endpoint.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import { type JudgedRun, runStatus } from '../model/run-status.ts';
import { binarySize, eventWords } from './endpoint-words.ts';
import { counted, duration } from './format-number.ts';

/**
 * The event of a run in words where the way it ended does not say it: `lost output (2 missing, 1 cut)`. `null` for a run
 * without an event, and where the kind of its ending is the event.
 */
export function eventSeen(run: JudgedRun, rule: EndpointRule): string | null {
  if (runStatus(run, rule) !== 'wedged') return null;
  const { past } = eventWords(rule);
  const all = rule.endpoint === 'any';
  const seen = [
    ...(rule.endpoint === 'lost-output' || all ? lossesSeen(run.losses ?? []) : []),
    ...(rule.endpoint === 'slow' || all ? slownessSeen(run, rule) : []),
    ...(rule.endpoint === 'memory' || all ? memorySeen(run, rule) : []),
  ];
  return seen.length === 0 ? null : `${past} (${seen.join('; ')})`;
}

function lossesSeen(losses: readonly OutputLoss[]): string[] {
  const many = new Map<string, number>();
  for (const { loss } of losses) if (loss !== 'differs') many.set(loss, (many.get(loss) ?? 0) + 1);
  const first = losses.find(({ loss }) => loss !== 'differs');
  if (first === undefined) return [];
  const each = [...many].map(([loss, times]) => `${times} ${loss}`).join(', ');
  return [`${each}; first at cell ${first.cell}`];
}

function slownessSeen({ cellMs, outcome }: JudgedRun, { slowAfterMs }: EndpointRule): string[] {
  if (slowAfterMs === undefined) return [];
  const slow = cellMs.filter((ms) => ms >= slowAfterMs);
  if (slow.length === 0)
    return (outcome.waitedMs ?? 0) >= slowAfterMs ? [`unanswered after ${duration(outcome.waitedMs)}`] : [];
  return [`${counted(slow.length, 'cell')}, the slowest ${duration(Math.max(...slow))}`];
}

function memorySeen({ memory }: JudgedRun, { memoryAboveBytes }: EndpointRule): string[] {
  if (memory === undefined || memoryAboveBytes === undefined || memory.peakBytes <= memoryAboveBytes)
    return [];
  return [`${binarySize(memory.peakBytes)} at the peak`];
}
