import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import { MEMORY_SAMPLE_MS } from '../model/memory.ts';
import { type CellTime, runStatus, slowestCell } from '../model/run-status.ts';
import { line, text } from './document.ts';
import { counted, duration, memorySize } from './format-number.ts';
import type { Sign } from './run-signs.ts';
import { num } from './words.ts';

/** What was seen of a run's slowest cell and of its kernel's memory, where the experiment sets a limit for them. */
export function limitSigns(run: RunRecord, rule: EndpointRule): Sign[] {
  const signs: Sign[] = [];
  const { slowAfterMs, memoryAboveBytes } = rule;
  const slowest = slowestCell(run);
  if (slowAfterMs !== undefined && slowest !== null) {
    const isSlow = slowest.ms >= slowAfterMs;
    signs.push({
      of: 'slow',
      line: line`${num(cellWords(slowest))} ${text(isSlow ? 'was slow' : 'was the slowest')}: ${num(cellTimeWords(slowest))}; ${num(duration(slowAfterMs))} or more is slow`,
    });
  }
  if (run.memory !== undefined) {
    const { measure, peakBytes, samples } = run.memory;
    const limit = memoryAboveBytes === undefined ? '' : `; above ${memorySize(memoryAboveBytes)} is too much`;
    signs.push({
      of: 'memory',
      line: line`${num(`${memorySize(peakBytes)} (${measure.toUpperCase()})`)} at most in ${num(counted(samples, 'sample'))}, one every ${num(duration(MEMORY_SAMPLE_MS))}${num(limit)}; a peak between two samples is not seen`,
    });
  } else if (memoryAboveBytes !== undefined) {
    signs.push({ of: 'memory', line: line`not known: ${text(whyUnsampled(run))}` });
  }
  return signs;
}

/** The same in a few words after a run's outcome: what was slow, how much memory there was at most. */
export function limitWords(run: RunRecord, rule: EndpointRule): string {
  const { slowAfterMs, memoryAboveBytes } = rule;
  const slowest = slowestCell(run);
  const parts: string[] = [];
  if (slowAfterMs !== undefined && slowest !== null && slowest.ms >= slowAfterMs) {
    parts.push(`${cellWords(slowest)}: ${cellTimeWords(slowest)}`);
  }
  if (run.memory !== undefined) parts.push(`${memorySize(run.memory.peakBytes)} of memory at most`);
  else if (memoryAboveBytes !== undefined) parts.push(`memory not known: ${whyUnsampled(run)}`);
  return parts.join('; ');
}

function cellWords({ cell }: CellTime): string {
  return cell === null ? 'a request' : `cell ${cell}`;
}

function cellTimeWords({ ms, isAnswered }: CellTime): string {
  return isAnswered ? `it took ${duration(ms)}` : `it was not answered within ${duration(ms)}`;
}

/** Whether a run is left out for want of samples: it completed, and nobody knows how much memory there was. */
export function isUnsampled(run: RunRecord, rule: EndpointRule): boolean {
  return rule.endpoint !== 'lost-output' && run.memory === undefined && isUnwatched(run, rule);
}

/** Whether a run is left out because its outputs are not compared: too many to keep, or not before the last run. */
export function isUncompared(run: RunRecord, rule: EndpointRule): boolean {
  return rule.endpoint === 'lost-output' && isUnwatched(run, rule);
}

function isUnwatched(run: RunRecord, rule: EndpointRule): boolean {
  return run.outcome.kind === 'completed' && runStatus(run, rule) === 'invalid';
}

/** Why a run has no memory, where it was to be sampled. */
function whyUnsampled({ client, startMs }: RunRecord): string {
  if (client.server?.elsewhere === true) {
    return 'the kernel is out of reach, perhaps on another machine, and cannot be sampled';
  }
  if (startMs === null) return 'the kernel was never ready';
  return client.server === undefined
    ? 'a sample failed, or the kernel ended before the first one'
    : 'a sample failed, or its server does not say which process the kernel is';
}
