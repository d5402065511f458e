import { cleanLine } from '../model/clean-text.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { LikelySource, OutcomeKind } from '../model/outcome.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import { eventsOf, type OneEndpoint, type OutcomeStatus, runStatus } from '../model/run-status.ts';
import { lastTellingLine, normalText } from './normal-text.ts';

/** A cell: 0-based index of its notebook in the protocol, and 0-based position among the executed code cells. */
export interface CellPlace {
  readonly notebook: number;
  readonly cell: number;
}

/**
 * What identifies a fault: two runs with equal faults belong to one group. All text is cleaned, bounded, and without
 * what differs from run to run.
 */
export type Fault =
  /** `message` only where no frame is known: it often names values of one run. */
  | {
      readonly is: 'error';
      readonly at: CellPlace | null;
      readonly ename: string;
      readonly line: number | null;
      readonly frame: string | null;
      readonly message: string | null;
    }
  /** `words`: the last telling line of what the kernel wrote; without an exit, what the harness saw. */
  | {
      readonly is: 'exit';
      readonly kind: 'died' | 'start-failed';
      readonly code: number | null;
      readonly signal: string | null;
      readonly words: string | null;
    }
  | {
      readonly is: 'output';
      /** `null`: it wanders from cell to cell. */
      readonly at: CellPlace | null;
      readonly loss: Exclude<OutputLoss['loss'], 'differs'>;
      readonly output: string;
    }
  | { readonly is: 'slow'; readonly at: CellPlace | null }
  | { readonly is: 'memory' }
  /** `frames`: of the main thread, innermost first. Empty: not known. */
  | { readonly is: 'stack'; readonly kind: 'hung' | 'wedged-mute'; readonly frames: readonly string[] }
  /** `rejections`: why messages were not taken, which may be why an answer is missing. */
  | {
      readonly is: 'request';
      readonly kind: OutcomeKind;
      readonly request: string | null;
      readonly source: LikelySource | null;
      readonly rejections: readonly string[];
    }
  /** Nothing more is known that would tell two of the kind apart, or a certificate says it all. */
  | { readonly is: 'kind'; readonly kind: OutcomeKind };

/** Longest text in a fault, code points. */
export const FAULT_TEXT_LIMIT = 100;
const FRAMES = 4;
const REJECTIONS = 4;

/** Why a run counts as the event or as a competing event, each reason once. Empty: it counts as neither. */
export interface RunFaults {
  readonly status: OutcomeStatus;
  readonly faults: readonly Fault[];
}

export function faultsOf(run: RunRecord, rule: EndpointRule): RunFaults {
  const status = runStatus(run, rule);
  if (status === 'competing') return { status, faults: [endingFault(run)] };
  if (status !== 'wedged') return { status, faults: [] };
  return { status, faults: eventsOf(run, rule).flatMap((event) => eventFaults(run, event, rule)) };
}

function eventFaults(run: RunRecord, event: OneEndpoint, rule: EndpointRule): Fault[] {
  const { notebook } = run;
  switch (event) {
    case 'lost-output':
      return (run.losses ?? []).flatMap((loss) => outputFault(loss, notebook) ?? []);
    case 'slow':
      return slowCells(run, rule.slowAfterMs ?? Number.POSITIVE_INFINITY).map((at) => ({ is: 'slow', at }));
    case 'memory':
      return [{ is: 'memory' }];
    case 'stalled':
      return [run.outcome.kind === 'stalled' ? endingFault(run) : stallFault(run.stalls?.[0]?.request)];
    default:
      return [endingFault(run)];
  }
}

/** What identifies a loss of output, wherever it was cut and wherever it moved; `null`: nothing was lost. */
export function outputFault({ loss, cell, output }: OutputLoss, notebook: number): Fault | null {
  return loss === 'differs' ? null : { is: 'output', at: { notebook, cell }, loss, output: short(output) };
}

/** The fault wherever it strikes; `null`: its place is part of what it is, or it has none. */
export function wandering(fault: Fault): Fault | null {
  return fault.is === 'output' || fault.is === 'slow' ? { ...fault, at: null } : null;
}

