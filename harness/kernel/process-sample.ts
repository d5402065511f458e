import { readFileSync } from 'node:fs';
import { descendantsOf } from './marked-processes.ts';
import { processHelper } from './process-helper.ts';

/** One look at a process from outside. */
export interface ProcessSample {
  /** CPU time used so far, user and system, milliseconds; Windows counts it in steps of 15.6 ms. */
  readonly cpuMs: number;
  /** State letter of the operating system (`R`, `S`, `T`, `Z`, …); `null` where it has none. */
  readonly state: string | null;
}

/** The PIDs of a kernel that a sample needs. */
export interface SampledKernel {
  /** The process that was started. */
  readonly pid: number;
  /** PID of the kernel as the kernel reports it. `null`: not reported yet. Absent: it never reports one. */
  readonly ownPid?: number | null;
}

// USER_HZ: the unit of times in /proc/PID/stat is 100 a second on every architecture that Node has.
export const MS_PER_TICK = 10;

// Linux's letters: stopped by a signal, stopped by a tracer.
const STOPPED = ['T', 't'];

/** Parse `/proc/PID/stat` (proc(5)): the command, in parentheses, may itself hold spaces and parentheses. */
export function parseProcStat(text: string): ProcessSample {
  const fields = statFields(text);
  return { cpuMs: sumMs(fields, 11), state: fields[0] ?? null };
}

/** The fields of `/proc/PID/stat` after the command. */
export function statFields(text: string): string[] {
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** User and system time, which stand side by side. */
function sumMs(fields: readonly string[], first: number): number {
  return (Number(fields[first]) + Number(fields[first + 1])) * MS_PER_TICK;
}

/**
 * Processor time of a process, and of its ended children that it waited for, milliseconds.
 *
 * @returns `null` where there is no such process, or the system is not Linux
 */
export function cpuTimes(pid: number): { readonly ownMs: number; readonly endedMs: number } | null {
  if (process.platform !== 'linux') return null;
  try {
    const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return { ownMs: sumMs(fields, 11), endedMs: sumMs(fields, 13) };
  } catch {
    return null;
  }
}

/**
 * Sample a process without touching it: from `/proc` on Linux, elsewhere through the helper beside the
 * harness.
 *
 * @returns `null` when there is no such process, or the system does not answer in time
 */
export async function processSample(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<ProcessSample | null> {
  try {
    if (platform === 'linux') return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    const [sample] = (await processHelper()?.sample([pid])) ?? [];
    return sample === undefined || sample === null ? null : { cpuMs: sample.cpuMs, state: null };
  } catch {
    return null;
  }
}

/**
 * Sample the kernel's own process. The harness may have started only a launcher, which uses no processor time
 * whatever the kernel does: a venv's python.exe on Windows, `py`, `uv run`, `conda run`, a shim. If a kernel
 * does not report its own PID, the sample covers everything that was started.
 *
 * @returns `null` as `processSample`
 */
export function kernelSample(
  { pid, ownPid }: SampledKernel,
  platform: NodeJS.Platform = process.platform,
): Promise<ProcessSample | null> {
  return ownPid === undefined || ownPid === null
    ? treeSample(pid, platform)
    : processSample(ownPid, platform);
}

/**
 * Whether the started process is only a launcher of the kernel. Call this when the kernel is ready and has
 * executed nothing: a launcher then already has a descendant, and the kernel has not reported its PID. Works
 * only on Linux.
 */
export function isLauncher(
  { pid, ownPid }: SampledKernel,
  platform: NodeJS.Platform = process.platform,
): boolean {
  return platform === 'linux' && (ownPid ?? null) === null && descendantsOf(pid).length > 0;
}

/**
 * The processor time of a process and all its descendants together. The state is that of the first process,
 * or "stopped" if any of them is stopped.
 */
async function treeSample(pid: number, platform: NodeJS.Platform): Promise<ProcessSample | null> {
  const samples = await (platform === 'linux'
    ? Promise.all([pid, ...descendantsOf(pid)].map((each) => processSample(each, platform)))
    : processHelper()
        ?.sampleTree(pid)
        .catch(() => []));
  const [first] = samples ?? [];
  if (first === undefined || first === null) return null;
  const states = (samples ?? []).map((sample) =>
    sample !== null && 'state' in sample ? sample.state : null,
  );
  return {
    cpuMs: (samples ?? []).reduce((sum, sample) => sum + (sample?.cpuMs ?? 0), 0),
    state: states.find((state) => state !== null && STOPPED.includes(state)) ?? states[0] ?? null,
  };
}
