import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * What a process runs, told apart by its auxiliary vector (proc(5)): the system draws it anew for every program that is
 * executed, and nothing else changes it. Two equal texts are one program; two different ones are a process that was
 * replaced, as by `os.execv`, under the same id.
 *
 * @returns `null` where the system does not say: elsewhere than on Linux, of another user's process, of none
 */
export function programOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const vector = readFileSync(`/proc/${pid}/auxv`);
    // A process that has ended and was not waited for has none.
    return vector.length === 0 ? null : createHash('sha256').update(vector).digest('hex');
  } catch {
    return null;
  }
}

// Where Linux has a thread wait that sleeps, waits for a child process or reads a pipe: not for a message.
const BLOCKED_IN = /^(hrtimer_nanosleep|do_nanosleep|do_wait|kernel_wait4|(anon_)?pipe_read|pipe_wait)/;

/**
 * Where a process's main thread waits, if that is for something else than a message; `null`: it does not, or the
 * system does not say. For a kernel with nothing injected this is what stands in for the stack of its main thread.
 */
export function blockedIn(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const place = readFileSync(`/proc/${pid}/wchan`, 'latin1');
    return BLOCKED_IN.test(place) ? place : null;
  } catch {
    return null;
  }
}

// USER_HZ, as in process-sample.ts.
const MS_PER_TICK = 10;

/**
 * Processor time used so far by everything below a process, what has ended and was waited for included, milliseconds;
 * `null` where it is not known.
 */
export function cpuMsBelow(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const parents = new Map<number, number>();
  const used = new Map<number, { readonly own: number; readonly ended: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const ms = (index: number) => (fields[index] ?? 0) * MS_PER_TICK;
      parents.set(Number(name), fields[1] ?? 0);
      used.set(Number(name), { own: ms(11) + ms(12), ended: ms(13) + ms(14) });
    } catch {
      // It ended meanwhile.
    }
  }
  const root = used.get(pid);
  if (root === undefined) return null;
  const isBelow = (child: number): boolean => {
    const parent = parents.get(child);
    return parent === pid || (parent !== undefined && parent > 1 && isBelow(parent));
  };
  const below = [...used].filter(([each]) => each !== pid && isBelow(each));
  return below.reduce((sum, [, { own, ended }]) => sum + own + ended, root.ended);
}
