import { readdirSync, readFileSync } from 'node:fs';

/**
 * This variable marks all processes of a run. Its value is the run's private folder. Child processes inherit
 * it.
 */
export const RUN_VARIABLE = 'KERNEL_SOAK_RUN';

// A forked process shows its parent's environment until it executes its program. That takes far less than
// this.
const SETTLED_AFTER_MS = 1_000;

/**
 * Finds the processes of a run anywhere in the process tree, by the environment that Linux shows of each
 * process. A process without a mark is inspected twice and then ignored, so a search costs only the processes
 * that are new. A process escapes if it gets the PID of an ignored one between two searches, which takes tens
 * of thousands of processes.
 */
export class MarkedProcesses {
  readonly #proc: string;
  /** Processes without a mark, and the time at which that was first seen. */
  readonly #unmarked = new Map<string, { readonly sinceMs: number; isSettled: boolean }>();

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  /**
   * The PIDs of the processes whose mark is this folder or a folder inside it.
   *
   * @throws RangeError for the empty path, since every run's folder would match it
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

/** A process below another one, and the thread that lists it as its child: a path below /proc. */
export interface Descendant {
  readonly pid: number;
  readonly thread: string;
}

/**
 * All descendants of a process, as Linux lists the children of each thread. A process whose parent has ended is
 * missing.
 */
export function descendants(pid: number, proc = '/proc'): Descendant[] {
  const found: Descendant[] = [];
  for (const parents = [pid]; parents.length > 0; ) {
    const parent = parents.pop();
    for (const child of childrenOf(`${parent}/task`, proc)) {
      if (found.some((each) => each.pid === child.pid)) continue;
      found.push(child);
      parents.push(child.pid);
    }
  }
  return found;
}

/** The PIDs of all descendants of a process. */
export function descendantsOf(pid: number, proc = '/proc'): number[] {
  return descendants(pid, proc).map((each) => each.pid);
}

function childrenOf(tasks: string, proc: string): Descendant[] {
  try {
    return readdirSync(`${proc}/${tasks}`).flatMap((task) => {
      const thread = `${tasks}/${task}`;
      const pids = readFileSync(`${proc}/${thread}/children`, 'utf8').split(' ').filter(Boolean);
      return pids.map((child) => ({ pid: Number(child), thread }));
    });
  } catch {
    return []; // gone meanwhile, or a system without such lists
  }
}
