import { readdirSync, readFileSync } from 'node:fs';

/** Variable that marks all processes of a run, by the run's private folder: what they start inherits it. */
export const RUN_VARIABLE = 'KERNEL_SOAK_RUN';

// A process that was forked and has not yet become its program shows its parent's environment, for far less than this.
const SETTLED_AFTER_MS = 1_000;

/**
 * Finds the processes of a run wherever in the process tree they went, by the environment that Linux shows of each.
 * What has none is looked at twice and then left alone, so that a look costs what came since the last one: a process
 * id that is given again between two looks, which takes tens of thousands of processes, would escape.
 */
export class MarkedProcesses {
  readonly #proc: string;
  /** Processes without a mark, and since when that is known. */
  readonly #unmarked = new Map<string, { readonly sinceMs: number; isSettled: boolean }>();

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  /**
   * Ids of the processes whose mark is this folder, or one within it.
   *
   * @throws RangeError for the empty path, within which every run's folder is
   */
  of(folder: string): number[] {
    if (folder === '') throw new RangeError('The empty path is no run’s folder.');
    const nowMs = performance.now();
    const there = readdirSync(this.#proc).filter((name) => /^\d+$/.test(name));
    const found: number[] = [];
    const mark = Buffer.from(`${RUN_VARIABLE}=${folder}`);
    for (const name of there) {
      const known = this.#unmarked.get(name);
      if (known?.isSettled === true || Number(name) === process.pid) continue;
      const environment = this.#environment(name);
      if (isMarked(environment, mark)) found.push(Number(name));
      else if (environment.includes(RUN_VARIABLE)) this.#unmarked.delete(name);
      else if (known === undefined) this.#unmarked.set(name, { sinceMs: nowMs, isSettled: false });
      else known.isSettled = nowMs - known.sinceMs > SETTLED_AFTER_MS;
    }
    if (this.#unmarked.size > there.length) {
      const living = new Set(there);
      for (const name of this.#unmarked.keys()) if (!living.has(name)) this.#unmarked.delete(name);
    }
    return found;
  }

  #environment(pid: string): Buffer {
    try {
      return readFileSync(`${this.#proc}/${pid}/environ`);
    } catch {
      return Buffer.alloc(0); // another user's, or gone
    }
  }
}

function isMarked(environment: Buffer, mark: Buffer): boolean {
  for (let at = environment.indexOf(mark); at >= 0; at = environment.indexOf(mark, at + 1)) {
    const after = environment[at + mark.length];
    const isWhole = after === undefined || after === 0 || after === 0x2f;
    if (isWhole && (at === 0 || environment[at - 1] === 0)) return true;
  }
  return false;
}

/** Ids of everything below a process, as Linux lists the children of each; a child whose parent has ended is not there. */
export function descendantsOf(pid: number, proc = '/proc'): number[] {
  const found: number[] = [];
  for (const parents = [pid]; parents.length > 0; ) {
    const parent = parents.pop();
    for (const child of childrenOf(`${proc}/${parent}/task`)) {
      if (found.includes(child)) continue;
      found.push(child);
      parents.push(child);
    }
  }
  return found;
}

function childrenOf(tasks: string): number[] {
  try {
    return readdirSync(tasks).flatMap((task) =>
      readFileSync(`${tasks}/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // gone meanwhile, or a system without such lists
  }
}
