import { median } from 'simple-statistics';
import type { ProtocolArm } from '../model/arm.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { eventCell, isObserved, type OutcomeStatus, runStatus } from '../model/run-status.ts';
import { confidenceSequence } from './confidence-sequence.ts';
import type { CellExposure } from './content-innocence.ts';
import { type Count, type Interval, rate } from './counts.ts';
import { type EngagementSummary, engagementSummary } from './engagement.ts';
import { garwoodInterval, hazardPerReply } from './hazard.ts';
import { clopperPearson, jeffreys, upperBound, wilson } from './intervals.ts';
import { kaplanMeier, type SurvivalStep } from './kaplan-meier.ts';
import { type SecondEvents, secondEvents } from './second-events.ts';

/** All figures that follow from one count alone. Intervals are [0, 1] without a run. */
export interface RateSummary {
  readonly wedged: number;
  readonly runs: number;
  /** `null` without a run. */
  readonly rate: number | null;
  readonly clopperPearson95: Interval;
  readonly wilson95: Interval;
  readonly jeffreys95: Interval;
  /** One-sided. */
  readonly upper95: number;
  readonly confidenceSequence95: Interval;
}

export function rateSummary(count: Count): RateSummary {
  return {
    wedged: count.wedged,
    runs: count.runs,
    rate: rate(count),
    clopperPearson95: clopperPearson(count),
    wilson95: wilson(count),
    jeffreys95: jeffreys(count),
    upper95: upperBound(count),
    confidenceSequence95: confidenceSequence(count),
  };
}

export interface HazardSummary {
  readonly wedges: number;
  readonly replies: number;
  /** `null` without a reply, as is `perReply`'s interval. */
  readonly perReply: number | null;
  readonly garwood95: Interval | null;
}

/** Runs by outcome kind; only kinds that occurred. */
export type KindCounts = Partial<Record<OutcomeKind, number>>;

/** One arm. `counts` covers every recorded run. All rates cover the counted blocks only. */
export interface ArmAnalysis extends RateSummary {
  readonly name: string;
  readonly role: ProtocolArm['role'];
  readonly counts: {
    readonly runs: number;
    /** Runs in which the endpoint was observed. */
    readonly valid: number;
    readonly completed: number;
    readonly wedged: number;
    readonly competing: number;
    readonly invalid: number;
    /** Only kinds that occurred. */
    readonly competingByKind: KindCounts;
    /** Only kinds that occurred. */
    readonly invalidByKind: KindCounts;
    /** Only kinds that occurred. `wedged-stranded` is certified, `wedged-mute` is not. */
    readonly wedgedByKind: KindCounts;
  };
  /** Stalls of the client in runs with another outcome; absent when nothing looks for them. */
  readonly secondEvents?: SecondEvents;
  /**
   * Competing events among the valid runs of the counted blocks. `wedged` holds the number of competing
   * events.
   */
  readonly competing: Count;
  /** The same competing events by kind. */
  readonly competingByKind: KindCounts;
  /**
   * Valid runs of the counted blocks that answered the endpoint's question without an event and ended badly
   * afterwards, by kind: a kernel that started and then died. Absent: there were none.
   */
  readonly endedLaterByKind?: KindCounts;
  readonly hazard: HazardSummary;
  readonly engagement: EngagementSummary;
  readonly kaplanMeier: readonly SurvivalStep[];
  readonly positions: {
    readonly cells: readonly CellExposure[];
    /**
     * Wedges at a request after the last cell, and wedges that belong to no cell. `cells` does not include
     * them.
     */
    readonly afterLastCell: number;
    readonly noCell: number;
  };
  /** Over the recorded valid runs; `null` when no cell was answered. */
  readonly slowestCellMs: number | null;
  /** Over the recorded runs whose kernel became ready; `null` when none did. */
  readonly startMedianMs: number | null;
}

/**
 * Summarises one arm. `recorded` and `counted` (the runs of the counted blocks) belong to this arm, in block
 * order.
 */
