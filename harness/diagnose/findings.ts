import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import { eventsOf, type OneEndpoint } from '../model/run-status.ts';

/** At whose fault an event is. `unknown`: what was recorded does not say. */
export type Whose = 'kernel' | 'client' | 'notebook' | 'unknown';

/** One thing that went wrong in one run. */
export interface Finding {
  readonly event: AskedEndpoint;
  readonly whose: Whose;
}

/** How the kernel was reached: by the harness's own front end, or by a client such as nbclient. */
export type WayKind = 'direct' | 'client';

/** Events in the order in which they are told. */
const ASKED = [
  'wedged',
  'stalled',
  'lost-answer',
  'died',
  'hung',
  'start-failed',
  'cell-error',
  'lost-output',
  'slow',
  'memory',
] as const satisfies readonly OneEndpoint[];

/** Nobody interrupts the runs of a diagnosis. */
export type AskedEndpoint = (typeof ASKED)[number];

/**
 * All that went wrong in a run. A run may have several findings: a client may have stalled before its kernel wedged, and
 * output may have been lost in a run that completed.
 */
export function findingsOf(run: RunRecord, rule: EndpointRule, way: WayKind): Finding[] {
  if (run.outcome.kind === 'harness-fault') return [];
  const events = ASKED.filter(
    (endpoint) =>
      eventsOf(run, { ...rule, endpoint }).length > 0 ||
      // A stall that the client's own time-out ended leaves the run another outcome.
      (endpoint === 'stalled' && (run.stalls ?? []).length > 0),
  );
  return events.map((event) => ({ event, whose: whoseOf(event, run, way) }));
}

/** Told apart by what was recorded of the run. What cannot be told is `unknown`, never guessed. */
function whoseOf(event: AskedEndpoint, { outcome }: RunRecord, way: WayKind): Whose {
  const { source } = outcome;
  switch (event) {
    case 'wedged':
      return 'kernel';
    case 'stalled':
      return 'client';
    case 'cell-error':
    case 'slow':
    case 'memory':
      return 'notebook';
    case 'lost-answer':
    case 'start-failed':
      return source === 'kernel' || source === 'client' ? source : 'unknown';
    case 'died':
      // The kernel's process runs the code of cells and of libraries: any of them may have ended it.
      return source === 'client' ? 'client' : 'unknown';
    case 'hung':
      return 'unknown';
    case 'lost-output':
      // Between the kernel and the harness's own front end there is nothing else.
      return way === 'direct' ? 'kernel' : 'unknown';
  }
}

/** Orders findings as they are told. */
export function eventOrder(event: AskedEndpoint): number {
  return ASKED.indexOf(event);
}
