import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { descendantsOf } from './marked-processes.ts';
import { cpuTimes } from './process-sample.ts';

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

/**
 * Processor time used so far by everything below a process, milliseconds. Includes processes that have ended, if their
 * parent waited for them.
 *
 * @returns `null` where it is not known
 */
export function cpuMsBelow(pid: number): number | null {
  const root = cpuTimes(pid);
  if (root === null) return null;
  return descendantsOf(pid).reduce((sum, each) => {
    const { ownMs, endedMs } = cpuTimes(each) ?? { ownMs: 0, endedMs: 0 };
    return sum + ownMs + endedMs;
  }, root.endedMs);
}
