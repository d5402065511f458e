import { KERNEL_COUNTERS, type KernelCounter, type KernelCounters, type ProtocolArm } from '../model/arm.ts';
import { isChangeExecuted } from '../model/arm-change.ts';
import { CLIENT_COUNTERS, type ClientCounter, type ClientCounters } from '../model/client.ts';
import type { RunRecord } from '../model/journal.ts';
import type { NeverIn } from './withholding.ts';

/** For `fixes`, a change must have been in for this share of its opportunities in every completed run. */
export const ENGAGED_SHARE = 0.95;

export interface EngagementSummary {
  /** The counter that must equal `replies`; `null` for an arm without one. */
  readonly counter: KernelCounter | null;
  /** Sums over the recorded runs that have counters, valid or not. */
  readonly totals: KernelCounters;
  readonly runsWithCounters: number;
  readonly runsWithoutCounters: number;
  /**
   * Names, in block order, of the runs whose counter did not equal `replies`. A run that ended early may
   * differ by one, because one reply may have been in flight at the verdict. A completed run may not differ
   * at all.
   */
  readonly notEngaged: readonly string[];
  /**
   * For an arm that changes the client: the sums of its counters. The one named by `counter` must equal
   * `sends`.
   */
  readonly client?: { readonly totals: ClientCounters; readonly runs: number };
  /** Whether the arm changes sources at all, by a patch or by a commit. */
  readonly isPatched: boolean;
  /**
   * The kernels' reports on the change, function by function; absent: they sent none, or there is no change.
   */
  readonly change?: ChangeSummary;
  /**
   * Where the change was in for less than 95 % of its opportunities; `null`: it was in for more, or there is
   * no evidence.
   */
  readonly partly: {
    readonly engaged: number;
    readonly opportunities: number;
    readonly of: 'replies' | 'runs';
  } | null;
  /** Why the change counts as never in; `null`: it was in, or there is no evidence. */
  readonly neverIn: NeverIn['why'] | null;
}

/** How much of its change an arm's kernels executed. */
export interface ChangeSummary {
  /** Runs whose kernel reported. */
  readonly runs: number;
  /** Of those, the runs that loaded every changed file. */
  readonly loaded: number;
  /** Of those, the runs that executed a changed function, or a changed statement of a module. */
  readonly executed: number;
  /** Changed functions that no run called, `path qualified.name`. */
  readonly neverCalled: readonly string[];
}

/** @param runs every recorded run of the arm, in block order */
export function engagementSummary(arm: ProtocolArm, runs: readonly RunRecord[]): EngagementSummary {
  const counted = arm.package === undefined ? kernelCounts(arm, runs) : clientCounts(arm, runs);
  const change = changeSummary(arm, runs);
  return {
    ...kernelTotals(arm, runs),
    isPatched: arm.patchSha256 !== null || (arm.commits ?? []).length > 0,
    notEngaged: counted.filter(isPart).map(({ run }) => run),
    ...(arm.package === undefined ? {} : { client: clientTotals(runs) }),
    ...(change === null ? {} : { change }),
    partly: partlyEngaged(arm, runs, counted),
    neverIn: neverIn(arm, runs, counted, change),
  };
}

/** One run's counter and the value that it must equal. */
interface Counted {
  readonly run: string;
  readonly isComplete: boolean;
  readonly engaged: number;
  readonly opportunities: number;
}

function kernelCounts({ engagement }: ProtocolArm, runs: readonly RunRecord[]): Counted[] {
  if (engagement === null) return [];
  return runs.flatMap(({ run, outcome, kernel }) =>
    kernel === null
      ? []
      : {
          run,
          isComplete: outcome.kind === 'completed',
          engaged: kernel[engagement],
          opportunities: kernel.replies,
        },
  );
}

