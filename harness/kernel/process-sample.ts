import { readFileSync } from 'node:fs';
import pidusage from 'pidusage';
import { withDeadline } from '../model/deadlines.ts';

/** One look at a process from outside. */
export interface ProcessSample {
  /** CPU time used so far, user and system, milliseconds. */
  readonly cpuMs: number;
  /** State letter of the operating system (`R`, `S`, `T`, `Z`, …); `null` where it has none. */
  readonly state: string | null;
}

// USER_HZ: the unit of times in /proc/PID/stat is 100 a second on every architecture that Node has.
const MS_PER_TICK = 10;

/** Parse `/proc/PID/stat` (proc(5)): the command, in parentheses, may itself hold spaces and parentheses. */
export function parseProcStat(text: string): ProcessSample {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    state: fields[0] ?? null,
  };
}

/**
 * Sample a process without touching it.
 *
 * @returns `null` when there is no such process, or the system does not say in time
 */
export async function processSample(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<ProcessSample | null> {
  try {
    if (platform === 'linux') return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return { cpuMs: (await withDeadline('sample-process', pidusage(pid))).ctime, state: null };
  } catch {
    return null;
  }
}
