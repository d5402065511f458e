import { terminalText } from '../model/clean-text.ts';
import type { TraceEvent } from '../model/trace.ts';

const ARROWS = { sent: '→', received: '←', rejected: '✗', oracle: '·' } as const;

/** The last messages of a run, one a line, each with its time in milliseconds. */
export function traceLines(trace: readonly TraceEvent[]): string[] {
  const width = Math.max(...trace.map(({ atMs }) => atMs.toFixed(1).length));
  return trace.map((event) => `${event.atMs.toFixed(1).padStart(width)}  ${messageWords(event)}`);
}

/** From when the times of a run's messages are counted. */
export function traceOrigin(startMs: number | null): string {
  return startMs === null ? 'its launch' : 'the kernel was ready';
}

function messageWords({ what, channel, type, request, state }: TraceEvent): string {
  if (what === 'oracle') return `${ARROWS.oracle} ${terminalText(type)}`;
  const of = request === null ? '' : ` #${request}`;
  const which = what === 'rejected' ? `not taken: ${terminalText(type)}` : terminalText(type);
  return `${ARROWS[what]} ${(channel ?? '').padEnd(7)} ${which}${of}${state === null ? '' : ` ${terminalText(state)}`}`;
}
