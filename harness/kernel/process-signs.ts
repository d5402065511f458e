import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { descendantsOf } from './marked-processes.ts';
import { cpuTimes } from './process-sample.ts';

/**
 * Identifies the program that a process runs, by a hash of its auxiliary vector (proc(5)). The system makes a
 * new vector for every executed program, and nothing else changes it. Equal hashes mean the same program.
 * Different hashes mean that another program replaced it under the same PID, as `os.execv` does.
 *
 * @returns `null` when the system does not tell: not Linux, another user's process, or no such process
 */
export function programOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const vector = readFileSync(`/proc/${pid}/auxv`);
    // A process that has ended, and whose parent has not waited for it, has no vector.
    return vector.length === 0 ? null : createHash('sha256').update(vector).digest('hex');
  } catch {
    return null;
  }
}

// Kernel functions in which a Linux thread sleeps, waits for a child process or reads a pipe. None waits for
// a message.
const BLOCKED_IN = /^(hrtimer_nanosleep|do_nanosleep|do_wait|kernel_wait4|(anon_)?pipe_read|pipe_wait)/;

/**
 * Where the main thread of a process waits, if it waits for something other than a message. `null`: it does
 * not, or the system does not tell. For a kernel without the runtime, this replaces the stack of the main
 * thread.
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