/** The answered cells that took so long; if there is none, the one that was not answered in time. */
function slowCells({ notebook, cellMs, outcome }: RunRecord, slowAfterMs: number): (CellPlace | null)[] {
  const slow = cellMs.flatMap((ms, cell) => (ms >= slowAfterMs ? [{ notebook, cell }] : []));
  if (slow.length > 0) return slow;
  return [outcome.cell === null ? null : { notebook, cell: outcome.cell }];
}

/** A stall that the run outlived. */
function stallFault(request = 'unknown'): Fault {
  return { is: 'request', kind: 'stalled', request: short(request), source: 'client', rejections: [] };
}

function endingFault(run: RunRecord): Fault {
  const { outcome, notebook } = run;
  const { kind } = outcome;
  switch (kind) {
    case 'cell-error':
      return errorFault(outcome, notebook);
    case 'died':
    case 'start-failed': {
      const { exit } = outcome;
      const written = outcome.stdoutTail ?? outcome.stderrTail ?? '';
      return {
        is: 'exit',
        kind,
        code: exit?.code ?? null,
        signal: exit?.signal == null ? null : short(exit.signal),
        words:
          exit === null
            ? normalText(outcome.reason, FAULT_TEXT_LIMIT)
            : lastTellingLine(written, FAULT_TEXT_LIMIT),
      };
    }
    case 'hung':
    case 'wedged-mute':
      return { is: 'stack', kind, frames: stackOf(run) };
    case 'stalled':
    case 'lost-reply':
    case 'lost-idle':
    case 'lost-request':
    case 'no-answer':
    case 'late':
    case 'busy':
      return {
        is: 'request',
        kind,
        request: outcome.unanswered === null ? null : short(outcome.unanswered),
        source: outcome.source,
        // A rejected message may be the missing answer; of a busy or late kernel it is not.
        rejections: kind.startsWith('lost-')
          ? Object.keys(outcome.observations?.rejections ?? {})
              .map(short)
              .sort()
              .slice(0, REJECTIONS)
          : [],
      };
    default:
      return { is: 'kind', kind };
  }
}

function errorFault({ error, cell }: RunRecord['outcome'], notebook: number): Fault {
  const place = {
    line: error?.line ?? null,
    frame: error?.frame === undefined ? null : placeOf(error.frame),
  };
  const isPlaced = place.line !== null || place.frame !== null;
  return {
    is: 'error',
    at: cell === null ? null : { notebook, cell },
    ename: short(error?.ename ?? ''),
    ...place,
    message: isPlaced || error === null ? null : normalText(error.evalue, FAULT_TEXT_LIMIT),
  };
}

/** Innermost frames of the main thread; without them, where the system says that it sleeps. */
function stackOf({ outcome: { observations } }: RunRecord): string[] {
  const threads = observations?.threads ?? observations?.look?.threads;
  const frames = threads?.['MainThread'] ?? [];
  if (frames.length === 0 && observations?.blockedIn !== undefined) return [short(observations.blockedIn)];
  return frames.slice(0, FRAMES).map(placeOf);
}

/**
 * `file:line function` without the line of a file, which differs between releases. A line of a cell stays: the notebook
 * is the same in every run.
 */
function placeOf(frame: string): string {
  const [, file = '', name = ''] = /^([^:]+):\d+ (.+)$/.exec(frame) ?? [];
  return file === '' || file === 'cell'
    ? short(frame)
    : `${normalText(file, 50)} ${short(name).slice(0, 50)}`;
}

/** Text that is a name and so is not normalised: cleaned and bounded alone. */
function short(name: string): string {
  const points = [...cleanLine(name.slice(0, 10 * FAULT_TEXT_LIMIT), 10 * FAULT_TEXT_LIMIT)];
  return points.length > FAULT_TEXT_LIMIT
    ? `${points.slice(0, FAULT_TEXT_LIMIT - 1).join('')}…`
    : points.join('');
}
