import type { EndpointRule } from '../model/endpoint.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import { type JudgedRun, ownCellMs, runStatus, slowestCell } from '../model/run-status.ts';
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

function slownessSeen(run: JudgedRun, { slowAfterMs }: EndpointRule): string[] {
  const slowest = slowestCell(run);
  if (slowAfterMs === undefined || slowest === null || slowest.ms < slowAfterMs) return [];
  const place = slowest.cell === null ? '' : ` at cell ${slowest.cell}`;
  if (!slowest.isAnswered) return [`unanswered after ${duration(slowest.ms)}${place}`];
  const many = ownCellMs(run).filter((ms) => ms >= slowAfterMs).length;
  return [`${counted(many, 'cell')}, the slowest ${duration(slowest.ms)}${place}`];
}

function memorySeen({ memory }: JudgedRun, { memoryAboveBytes }: EndpointRule): string[] {
  if (memory === undefined || memoryAboveBytes === undefined || memory.peakBytes <= memoryAboveBytes)
    return [];
  return [`${binarySize(memory.peakBytes)} at the peak`];
}
