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

/** A kernel as far as it matters which process is its own. */
export interface SampledKernel {
  /** The process that was started. */
  readonly pid: number;
  /** The process that runs the kernel, by its own word; `null`: not said yet. Absent: it never says. */
  readonly ownPid?: number | null;
}

// USER_HZ: the unit of times in /proc/PID/stat is 100 a second on every architecture that Node has.
const MS_PER_TICK = 10;

// Linux's letters: stopped by a signal, stopped by a tracer.
const STOPPED = ['T', 't'];

/** Parse `/proc/PID/stat` (proc(5)): the command, in parentheses, may itself hold spaces and parentheses. */
export function parseProcStat(text: string): ProcessSample {
  const fields = statFields(text);
  return { cpuMs: sumMs(fields, 11), state: fields[0] ?? null };
}

/** The fields of `/proc/PID/stat` after the command. */
function statFields(text: string): string[] {
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
 * Sample a process without touching it: from `/proc` on Linux, elsewhere by the helper beside the harness.
 *
 * @returns `null` when there is no such process, or the system does not say in time
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
 * Sample a kernel's own process. What was started may be a launcher that uses no processor time, whatever the kernel
 * does: a venv's python.exe on Windows, `py`, `uv run`, `conda run`, a shim. A kernel that does not say which process
 * is its own is sampled with everything that was started.
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
 * Whether what was started is a launcher of the kernel, as far as is seen once the kernel is ready and has executed
 * nothing: it does not say which process is its own, and there is one below it already. Linux alone tells.
 */
export function isLauncher(
  { pid, ownPid }: SampledKernel,
  platform: NodeJS.Platform = process.platform,
): boolean {
  return platform === 'linux' && (ownPid ?? null) === null && descendantsOf(pid).length > 0;
}

/** The processor time of a process and of everything below it, together; the state is the first's, or that it is stopped. */
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
