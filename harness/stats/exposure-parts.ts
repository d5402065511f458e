import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';

/**
 * What some runs of an arm were given, alike: for each kind its counts by cell as text, of which the first `reach`
 * cells were answered.
 */
export interface Counted {
  readonly part: string;
  readonly reach: number;
  readonly counts: ReadonlyMap<string, string>;
  /** How many runs were given this: most runs of a journal are alike. */
  readonly times: number;
}

/** Runs of two arms that can be compared: of one notebook and one traffic. */
export interface ExposurePart {
  readonly arm: readonly Counted[];
  readonly reference: readonly Counted[];
  /** Cells that were answered in both arms: the first so many. */
  readonly cells: number;
}

/** How many runs they are. */
export function runCount(counted: readonly Counted[]): number {
  return counted.reduce((sum, { times }) => sum + times, 0);
}

/**
 * What each arm was given, by notebook and traffic, where both have runs: what differs between notebooks is no
 * difference of arms.
 *
 * @param isByCell whether the runs have their exposure by cell; else the requests of completed runs count as one cell
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

function countsByCell({ notebooks }: Protocol): (run: RunRecord) => Given | null {
  return (run) => {
    const { exposure, outcome } = run;
    if (exposure === undefined) return null;
    const whole = notebooks[run.notebook]?.codeCells.length ?? 0;
    // A completed run has answered the notebook's cells, whether or not it was sent them.
    const reach =
      outcome.kind === 'completed' ? whole : Math.min(run.cellMs.length, outcome.cell ?? whole, whole);
    if (reach === 0) return null;
    const counts: [string, string][] = [['cells begun', `1*${exposure.cells}`]];
    if (exposure.executed !== undefined) counts.push(['cells executed', exposure.executed]);
    for (const [type, text] of Object.entries(exposure.requests)) counts.push([type, text]);
    for (const [action, text] of Object.entries(exposure.actions ?? {}))
      counts.push([`${action} actions`, text]);
    for (const [type, text] of Object.entries(exposure.outputs ?? {}))
      counts.push([`published ${type}`, text]);
    return { part: partOf(run), reach, counts };
  };
}

/** Of a run of schema 1: its requests as one cell, but for the handshake's, which are as many as it took. */
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
