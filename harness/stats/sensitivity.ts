import { outcomeStatus } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { slowestCellMs } from './arm-summary.ts';
import { countedOutcomes, type DecisionTable, type StatusRule } from './decision-table.ts';
import { armsByRole, type TreatmentVerdict, treatmentVerdicts } from './verdict.ts';
import type { Withholding } from './withholding.ts';

type Withholdings = ReadonlyMap<string, readonly Withholding[]>;

/** A verdict again, under another rule of counting. */
export interface AlternativeVerdicts {
  /** Runs that count differently under the rule, by arm: none means that the verdict cannot change. */
  readonly changedRuns: number;
  readonly verdicts: readonly TreatmentVerdict[];
  /** Whether every treatment keeps its word. */
  readonly unchanged: boolean;
}

/** The verdict with every invalid treatment run wedged and every invalid reference run completed: the exclusions at their worst. */
export function exclusionSensitivity(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
  withholdings: Withholdings,
): AlternativeVerdicts {
  const treatments = new Set(armsByRole(protocol).treatments);
  return alternative(protocol, tables, { asRun, withholdings }, (run) => {
    const status = outcomeStatus(run.outcome.kind, protocol.endpoint);
    if (status !== 'invalid') return status;
    return treatments.has(run.arm) ? 'wedged' : 'completed';
  });
}

/**
 * The verdict at half the deadline: a completed run whose slowest cell took longer would have been called
 * wedged. A verdict that changes was decided by the deadline and not by the kernel.
 */
export function deadlineSensitivity(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  asRun: readonly TreatmentVerdict[],
  withholdings: Withholdings,
): AlternativeVerdicts & { readonly halfDeadlineMs: number } {
  const halfDeadlineMs = protocol.timeoutMs / 2;
  const verdicts = alternative(protocol, tables, { asRun, withholdings }, (run) =>
    run.outcome.kind === 'completed' && slowestCellMs(run) > halfDeadlineMs
      ? // A cell that the client left lying took so long by the client's doing.
        run.stalls === undefined
        ? 'wedged'
        : 'invalid'
      : outcomeStatus(run.outcome.kind, protocol.endpoint),
  );
  return { halfDeadlineMs, ...verdicts };
}

function alternative(
  protocol: Protocol,
  tables: readonly DecisionTable[],
  { asRun, withholdings }: { asRun: readonly TreatmentVerdict[]; withholdings: Withholdings },
  statusOf: StatusRule,
): AlternativeVerdicts {
  let changedRuns = 0;
  for (const { runs } of tables.flatMap(({ rows }) => rows)) {
    for (const run of runs) {
      if (run !== undefined && statusOf(run) !== outcomeStatus(run.outcome.kind, protocol.endpoint))
        changedRuns += 1;
    }
  }
  const verdicts = changedRuns === 0 ? asRun : treatmentVerdicts(protocol, countedOutcomes(tables, statusOf), withholdings);
  return {
    changedRuns,
    verdicts,
    unchanged: verdicts.every(({ word }, i) => word === asRun[i]?.word),
  };
}
