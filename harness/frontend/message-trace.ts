import { TRACE_EVENTS, TRACE_WORD_CHARACTERS, type TraceEvent } from '../model/trace.ts';
import { monotonicMs } from './precise-timer.ts';

/** The last messages of a run: at most `TRACE_EVENTS`, however many there were. */
export class MessageTrace {
  #events: TraceEvent[] = [];

  add(event: Omit<TraceEvent, 'atMs'>): void {
    this.#events.push({
      ...event,
      type: event.type.slice(0, TRACE_WORD_CHARACTERS),
      state: event.state?.slice(0, TRACE_WORD_CHARACTERS) ?? null,
      atMs: monotonicMs(),
    });
    // Cut in batches: a flood of a million messages must not move an array a million times.
    if (this.#events.length >= 4 * TRACE_EVENTS) this.#events = this.#events.slice(-TRACE_EVENTS);
  }

  /** Records an action of the oracle, at its place among the messages. */
  mark(act: string): void {
    this.add({ what: 'oracle', channel: null, type: act, request: null, state: null });
  }

  /**
   * The last events, oldest first. Their times are relative to `originMs` of `monotonicMs`, to a microsecond.
   */
  since(originMs: number): TraceEvent[] {
    return this.#events
      .slice(-TRACE_EVENTS)
      .map((event) => ({ ...event, atMs: Math.round((event.atMs - originMs) * 1000) / 1000 }));
  }
}
