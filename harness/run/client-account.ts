import { roundedMs } from '../frontend/precise-timer.ts';
import type { ClientEvent } from '../kernel/client-process.ts';
import { type Exposure, encodedCounts } from '../model/exposure.ts';
import type { RunRecord } from '../model/journal.ts';
import { TRACE_EVENTS, TRACE_WORD_CHARACTERS, type TraceEvent } from '../model/trace.ts';
import { hasReply } from '../oracle/account.ts';

/** A client's requests, by its log of shell messages. */
export interface AnsweredRequests {
  /** Milliseconds from execute request to reply, for each answered cell in order. */
  readonly cellMs: number[];
  readonly byType: Record<string, number>;
  /** Type of the oldest unanswered request that should have a reply. `null`: there is none. */
  readonly untaken: string | null;
}

export function answeredRequests(events: readonly ClientEvent[]): AnsweredRequests {
  const open = new Map<number, ClientEvent>();
  const cellMs: number[] = [];
  const byType: Record<string, number> = {};
  for (const event of events) {
    if (event.what === 'sent') {
      byType[event.msgType] = (byType[event.msgType] ?? 0) + 1;
      if (hasReply(event.msgType)) open.set(event.request, event);
      continue;
    }
    const request = open.get(event.request);
    open.delete(event.request);
    if (request?.msgType === 'execute_request')
      cellMs.push(roundedMs(Math.max(0, event.atMs - request.atMs)));
  }
  const [oldest] = open.values();
  return { cellMs, byType, untaken: oldest?.msgType ?? null };
}

/** The client's part of a run's record: what it sent and took on the shell channel. */
export function clientAccount(events: readonly ClientEvent[]): RunRecord['client'] {
  const { byType } = answeredRequests(events);
  return {
    sent: events.filter(({ what }) => what === 'sent').length,
    // A socket that has connected to itself, while its kernel has no ports yet, receives the client's own requests.
    replies: events.filter(({ what, msgType }) => what !== 'sent' && msgType.endsWith('_reply')).length,
    // The harness does not see the client's iopub subscription.
    idles: 0,
    byType,
    rejected: 0,
  };
}

// The notebook can write the client's log.
const MAX_TYPES = 20;

/** What the client did to the kernel, by cell, as far as its log of shell messages shows. */
export function clientExposure(events: readonly ClientEvent[]): Exposure {
  const byType = new Map<string, number[]>();
  let cells = 0;
  for (const { what, msgType } of events) {
    if (what !== 'sent') continue;
    if (msgType === 'execute_request') cells += 1;
    else if (cells > 0) {
      const counts = byType.get(msgType) ?? [];
      while (counts.length < cells) counts.push(0);
      counts[cells - 1] = (counts[cells - 1] ?? 0) + 1;
      byType.set(msgType, counts);
    }
  }
  const kept = [...byType].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MAX_TYPES);
  return { cells, requests: Object.fromEntries(kept.map(([type, counts]) => [type, encodedCounts(counts)])) };
}

/**
 * The last events of a run, with what the harness did between them. The clocks of client and harness are aligned at the
 * first cell.
 */
export function clientTrace(
  events: readonly ClientEvent[],
  marks: readonly { readonly atMs: number; readonly act: string }[],
  firstCellMs: number,
): TraceEvent[] {
  const first = events.find(({ what, msgType }) => what === 'sent' && msgType === 'execute_request');
  const originMs = first?.atMs ?? events[0]?.atMs ?? 0;
  const messages = events.map(
    (event): TraceEvent => ({
      atMs: roundedMs(event.atMs - originMs),
      what: event.what === 'sent' ? 'sent' : 'received',
      channel: 'shell',
      type: event.msgType.slice(0, TRACE_WORD_CHARACTERS),
      request: event.request === 0 ? null : event.request,
      state: event.what === 'late' ? 'found at time-out' : null,
    }),
  );
  const acts = marks.map(
    ({ atMs, act }): TraceEvent => ({
      atMs: roundedMs(atMs - firstCellMs),
      what: 'oracle',
      channel: null,
      type: act.slice(0, TRACE_WORD_CHARACTERS),
      request: null,
      state: null,
    }),
  );
  return [...messages, ...acts].sort((a, b) => a.atMs - b.atMs).slice(-TRACE_EVENTS);
}
