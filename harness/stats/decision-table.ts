import { SoakError } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import { type OutcomeStatus, outcomeStatus } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import type { Count } from './counts.ts';

/** One block: the record of each arm's run, in the protocol's arm order; `undefined` where none is recorded. */
export type BlockRow = readonly (RunRecord | undefined)[];

/** Runs laid out by block and arm, and which of them a decision may use. */
export interface DecisionTable {
  readonly arms: readonly string[];
  /** Every block of which a run is recorded, in block order. */
  readonly rows: readonly { readonly block: number; readonly runs: BlockRow }[];
  /** Blocks of which every arm's run is recorded. */
  readonly complete: number;
  /**
   * The blocks that decide: from block 0 up to the first that is not complete. Blocks after a gap are left
   * out although complete: a wedge is the slowest outcome, so the gap is likelier to hold one.
   */
  readonly counted: number;
}

/** @throws SoakError `bad-journal` for a run of an arm that the protocol lacks, or a second run of the same block and arm. */
export function decisionTable(protocol: Protocol, runs: readonly RunRecord[]): DecisionTable {
  const arms = protocol.arms.map((arm) => arm.name);
  const place = new Map(arms.map((name, index) => [name, index]));
  const rows = new Map<number, (RunRecord | undefined)[]>();
  for (const run of runs) {
    const index = place.get(run.arm);
    if (index === undefined)
      throw badJournal(`run ${run.run} is of arm ${run.arm}, which the protocol lacks`);
    const row = rows.get(run.block) ?? new Array<RunRecord | undefined>(arms.length).fill(undefined);
    if (row[index] !== undefined)
      throw badJournal(`run ${run.run}: block ${run.block} already has a run of ${run.arm}`);
    row[index] = run;
    rows.set(run.block, row);
  }
  const sorted = [...rows].sort(([a], [b]) => a - b).map(([block, row]) => ({ block, runs: row }));
  const isComplete = (row: BlockRow) => row.every((run) => run !== undefined);
  let counted = 0;
  for (let i = 0; i < sorted.length; i += 1) {
    const row = sorted[i];
    if (row === undefined || row.block !== i || !isComplete(row.runs)) break;
    counted += 1;
  }
  return {
    arms,
    rows: sorted,
    complete: sorted.filter((row) => isComplete(row.runs)).length,
    counted,
  };
}

/** Every recorded run of one arm, by its place among the arms, in block order. */
export function armRuns({ rows }: DecisionTable, arm: number, blocks: number = rows.length): RunRecord[] {
  const runs: RunRecord[] = [];
  for (let i = 0; i < blocks; i += 1) {
    const run = rows[i]?.runs[arm];
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

function badJournal(reason: string): SoakError {
  return new SoakError('bad-journal', `The journal contradicts its protocol: ${reason}.`, {
    remedy: 'Analyse the journal as it was written; runs of two experiments are merged, never concatenated.',
  });
}

/** How a run counts: as recorded, or as a sensitivity analysis would have it. */
export type StatusRule = (run: RunRecord) => OutcomeStatus;
export const asRecorded: StatusRule = (run) => outcomeStatus(run.outcome.kind);

/** Status of every run of the counted blocks, by arm then block: all that a verdict is made of. */
export interface CountedOutcomes {
  readonly byArm: ReadonlyMap<string, readonly OutcomeStatus[]>;
  /** Valid wedged runs among all recorded ones, by arm: a wedge outside the counted blocks still is one. */
  readonly wedgesAnywhere: ReadonlyMap<string, number>;
}

export function countedOutcomes(table: DecisionTable, statusOf: StatusRule = asRecorded): CountedOutcomes {
  const byArm = new Map<string, OutcomeStatus[]>();
  const wedgesAnywhere = new Map<string, number>();
  table.arms.forEach((name, arm) => {
    const statuses: OutcomeStatus[] = [];
    let wedges = 0;
    table.rows.forEach((row, i) => {
      const run = row.runs[arm];
      if (run === undefined) return;
      const status = statusOf(run);
      if (status === 'wedged') wedges += 1;
      if (i < table.counted) statuses.push(status);
    });
    byArm.set(name, statuses);
    wedgesAnywhere.set(name, wedges);
  });
  return { byArm, wedgesAnywhere };
}

/** Wedged of valid runs; invalid ones are no part of either. */
export function countOf(statuses: readonly OutcomeStatus[]): Count {
  let [wedged, runs] = [0, 0];
  for (const status of statuses) {
    if (status !== 'invalid') runs += 1;
    if (status === 'wedged') wedged += 1;
  }
  return { wedged, runs };
}