function clientCounts({ engagement }: ProtocolArm, runs: readonly RunRecord[]): Counted[] {
  const counter = CLIENT_COUNTERS.find((name) => name === engagement);
  if (counter === undefined) return [];
  return runs.flatMap(({ run, outcome, clientCounters }) =>
    clientCounters === undefined
      ? []
      : {
          run,
          isComplete: outcome.kind === 'completed',
          engaged: clientCounters[counter],
          opportunities: clientCounters.sends,
        },
  );
}

/** A reply may be in flight at the verdict, with its callback one turn of the event loop behind. */
function isPart({ isComplete, engaged, opportunities }: Counted): boolean {
  return Math.abs(engaged - opportunities) > (isComplete ? 0 : 1);
}

function kernelTotals(arm: ProtocolArm, runs: readonly RunRecord[]) {
  const counters = runs.flatMap(({ kernel }) => kernel ?? []);
  const total = (name: KernelCounter) => {
    let sum = 0;
    for (const each of counters) sum += each[name];
    return sum;
  };
  return {
    counter: arm.engagement,
    totals: Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, total(name)])) as KernelCounters,
    runsWithCounters: counters.length,
    runsWithoutCounters: runs.length - counters.length,
  };
}

function clientTotals(runs: readonly RunRecord[]): NonNullable<EngagementSummary['client']> {
  const counters = runs.flatMap(({ clientCounters }) => clientCounters ?? []);
  const total = (name: ClientCounter) => counters.reduce((sum, each) => sum + each[name], 0);
  return {
    totals: Object.fromEntries(CLIENT_COUNTERS.map((name) => [name, total(name)])) as ClientCounters,
    runs: counters.length,
  };
}

function changeSummary({ change }: ProtocolArm, runs: readonly RunRecord[]): ChangeSummary | null {
  const said = runs.flatMap((run) => run.change ?? []);
  if (change === undefined || said.length === 0) return null;
  return {
    runs: said.length,
    loaded: said.filter(({ notLoaded }) => notLoaded === undefined).length,
    executed: said.filter((run) => isChangeExecuted(change, run)).length,
    neverCalled: change.functions.filter((name) => said.every(({ notCalled }) => notCalled?.includes(name))),
  };
}

/**
 * With a counter, judges the completed run with the smallest share; without one, the share of completed runs.
 */
function partlyEngaged(
  { change }: ProtocolArm,
  runs: readonly RunRecord[],
  counted: readonly Counted[],
): EngagementSummary['partly'] {
  const isLess = (engaged: number, opportunities: number) => engaged < ENGAGED_SHARE * opportunities;
  let least: Counted | null = null;
  for (const each of counted) {
    if (!each.isComplete || !isLess(each.engaged, each.opportunities)) continue;
    const share = ({ engaged, opportunities }: Counted) => engaged / opportunities;
    if (least === null || share(each) < share(least)) least = each;
  }
  if (least !== null) {
    return { engaged: least.engaged, opportunities: least.opportunities, of: 'replies' };
  }
  if (change === undefined || counted.length > 0) return null;
  const said = runs.flatMap((run) => (run.outcome.kind === 'completed' ? (run.change ?? []) : []));
  const engaged = said.filter((run) => isChangeExecuted(change, run)).length;
  return isLess(engaged, said.length) ? { engaged, opportunities: said.length, of: 'runs' } : null;
}

function neverIn(
  { change }: ProtocolArm,
  runs: readonly RunRecord[],
  counted: readonly Counted[],
  summary: ChangeSummary | null,
): NeverIn['why'] | null {
  if (change !== undefined && summary !== null && summary.executed === 0) {
    const isLoaded = runs.some(
      (run) =>
        run.change !== undefined && change.files.some((file) => !run.change?.notLoaded?.includes(file)),
    );
    return isLoaded ? 'not-called' : 'not-loaded';
  }
  const sum = (of: (each: Counted) => number) => counted.reduce((total, each) => total + of(each), 0);
  const isZero = sum(({ engaged }) => engaged) === 0 && sum(({ opportunities }) => opportunities) > 0;
  return isZero ? 'counter-zero' : null;
}
