import type { Endpoint, EndpointRule } from './endpoint.ts';
import { followsInterrupt } from './interrupt.ts';
import type { RunRecord } from './journal.ts';
import { isWedge, type OutcomeKind } from './outcome.ts';

/** What a run counts as, for the endpoint of its experiment. */
export const OUTCOME_STATUSES = [
  /** The endpoint was observed, and its event did not happen. */
  'completed',
  /** The endpoint's event. The name is that of the first endpoint, a wedge. */
  'wedged',
  /** The run ended otherwise (it died, a cell raised, it was late), so that the endpoint could not be observed. */
  'competing',
  /** The harness could not observe the run: it is left out. */
  'invalid',
] as const;
export type OutcomeStatus = (typeof OUTCOME_STATUSES)[number];

/** Whether the endpoint was observed: a competing event hides it, and an invalid run says nothing. */
export function isObserved(status: OutcomeStatus | undefined): status is 'completed' | 'wedged' {
  return status === 'completed' || status === 'wedged';
}

/** What of a run's record an endpoint is read from. */
export type JudgedRun = Pick<
  RunRecord,
  'outcome' | 'cellMs' | 'stalledMs' | 'startMs' | 'losses' | 'memory' | 'stalls' | 'interrupts'
>;

/** A protocol, or what of it says how a run counts. */
export interface JudgedBy extends EndpointRule {
  /** What outputs are compared with. `undefined`: they are not compared. */
  readonly expected?: unknown;
}

/**
 * What a run counts as. An event that was seen before the run ended otherwise counts: output that was lost, a cell that
 * was slow, memory that passed its limit. Every other ending but a harness fault is an observation: if it keeps the
 * endpoint from being observed, it is a competing event.
 */
export function runStatus(run: JudgedRun, rule: JudgedBy): OutcomeStatus {
  const { kind } = run.outcome;
  const endpoint = rule.endpoint ?? 'wedged';
  if (kind === 'harness-fault') return 'invalid';
  if (eventsOf(run, rule).length > 0) return 'wedged';
  // A kernel that became ready has answered the question, whatever became of it.
  if (endpoint === 'start-failed') return 'completed';
  if (kind !== 'completed') return 'competing';
  return isKnown(run, endpoint, rule) ? 'completed' : 'invalid';
}

/** An endpoint that asks for one thing. */
export type OneEndpoint = Exclude<Endpoint, 'any'>;

/** What a run shows of the rule's endpoint: of `any` perhaps several events, of every other endpoint one or none. */
export function eventsOf(run: JudgedRun, rule: EndpointRule): OneEndpoint[] {
  const events = askedOf(run, rule.endpoint ?? 'wedged').filter((endpoint) => isEvent(run, endpoint, rule));
  // The same ending may be the event of a more specific endpoint too, whose event it then is among `any`.
  const isNamed = events.some((event) => event !== 'interrupt' && BY_ENDING.some((each) => each === event));
  return isNamed ? events.filter((event) => event !== 'interrupt') : events;
}

/** An ending that the notebook itself brought about is not the kernel's, the client's or the server's. */
function askedOf({ outcome }: JudgedRun, endpoint: Endpoint): readonly OneEndpoint[] {
  if (endpoint !== 'any') return [endpoint];
  return outcome.source === 'notebook' ? ON_THE_WAY : [...BY_ENDING, ...ON_THE_WAY];
}

function isEvent(run: JudgedRun, endpoint: OneEndpoint, rule: EndpointRule): boolean {
  const { kind } = run.outcome;
  switch (endpoint) {
    case 'wedged':
      return isWedge(kind);
    case 'lost-answer':
      return LOST_ANSWERS.includes(kind);
    case 'stalled':
      // With the endpoint `stalled`, the stall that counts ends the run.
      return kind === endpoint || (rule.endpoint === 'any' && hasStall(run));
    case 'hung':
    case 'cell-error':
    case 'died':
    case 'start-failed':
      return kind === endpoint;
    case 'lost-output':
      return (run.losses ?? []).some(({ loss }) => loss !== 'differs');
    case 'slow':
      return rule.slowAfterMs !== undefined && wasSlow(run, rule.slowAfterMs);
    case 'interrupt':
      return UNANSWERED.includes(kind) && followsInterrupt(run.interrupts, run.outcome.cell);
    case 'memory':
      return rule.memoryAboveBytes !== undefined && (run.memory?.peakBytes ?? 0) > rule.memoryAboveBytes;
  }
}

const LOST_ANSWERS: readonly OutcomeKind[] = ['lost-reply', 'lost-idle', 'lost-request'];

/** The endings at which a request was not answered by its deadline. */
const UNANSWERED: readonly OutcomeKind[] = [
  ...LOST_ANSWERS,
  'wedged-stranded',
  'wedged-mute',
  'no-answer',
  'late',
  'busy',
  'hung',
];

