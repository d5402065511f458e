import type { EndpointRule } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { isObserved, type OutcomeStatus, runStatus } from '../model/run-status.ts';
import type { BlockRange } from '../model/shard.ts';
import type { Count } from './counts.ts';
import type { StratumLayout } from './strata.ts';

/** One block: the record of each arm's run, in the protocol's arm order; `undefined` where none is recorded. */
export type BlockRow = readonly (RunRecord | undefined)[];

/** Runs laid out by block and arm. It also says which of them a decision may use. */
export interface DecisionTable {
  readonly arms: readonly string[];
  /** What counts as a wedged run. */
  readonly rule: EndpointRule;
  /**
   * Every block with a recorded run: first the blocks that decide, then the others, each part in block order.
   */
  readonly rows: readonly { readonly block: number; readonly runs: BlockRow }[];
  /** Number of planned blocks. */
  readonly planned: number;
  /** Number of blocks in which every arm's run is recorded. */
  readonly complete: number;
  /**
   * Number of blocks that decide; they are the first rows. Each source contributes its blocks up to the first
   * incomplete one. Blocks after a gap are left out even when they are complete: a wedge is the slowest
   * outcome, so a missing run is more likely to be a wedge.
   */
  readonly counted: number;
}

/**
 * One table for each stratum. A run belongs to the stratum that has its source.
 *
 * @throws SoakError `bad-journal` for a run of an arm that the protocol lacks, a run of a source that no
 *   stratum has, a run outside its source's blocks, or a second run of the same block and arm of a stratum.
 */
export function decisionTables(
  protocol: Protocol,
  runs: readonly RunRecord[],
  strata: readonly StratumLayout[],
): DecisionTable[] {
  const stratumOf = new Map(
    strata.flatMap((stratum) => stratum.sources.map(({ id }) => [id, stratum] as const)),
  );
  const runsOf = new Map<StratumLayout, RunRecord[]>(strata.map((stratum) => [stratum, []]));
  for (const run of runs) {
    const stratum = stratumOf.get(run.source);
    if (stratum === undefined) {
      throw badJournal(
        `run ${run.run} is of the source ${run.source ?? 'without a name'}, which is not there`,
      );
    }
    runsOf.get(stratum)?.push(run);
  }
  return strata.map((stratum) => decisionTable(protocol, runsOf.get(stratum) ?? [], stratum));
}

function decisionTable(
  protocol: Protocol,
  runs: readonly RunRecord[],
  { sources }: StratumLayout,
): DecisionTable {
  const arms = protocol.arms.map((arm) => arm.name);
  const place = new Map(arms.map((name, index) => [name, index]));
  const ranges = new Map(sources.map(({ id, blocks }) => [id, blocks]));
  const rows = new Map<number, (RunRecord | undefined)[]>();
  for (const run of runs) {
    const index = place.get(run.arm);
    if (index === undefined)
      throw badJournal(`run ${run.run} is of arm ${run.arm}, which the protocol lacks`);
    const range = ranges.get(run.source);
    if (range === undefined || run.block < range.first || run.block >= range.end)
      throw badJournal(`run ${run.run} is of block ${run.block}, which was not to be run there`);
    const row = rows.get(run.block) ?? new Array<RunRecord | undefined>(arms.length).fill(undefined);
    if (row[index] !== undefined)
      throw badJournal(`run ${run.run}: block ${run.block} already has a run of ${run.arm}`);
    row[index] = run;
    rows.set(run.block, row);
  }
  const isComplete = (row: BlockRow | undefined) =>
    row?.every((run) => run !== undefined && run.source === row[0]?.source) === true;
  const deciding = new Set<number>();
  for (const { blocks } of sources) {
    for (let block = blocks.first; block < blocks.end && isComplete(rows.get(block)); block += 1) {
      deciding.add(block);
    }
  }
  const sorted = [...rows].sort(([a], [b]) => a - b).map(([block, row]) => ({ block, runs: row }));
  return {
    arms,
    rule: protocol,
    rows: [
      ...sorted.filter(({ block }) => deciding.has(block)),
      ...sorted.filter(({ block }) => !deciding.has(block)),
    ],
    planned: plannedBlocks(sources.map(({ blocks }) => blocks)),
    complete: sorted.filter((row) => isComplete(row.runs)).length,
    counted: deciding.size,
  };
}

