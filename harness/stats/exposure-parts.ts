import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasProfile } from '../model/traffic.ts';

/**
 * A group of an arm's runs with identical exposure. For each kind it holds the counts by cell, as text. The
 * first `reach` cells were answered.
 */
export interface Counted {
  readonly part: string;
  readonly reach: number;
  readonly counts: ReadonlyMap<string, string>;
  /** Number of runs in the group. Most runs of a journal have the same exposure. */
  readonly times: number;
}

/** Runs of two arms that can be compared: they share one notebook and one traffic. */
export interface ExposurePart {
  readonly arm: readonly Counted[];
  readonly reference: readonly Counted[];
  /** Number of leading cells that both arms answered. */
  readonly cells: number;
}

/** Total number of runs. */
export function runCount(counted: readonly Counted[]): number {
  return counted.reduce((sum, { times }) => sum + times, 0);
}

/**
 * The exposure of each arm, by notebook and traffic, where both arms have runs. A difference between
 * notebooks is no difference between arms, so only like parts are compared.
 *
 * @param isByCell whether the runs recorded their exposure by cell; otherwise the requests of completed runs
 *   count as one cell
 */
export function exposureParts(
  protocol: Protocol,
  armRuns: readonly RunRecord[],
  referenceRuns: readonly RunRecord[],
  isByCell: boolean,
): ExposurePart[] {
  const given = isByCell ? countsByCell(protocol) : completedTotals;
  const [arm, reference] = [alike(armRuns, given), alike(referenceRuns, given)];
  const names = [...new Set(reference.map(({ part }) => part))].sort();
  return names.flatMap((name) => {
    const of = (runs: readonly Counted[]) => runs.filter(({ part }) => part === name);
    const [a, r] = [of(arm), of(reference)];
    return a.length === 0
      ? []
      : [{ arm: a, reference: r, cells: Math.min(greatestReach(a), greatestReach(r)) }];
  });
}

type Given = Omit<Counted, 'times' | 'counts'> & { readonly counts: readonly (readonly [string, string])[] };

function alike(runs: readonly RunRecord[], given: (run: RunRecord) => Given | null): Counted[] {
  const found = new Map<string, { given: Given; times: number }>();
  for (const run of runs) {
    const each = given(run);
    if (each === null) continue;
    const key = JSON.stringify(each);
    const same = found.get(key);
    if (same === undefined) found.set(key, { given: each, times: 1 });
    else same.times += 1;
  }
  return [...found.values()].map(({ given: { counts, ...rest }, times }) => ({
    ...rest,
    counts: new Map(counts),
    times,
  }));
}

function partOf(run: RunRecord): string {
  return `${run.notebook} ${run.traffic}`;
}

function countsByCell({ notebooks, endpoint, expected }: Protocol): (run: RunRecord) => Given | null {
  // Where outputs are what is asked about, fewer of them are the event and not what was done to the kernel.
  const countsOutputs = endpoint !== 'lost-output' && !(endpoint === 'any' && expected !== undefined);
  return (run) => {
    const { exposure, outcome } = run;
    if (exposure === undefined) return null;
    const whole = notebooks[run.notebook]?.codeCells.length ?? 0;
    // A completed run has answered all the notebook's cells, including cells that were never sent.
    const reach =
      outcome.kind === 'completed' ? whole : Math.min(run.cellMs.length, outcome.cell ?? whole, whole);
    if (reach === 0) return null;
    const counts: [string, string][] = [['cells begun', `1*${exposure.cells}`]];
    // What an interrupt cut short is not less that was done to the kernel.
    const isCut = hasProfile(run.traffic, 'interrupt');
    if (exposure.executed !== undefined && !isCut) counts.push(['cells executed', exposure.executed]);
    for (const [type, text] of Object.entries(exposure.requests)) counts.push([type, text]);
    for (const [action, text] of Object.entries(exposure.actions ?? {}))
      counts.push([`${action} actions`, text]);
    for (const [type, text] of countsOutputs && !isCut ? Object.entries(exposure.outputs ?? {}) : [])
      counts.push([`published ${type}`, text]);
    return { part: partOf(run), reach, counts };
  };
}

/**
 * For a run of schema 1: all its requests as one cell. The handshake's requests are left out, because it
 * repeats them until they succeed.
 */
function completedTotals(run: RunRecord): Given | null {
  if (run.outcome.kind !== 'completed') return null;
  const types = Object.entries(run.client.byType).filter(([type]) => type !== 'kernel_info_request');
  const counts = types.map(([type, count]): [string, string] => [type, String(count)]);
  return { part: partOf(run), reach: 1, counts };
}

function greatestReach(runs: readonly Counted[]): number {
  let greatest = 0;
  for (const { reach } of runs) greatest = Math.max(greatest, reach);
  return greatest;
}
