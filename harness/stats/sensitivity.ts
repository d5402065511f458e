import type { Endpoint, EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { runStatus } from '../model/run-status.ts';
import { slowestCellMs } from './arm-summary.ts';
import { countedOutcomes, type DecisionTable, type StatusRule } from './decision-table.ts';
import { armsByRole, type TreatmentVerdict, treatmentVerdicts } from './verdict.ts';
import { wordLeft } from './withholding.ts';

/** The verdict under another rule of counting. */
export interface AlternativeVerdicts {
  /** Runs that the rule counts differently, by arm. Without any, the verdict cannot change. */
  readonly changedRuns: number;
  readonly verdicts: readonly TreatmentVerdict[];
  /** Whether every treatment keeps its word. */
  readonly unchanged: boolean;
}

/**
 * Excluded runs (harness faults) can decide a verdict when they are more than this share of an arm's recorded
 * runs. A smaller share is reported and decides nothing.
 */
export const EXCLUDED_SHARE = 0.1;

/**
 * The verdict with the excluded runs counted against the claim, and whether there are enough of them to take
 * a claim away.
 */
export interface ExclusionVerdicts extends AlternativeVerdicts {
  /** Arms with harness faults in more than a tenth of the recorded runs. */
  readonly manyExcluded: readonly string[];
}

/**
 * The verdict with every harness fault of a treatment counted as an event, and every harness fault of a
 * reference counted as no event.
 */
export function exclusionSensitivity(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
): ExclusionVerdicts {
  const recorded = new Map<string, { runs: number; excluded: number }>();
  for (const run of tables.flatMap(({ rows }) => rows.flatMap(({ runs }) => runs))) {
    if (run === undefined) continue;
    const arm = recorded.get(run.arm) ?? { runs: 0, excluded: 0 };
    arm.runs += 1;
    if (runStatus(run, protocol) === 'invalid') arm.excluded += 1;
    recorded.set(run.arm, arm);
  }
  return {
    ...alternative(protocol, tables, asRun, atWorst(protocol, 'invalid')),
    manyExcluded: [...recorded].flatMap(([arm, { runs, excluded }]) =>
      excluded > EXCLUDED_SHARE * runs ? [arm] : [],
    ),
  };
}

/**
 * The verdict with every competing event of a treatment counted as an event, and every competing event of a
 * reference counted as no event. It is printed and decides nothing: 5 % of competing events in every arm
 * would cost nearly every cure its word.
 */
export function competingSensitivity(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
): AlternativeVerdicts {
  return alternative(protocol, tables, asRun, atWorst(protocol, 'competing'));
}

/** Counts the runs with that status against the claim. */
function atWorst(protocol: Protocol, which: 'invalid' | 'competing'): StatusRule {
  const treatments = new Set(armsByRole(protocol).treatments);
  return (run) => {
    const status = runStatus(run, protocol);
    if (status !== which) return status;
    return treatments.has(run.arm) ? 'wedged' : 'completed';
  };
}

/** The verdicts, minus the claims that hold only because many runs were excluded. */
export function withoutExcludedClaims(
  verdicts: readonly TreatmentVerdict[],
  exclusions: ExclusionVerdicts,
): TreatmentVerdict[] {
  return verdicts.map((verdict, i) => {
    const worst = exclusions.verdicts[i]?.word ?? verdict.word;
    if (exclusions.manyExcluded.length === 0 || worst === verdict.word) return verdict;
    const withheld = [
      ...verdict.withheld,
      { reason: 'exclusions' as const, arms: exclusions.manyExcluded, worst },
    ];
    return { ...verdict, withheld, word: wordLeft(verdict.word, withheld) };
  });
}

/** Whether a request that is not answered by its deadline is the endpoint's event. Elsewhere it is a competing event. */
export function isDeadlineEvent({ endpoint = 'wedged' }: EndpointRule): boolean {
  return DEADLINE_EVENTS.includes(endpoint);
}

const DEADLINE_EVENTS: readonly Endpoint[] = ['wedged', 'stalled', 'hung', 'lost-answer', 'any'];

/**
 * The verdict at half the deadline: a completed run with a slower cell would then have been called wedged, or, where
 * the deadline does not decide the endpoint, would have ended late, a competing event. If
 * the verdict changes, the deadline decided it and not the kernel.
 */
export function deadlineSensitivity(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
): AlternativeVerdicts & { readonly halfDeadlineMs: number } {
  const halfDeadlineMs = protocol.timeoutMs / 2;
  const atDeadline = isDeadlineEvent(protocol) ? 'wedged' : 'competing';
  // When the client left a cell waiting, the client caused the delay, so the run keeps its outcome.
  const isSlow = (run: RunRecord) =>
    run.outcome.kind === 'completed' && run.stalls === undefined && slowestCellMs(run) > halfDeadlineMs;
  const verdicts = alternative(protocol, tables, asRun, (run) =>
    isSlow(run) && runStatus(run, protocol) === 'completed' ? atDeadline : runStatus(run, protocol),
  );
  return { halfDeadlineMs, ...verdicts };
}

function alternative(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
  statusOf: StatusRule,
): AlternativeVerdicts {
  let changedRuns = 0;
  for (const { runs } of tables.flatMap(({ rows }) => rows)) {
    for (const run of runs) {
      if (run !== undefined && statusOf(run) !== runStatus(run, protocol)) changedRuns += 1;
    }
  }
  // Words withheld for the runs' exposure or engagement stay withheld, however the runs are counted.
  const withholdings = new Map(
    asRun.map(({ treatment, withheld }) => [
      treatment,
      withheld.filter(({ reason }) => reason !== 'competing-events'),
    ]),
  );
  const verdicts =
    changedRuns === 0 ? asRun : treatmentVerdicts(protocol, countedOutcomes(tables, statusOf), withholdings);
  return {
    changedRuns,
    verdicts,
    unchanged: verdicts.every(({ word }, i) => word === asRun[i]?.word),
  };
}