/** Every recorded run of one arm, in block order. `arm` is its index among the arms. */
export function armRuns({ rows }: DecisionTable, arm: number, blocks: number = rows.length): RunRecord[] {
  const runs: RunRecord[] = [];
  for (let i = 0; i < blocks; i += 1) {
    const run = rows[i]?.runs[arm];
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

/** Number of blocks in all ranges together. A block in several ranges counts once. */
export function plannedBlocks(ranges: readonly BlockRange[]): number {
  let [total, reached] = [0, 0];
  for (const { first, end } of [...ranges].sort((a, b) => a.first - b.first)) {
    total += Math.max(0, end - Math.max(first, reached));
    reached = Math.max(reached, end);
  }
  return total;
}

function badJournal(reason: string): SoakError {
  return new SoakError('bad-journal', `The journal contradicts its protocol: ${reason}.`, {
    remedy:
      'Analyse the journal as soak wrote it. To combine two experiments, use soak merge instead of concatenating their journals.',
  });
}

/** The status that a run counts with: as recorded, or as a sensitivity analysis counts it. */
export type StatusRule = (run: RunRecord) => OutcomeStatus;
export function asRecorded(rule: EndpointRule): StatusRule {
  return (run) => runStatus(run, rule);
}

/** Status of every run of some counted blocks, by arm and then by block. */
export type StatusesByArm = ReadonlyMap<string, readonly OutcomeStatus[]>;

/** Status of every run of the counted blocks. A verdict uses nothing else. */
export interface CountedOutcomes {
  /** The strata follow one another. */
  readonly byArm: StatusesByArm;
  /** The same by stratum; absent when there is only one. */
  readonly strata?: readonly StatusesByArm[];
  /** Wedged runs among all recorded runs, by arm. A wedge outside the counted blocks is still a wedge. */
  readonly wedgesAnywhere: ReadonlyMap<string, number>;
}

export function countedOutcomes(
  tables: readonly DecisionTable[],
  statusOf: StatusRule = asRecorded(tables[0]?.rule ?? {}),
): CountedOutcomes {
  const arms = tables[0]?.arms ?? [];
  const wedgesAnywhere = new Map<string, number>(arms.map((name) => [name, 0]));
  const strata = tables.map((table) => {
    const byArm = new Map<string, OutcomeStatus[]>(arms.map((name) => [name, []]));
    table.rows.forEach((row, i) => {
      row.runs.forEach((run) => {
        if (run === undefined) return;
        const status = statusOf(run);
        if (status === 'wedged') wedgesAnywhere.set(run.arm, (wedgesAnywhere.get(run.arm) ?? 0) + 1);
        if (i < table.counted) byArm.get(run.arm)?.push(status);
      });
    });
    return byArm;
  });
  const [first] = strata;
  if (strata.length === 1 && first !== undefined) return { byArm: first, wedgesAnywhere };
  return {
    byArm: new Map(arms.map((name) => [name, strata.flatMap((byArm) => byArm.get(name) ?? [])])),
    strata,
    wedgesAnywhere,
  };
}

/**
 * Wedged runs among the runs in which the endpoint was observed. Neither number includes competing events or
 * invalid runs.
 */
export function countOf(statuses: readonly OutcomeStatus[]): Count {
  let [wedged, runs] = [0, 0];
  for (const status of statuses) {
    if (isObserved(status)) runs += 1;
    if (status === 'wedged') wedged += 1;
  }
  return { wedged, runs };
}

/** Runs with a competing event, among all runs but the invalid ones. `wedged` holds the number of competing events. */
export function competingCount(statuses: readonly OutcomeStatus[]): Count {
  return countOf(
    statuses.map((status) =>
      status === 'competing' ? 'wedged' : status === 'wedged' ? 'completed' : status,
    ),
  );
}

/**
 * The same runs with the composite as their endpoint: the event or a competing event, counted alike in every
 * arm. A change that only trades one ending for another does not lower it. Returns the same object when there
 * are no competing events.
 */
export function compositeOutcomes(outcomes: CountedOutcomes): CountedOutcomes {
  const { byArm, strata, wedgesAnywhere } = outcomes;
  // Most experiments have no competing event. Returning the same object saves analysing their pairs twice.
  if (![...byArm.values()].some((statuses) => statuses.includes('competing'))) return outcomes;
  return {
    byArm: compositeStatuses(byArm),
    ...(strata === undefined ? {} : { strata: strata.map(compositeStatuses) }),
    wedgesAnywhere,
  };
}

/** The status of a run when the endpoint is the composite: the event or a competing event. */
export function compositeStatus<S extends OutcomeStatus | undefined>(status: S): S | 'wedged' {
  return status === 'competing' ? 'wedged' : status;
}

function compositeStatuses(byArm: StatusesByArm): StatusesByArm {
  return new Map(
    [...byArm].map(([arm, statuses]) => [arm, statuses.map((status) => compositeStatus(status))]),
  );
}
