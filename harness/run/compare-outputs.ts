import { cellListing } from '../frontend/cell-listing.ts';
import type { JsonObject, Notebook } from '../frontend/notebook.ts';
import type { SanitiseRule } from '../frontend/sanitise.ts';
import {
  type CellListing,
  type CellOutputsRecord,
  cellOutputsRecord,
  listingHash,
} from '../model/cell-outputs.ts';
import type { RunRecord } from '../model/journal.ts';
import { comparedCells } from '../model/run-status.ts';
import { outputLosses } from '../oracle/output-losses.ts';
import type { RunResult } from './run-record.ts';

/** What runs are compared with. */
export interface Expectation {
  /** Applied to every text before it is compared, in this order. */
  readonly rules: readonly SanitiseRule[];
  /** Of each notebook, what each executed cell is to show. `null`: control's runs will say. */
  readonly listings: readonly (readonly CellListing[])[] | null;
}

/** What each executed cell of a notebook shows, as the notebook has it. */
export function cellListings(
  { cells, codeCells }: Pick<Notebook, 'cells' | 'codeCells'>,
  rules: readonly SanitiseRule[],
): CellListing[] {
  return codeCells.map(({ index }) => cellListing(cells[index] ?? {}, rules));
}

/** papermill puts such a cell above one that raised, and another one at the top. */
const PAPERMILL_ERROR = 'papermill-error-cell-tag';

function isOfNotebook(cell: JsonObject): boolean {
  const { tags } = (cell['metadata'] ?? {}) as { tags?: unknown };
  return !Array.isArray(tags) || !tags.includes(PAPERMILL_ERROR);
}

/** Compares the outputs of an experiment's runs with what is expected of them. */
export class OutputComparison {
  readonly #expectation: Expectation;
  readonly #written: Set<string>;

  /** @param written hashes of the cell outputs that the journal has already */
  constructor(expectation: Expectation, written: Iterable<string>) {
    this.#expectation = expectation;
    this.#written = new Set(written);
  }

  /** What is expected, for the journal, as far as the journal does not have it. */
  expected(): CellOutputsRecord[] {
    return this.#unwritten((this.#expectation.listings ?? []).flat());
  }

  /**
   * The run's record with what its cells showed, and what the journal needs before it. Compared are the cells that were
   * answered, without the one at which the run ended. A run without a notebook, or with more output than is kept, is not
   * compared.
   *
   * @param executed the notebook as the client left it
   */
  compared(
    record: RunRecord,
    executed: JsonObject | null,
    { codeCells }: Pick<Notebook, 'codeCells'>,
  ): { readonly record: RunRecord; readonly outputs: readonly CellOutputsRecord[] } {
    const isKept = record.droppedOutputs === undefined && Array.isArray(executed?.['cells']);
    if (!isKept || record.outcome.kind === 'harness-fault') return { record, outputs: [] };
    const { rules, listings } = this.#expectation;
    const cells = (executed['cells'] as JsonObject[]).filter(isOfNotebook);
    const seen = cellListings(
      { cells, codeCells: codeCells.slice(0, comparedCells(record, codeCells.length)) },
      rules,
    );
    const expected = listings?.[record.notebook];
    return {
      record: {
        ...record,
        ...(expected === undefined ? {} : { losses: outputLosses(expected, seen) }),
        outputs: seen.map(listingHash),
      },
      outputs: this.#unwritten(seen),
    };
  }

  #unwritten(listings: readonly CellListing[]): CellOutputsRecord[] {
    return listings.map(cellOutputsRecord).filter(({ sha256 }) => {
      if (this.#written.has(sha256)) return false;
      this.#written.add(sha256);
      return true;
    });
  }
}

/**
 * The record of a run that is not kept otherwise: its outputs are compared, and what of them lies in files is removed.
 *
 * @param comparison `null`: outputs are not compared
 * @param append called with what the record refers to, before the record itself may be written
 */
export async function comparedRecord(
  result: RunResult,
  comparison: OutputComparison | null,
  notebook: Pick<Notebook, 'codeCells'>,
  append: (outputs: CellOutputsRecord) => Promise<void>,
): Promise<RunRecord> {
  try {
    if (comparison === null) return result.record;
    const { record, outputs } = comparison.compared(result.record, result.notebook, notebook);
    for (const each of outputs) await append(each);
    return record;
  } finally {
    await result.discard();
  }
}
