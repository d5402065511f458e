import type { CellListing } from '../model/cell-outputs.ts';
import type { ExperimentRecord, RunRecord } from '../model/journal.ts';
import { outputLosses } from './output-losses.ts';

/**
 * What each cell of a notebook is to show by `--expect reference`: what more than half of control's runs showed that
 * were answered there. An experiment with one arm has no control: the arm itself is the reference.
 *
 * @returns by cell; `null`: no outputs have that majority, so that the cell is not compared
 */
export function referenceHashes(
  { protocol }: Pick<ExperimentRecord, 'protocol'>,
  runs: readonly RunRecord[],
  notebook: number,
): (string | null)[] {
  const { arms } = protocol;
  const control = (arms.length === 1 ? arms[0] : arms.find(({ role }) => role === 'control'))?.name;
  const seen = runs.flatMap((run) =>
    run.arm === control && run.notebook === notebook && run.outputs !== undefined ? [run.outputs] : [],
  );
  const cells = protocol.notebooks[notebook]?.codeCells.length ?? 0;
  return Array.from({ length: cells }, (_, cell) => {
    const shown = seen.flatMap((outputs) => outputs[cell] ?? []);
    const counts = new Map<string, number>();
    for (const hash of shown) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    const [most] = [...counts].sort(([, a], [, b]) => b - a);
    return most !== undefined && most[1] * 2 > shown.length ? most[0] : null;
  });
}

/** What each cell of a notebook is to show, whatever it is known from; `null`: the cell is not compared. */
export function expectedListings(
  experiment: ExperimentRecord,
  runs: readonly RunRecord[],
  outputs: ReadonlyMap<string, CellListing>,
  notebook: number,
): (CellListing | null)[] {
  const { expected } = experiment.protocol;
  const hashes = expected?.outputs?.[notebook] ?? referenceHashes(experiment, runs, notebook);
  return hashes.map((hash) => (hash === null ? null : (outputs.get(hash) ?? null)));
}

/** The runs with what each lost of what control's runs show. Runs whose outputs are not recorded stay as they are. */
export function withReferenceLosses(
  experiment: ExperimentRecord,
  runs: readonly RunRecord[],
  outputs: ReadonlyMap<string, CellListing>,
): RunRecord[] {
  const expected = experiment.protocol.notebooks.map((_, notebook) =>
    expectedListings(experiment, runs, outputs, notebook),
  );
  return runs.map((run) => {
    const seen = run.outputs?.map((hash) => outputs.get(hash));
    // A hash without outputs is a contradiction that the audit names.
    if (seen === undefined || seen.includes(undefined)) return run;
    return { ...run, losses: outputLosses(expected[run.notebook] ?? [], seen as CellListing[]) };
  });
}