/** Endpoints whose event the run's ending is, and then those that are seen on the way. */
const BY_ENDING = [
  'wedged',
  'hung',
  'lost-answer',
  'cell-error',
  'died',
  'start-failed',
  'interrupt',
] as const;
const ON_THE_WAY = ['stalled', 'lost-output', 'slow', 'memory'] as const;

/** Whether the client left a reply unread for a time, however the run went on. */
export function hasStall({ outcome, stalls }: Pick<JudgedRun, 'outcome' | 'stalls'>): boolean {
  return outcome.kind === 'stalled' || (stalls !== undefined && stalls.length > 0);
}

function wasSlow(run: JudgedRun, slowAfterMs: number): boolean {
  return (slowestCell(run)?.ms ?? 0) >= slowAfterMs;
}

/** Time of each answered cell without that in which the harness itself stood still, milliseconds. */
export function ownCellMs({ cellMs, stalledMs }: Pick<JudgedRun, 'cellMs' | 'stalledMs'>): number[] {
  return cellMs.map((ms, index) => Math.max(0, ms - (stalledMs?.[index] ?? 0)));
}

/**
 * How many cells of a run have their outputs compared with expected ones: those that were answered, without the one at
 * which the run ended. A command leaves no times of cells: where it completed, all of them were answered.
 *
 * @param cells code cells of the notebook that are executed
 */
export function comparedCells(
  { outcome, cellMs }: Pick<JudgedRun, 'outcome' | 'cellMs'>,
  cells: number,
): number {
  if (outcome.kind === 'completed' && cellMs.length === 0) return cells;
  return Math.min(cellMs.length, outcome.cell ?? Infinity);
}

/** A cell, and how long it took. */
export interface CellTime {
  /** 0-based position among the executed cells. `null`: a request that belongs to no cell. */
  readonly cell: number | null;
  /** Milliseconds, without those in which the harness itself stood still. */
  readonly ms: number;
  /** Whether it was answered. The time of one that was not ends at the deadline. */
  readonly isAnswered: boolean;
}

/**
 * The cell that took longest, the first of several: an answered one, or the request that a run waited for until its
 * deadline while the kernel was at work or late. `null`: there was none.
 */
export function slowestCell(run: JudgedRun): CellTime | null {
  const { outcome } = run;
  let slowest: CellTime | null = null;
  for (const [index, ms] of ownCellMs(run).entries()) {
    // Requests are served in order, and under pipelining a later one may have its answer.
    const isAfter = outcome.unanswered === 'execute_request' && index >= (outcome.cell ?? Infinity);
    if (slowest === null || ms > slowest.ms)
      slowest = { cell: isAfter ? index + 1 : index, ms, isAnswered: true };
  }
  if (outcome.kind !== 'late' && outcome.kind !== 'busy') return slowest;
  const waitedMs = Math.max(0, (outcome.waitedMs ?? 0) - (outcome.observations?.stalledMs ?? 0));
  const cell = outcome.unanswered === 'execute_request' ? outcome.cell : null;
  return waitedMs > (slowest?.ms ?? 0) ? { cell, ms: waitedMs, isAnswered: false } : slowest;
}

/**
 * The cell of a run's event: 0-based, among the notebook's executed code cells. For an event on the way it is the first
 * cell that shows it; otherwise the cell at which the run ended.
 *
 * @returns `null`: the event belongs to no cell
 */
export function eventCell(run: JudgedRun, rule: EndpointRule): number | null {
  const endpoint = rule.endpoint ?? 'wedged';
  const { slowAfterMs = Number.POSITIVE_INFINITY } = rule;
  const ofLoss = run.losses?.find(({ loss }) => loss !== 'differs')?.cell ?? null;
  const slow = ownCellMs(run).findIndex((ms) => ms >= slowAfterMs);
  if (endpoint === 'lost-output') return ofLoss;
  if (endpoint === 'slow') return slow === -1 ? run.outcome.cell : slow;
  if (endpoint === 'memory' || endpoint === 'start-failed') return null;
  if (endpoint !== 'any' || run.outcome.kind !== 'completed') return run.outcome.cell;
  return ofLoss ?? (slow === -1 ? (run.stalls?.[0]?.cell ?? null) : slow);
}

/** Whether a run that completed was watched for the event. */
function isKnown(run: JudgedRun, endpoint: Endpoint, rule: JudgedBy): boolean {
  const { losses, memory, cellMs } = run;
  const { slowAfterMs = Number.POSITIVE_INFINITY } = rule;
  // The cell was as long, or the harness had stood still: nobody can tell.
  if ((endpoint === 'slow' || endpoint === 'any') && cellMs.some((ms) => ms >= slowAfterMs)) return false;
  switch (endpoint) {
    case 'lost-output':
      return losses !== undefined;
    case 'memory':
      return memory !== undefined;
    case 'interrupt':
      return (run.interrupts?.sent.length ?? 0) > 0;
    case 'any':
      return (
        (rule.memoryAboveBytes === undefined || memory !== undefined) &&
        (rule.expected === undefined || losses !== undefined)
      );
    default:
      return true;
  }
}