export function armAnalysis(
  protocol: Protocol,
  arm: ProtocolArm,
  recorded: readonly RunRecord[],
  counted: readonly RunRecord[],
): ArmAnalysis {
  const counts = outcomeCounts(recorded, protocol);
  const ofCounted = outcomeCounts(counted, protocol);
  const valid = counted.filter((run) => isObserved(runStatus(run, protocol)));
  const wedges = ofCounted.wedged;
  const exposure = { wedges, replies: valid.reduce((sum, run) => sum + repliesOf(run), 0) };
  const second = secondEvents(protocol, recorded);
  const starts = recorded.map((run) => run.startMs).filter((startMs) => startMs !== null);
  return {
    name: arm.name,
    role: arm.role,
    counts,
    competing: { wedged: ofCounted.competing, runs: ofCounted.competing + valid.length },
    competingByKind: ofCounted.competingByKind,
    ...endedLater(counted, protocol),
    ...rateSummary({ wedged: wedges, runs: valid.length }),
    ...(second === null ? {} : { secondEvents: second }),
    hazard: { ...exposure, perReply: hazardPerReply(exposure), garwood95: garwoodInterval(exposure) },
    engagement: engagementSummary(arm, recorded),
    kaplanMeier: kaplanMeier(
      valid.map((run) => ({
        replies: repliesOf(run),
        wedged: runStatus(run, protocol) === 'wedged',
      })),
    ),
    positions: wedgePositions(protocol, valid),
    slowestCellMs: greatest(
      recorded.filter((run) => isObserved(runStatus(run, protocol))).map(slowestCellMs),
    ),
    startMedianMs: starts.length === 0 ? null : median(starts),
  };
}

/**
 * Replies that a run's kernel sent, by the kernel's own count; by the client's count when the kernel kept
 * none.
 */
export function repliesOf(run: RunRecord): number {
  return run.kernel?.replies ?? run.client.replies;
}

/** Time of the slowest answered cell, milliseconds; 0 when no cell was answered. */
export function slowestCellMs(run: RunRecord): number {
  let slowest = 0;
  for (const cellMs of run.cellMs) if (cellMs > slowest) slowest = cellMs;
  return slowest;
}

function greatest(values: readonly number[]): number | null {
  let found = 0;
  for (const value of values) if (value > found) found = value;
  return found === 0 ? null : found;
}

function outcomeCounts(runs: readonly RunRecord[], rule: EndpointRule): ArmAnalysis['counts'] {
  const byStatus = { completed: 0, wedged: 0, competing: 0, invalid: 0 };
  const kinds: Record<OutcomeStatus, KindCounts> = { completed: {}, wedged: {}, competing: {}, invalid: {} };
  for (const run of runs) {
    const { outcome } = run;
    const status = runStatus(run, rule);
    byStatus[status] += 1;
    kinds[status][outcome.kind] = (kinds[status][outcome.kind] ?? 0) + 1;
  }
  return {
    runs: runs.length,
    valid: byStatus.completed + byStatus.wedged,
    ...byStatus,
    competingByKind: kinds.competing,
    invalidByKind: kinds.invalid,
    wedgedByKind: kinds.wedged,
  };
}

function endedLater(runs: readonly RunRecord[], rule: EndpointRule): Pick<ArmAnalysis, 'endedLaterByKind'> {
  const kinds: KindCounts = {};
  for (const run of runs) {
    const { kind } = run.outcome;
    if (kind === 'completed' || runStatus(run, rule) !== 'completed') continue;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return Object.keys(kinds).length === 0 ? {} : { endedLaterByKind: kinds };
}

/** Each of the `valid` runs exposes every cell up to the one of its event. */
function wedgePositions(protocol: Protocol, valid: readonly RunRecord[]): ArmAnalysis['positions'] {
  const sent = protocol.notebooks.map(({ codeCells }) => new Float64Array(codeCells.length + 1));
  const wedged = protocol.notebooks.map(({ codeCells }) => new Float64Array(codeCells.length + 1));
  let noCell = 0;
  for (const run of valid) {
    const counts = sent[run.notebook];
    if (counts === undefined) continue;
    const last = counts.length - 1;
    const cellOfEvent = eventCell(run, protocol);
    if (runStatus(run, protocol) === 'completed') {
      counts[last] = (counts[last] ?? 0) + 1;
    } else if (cellOfEvent === null) {
      noCell += 1;
    } else {
      const cell = Math.min(cellOfEvent, last);
      counts[cell] = (counts[cell] ?? 0) + 1;
      const wedges = wedged[run.notebook];
      if (wedges !== undefined) wedges[cell] = (wedges[cell] ?? 0) + 1;
    }
  }
  const cells: CellExposure[] = [];
  let afterLastCell = 0;
  sent.forEach((reached, notebook) => {
    const last = reached.length - 1;
    afterLastCell += wedged[notebook]?.[last] ?? 0;
    let exposed = reached.reduce((sum, count) => sum + count, 0);
    for (let cell = 0; cell < last; cell += 1) {
      cells.push({ notebook, cell, exposed, wedges: wedged[notebook]?.[cell] ?? 0 });
      exposed -= reached[cell] ?? 0;
    }
  });
  return { cells, afterLastCell, noCell };
}
