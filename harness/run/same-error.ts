import { cleanLine } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { runStatus } from '../model/run-status.ts';
import type { BlockRange } from '../model/shard.ts';

/** One error at one cell, in every run so far: no run of the experiment is going to show the event. */
export interface SameError {
  /** 0-based, among the executed cells. */
  readonly cell: number;
  /** The kernel's words, which may be hostile. */
  readonly ename: string;
  readonly evalue: string;
}

// One run alone may have had bad luck.
const LEAST_RUNS = 2;
const ENAME_CHARACTERS = 80;

/** Endpoints whose event is the error itself, or is seen before a cell is executed. */
const GOES_ON: readonly Protocol['endpoint'][] = ['cell-error', 'any', 'start-failed'];

/**
 * Watches the first block for an error that every arm raises at the same cell: of a lone arm, the first two blocks. An
 * experiment that is resumed behind them is not watched, because its user has seen the error and went on.
 */
export class SameErrorWatch {
  readonly #protocol: Protocol;
  readonly #end: number;
  readonly #wanted: number;
  readonly #runs: RunRecord[] = [];
  #isOpen: boolean;
  #found: SameError | null = null;

  constructor(protocol: Protocol, { first, end }: BlockRange, recorded: readonly RunRecord[]) {
    const blocks = Math.ceil(LEAST_RUNS / protocol.arms.length);
    this.#protocol = protocol;
    this.#end = first + blocks;
    this.#wanted = blocks * protocol.arms.length;
    // With several notebooks, the others may do.
    const isWatched = protocol.notebooks.length === 1 && !GOES_ON.includes(protocol.endpoint);
    // There must be something left to spare the user.
    this.#isOpen = isWatched && this.#end < end;
    for (const record of recorded) this.#take(record);
    if (this.#runs.length >= this.#wanted) this.#isOpen = false;
  }

  /** Whether the last run of a block may end the experiment. */
  mayStop(block: number): boolean {
    return this.#isOpen && block === this.#end - 1;
  }

  /** The error, once all runs that are watched have shown it; `null`: they have not. */
  get found(): SameError | null {
    return this.#found;
  }

  add(record: RunRecord): void {
    if (!this.#isOpen) return;
    this.#take(record);
    const found = this.#sameError();
    // Once a run went otherwise, nothing holds up the next block.
    if (found === null) this.#isOpen = false;
    if (this.#runs.length < this.#wanted) return;
    this.#isOpen = false;
    this.#found = found;
  }

  #take(record: RunRecord): void {
    if (record.block < this.#end) this.#runs.push(record);
  }

  #sameError(): SameError | null {
    const errors = this.#runs.map((run) => unobservedError(run, this.#protocol));
    const [first = null] = errors;
    const isSame = errors.every((each) => each?.cell === first?.cell && each?.ename === first?.ename);
    return isSame ? first : null;
  }
}

/** The error that kept a run from showing the event; `null`: there is none. */
function unobservedError(run: RunRecord, protocol: Protocol): SameError | null {
  const { kind, cell, error } = run.outcome;
  if (kind !== 'cell-error' || cell === null || error === null) return null;
  return runStatus(run, protocol) === 'competing' ? { cell, ename: error.ename, evalue: error.evalue } : null;
}

/** Why the experiment ended, for the journal. */
export function sameErrorReason({ cell, ename }: SameError, { arms }: Pick<Protocol, 'arms'>): string {
  const where = arms.length === 1 ? 'in every run' : 'in every arm';
  return `cell ${cell} raised ${cleanLine(ename, ENAME_CHARACTERS)} ${where}`;
}
