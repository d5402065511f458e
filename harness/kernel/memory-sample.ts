import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { withDeadline } from '../model/deadlines.ts';
import type { Memory } from '../model/memory.ts';
import { type Descendant, descendants } from './marked-processes.ts';
import { processHelper } from './process-helper.ts';
import { MS_PER_TICK, type SampledKernel, statFields } from './process-sample.ts';

/** One look at the memory of a process and everything below it. */
export interface MemorySample {
  readonly measure: Memory['measure'];
  readonly bytes: number;
}

/**
 * Memory of a kernel and everything below it, seen from outside. Linux shows the proportional share of shared pages
 * (PSS) in `/proc/PID/smaps_rollup`. Elsewhere the helper beside the harness reads what is resident (RSS). A process
 * whose parent has ended is missing.
 *
 * @returns `null` where there is no such process (yet, or any more)
 * @throws DeadlinePassed; Error when the system does not show the memory, or the helper has ended
 */
export async function treeMemory(
  { pid, ownPid }: SampledKernel,
  platform: NodeJS.Platform = process.platform,
  proc = '/proc',
): Promise<MemorySample | null> {
  const root = ownPid ?? pid;
  // A server does not say the process id of every kernel.
  if (root <= 0) return null;
  return platform === 'linux' ? withDeadline('sample-process', linuxTree(root, proc)) : helperTree(root);
}

async function linuxTree(root: number, proc: string): Promise<MemorySample | null> {
  const below = descendants(root, proc).filter((each) => !borrowsMemory(each, proc));
  const first = await linuxProcess(root, proc);
  if (first === null) return null;
  const others: (MemorySample | null)[] = [];
  for (const { pid } of below) others.push(await linuxProcess(pid, proc));
  return sum([first, ...others]);
}

async function helperTree(root: number): Promise<MemorySample | null> {
  const helper = processHelper();
  if (helper === null) throw new Error('No process beside the harness samples memory.');
  const [first, ...others] = await helper.sampleTree(root);
  if (first === undefined || first === null) return null;
  if (first.rssBytes === null) throw new Error('The system does not show the memory of the kernel.');
  const rss = [first, ...others].map((each) => ({ measure: 'rss' as const, bytes: each?.rssBytes ?? 0 }));
  return sum(rss);
}

function sum(samples: readonly (MemorySample | null)[]): MemorySample {
  const seen = samples.filter((each) => each !== null);
  return {
    measure: seen.every(({ measure }) => measure === 'pss') ? 'pss' : 'rss',
    bytes: seen.reduce((total, { bytes }) => total + bytes, 0),
  };
}

/** `null`: it has ended. */
async function linuxProcess(pid: number, proc: string): Promise<MemorySample | null> {
  const share = await readOr(`${proc}/${pid}/smaps_rollup`);
  const pss = kibibytes(share, 'Pss');
  if (pss !== null) return { measure: 'pss', bytes: pss };
  // Another user's (sudo), one that has closed itself (PR_SET_DUMPABLE), a system without this file, or a process that
  // has ended and was not waited for. The last has no memory at all.
  const rss = kibibytes(await readOr(`${proc}/${pid}/status`), 'VmRSS');
  return rss === null ? null : { measure: 'rss', bytes: rss };
}

/** A field of a file in /proc that is in KiB, in bytes. `null`: it is not there. */
function kibibytes(text: string, field: string): number | null {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1024;
}

async function readOr(path: string): Promise<string> {
  // Not synchronously: the system walks all pages, which takes long for a large process.
  return readFile(path, 'latin1').catch(() => '');
}

// Linux's flag for a process that was forked and has not executed a program (PF_FORKNOEXEC).
const HAS_NOT_EXECUTED = 0x40;
// The thread that calls vfork sleeps within microseconds of the child's start.
const SLEEPS_WITHIN_MS = 50;

/**
 * Whether a process still uses its parent's memory, as between vfork and exec: Python's subprocess starts programs so.
 * The pages of the two would count twice, and a kernel would seem to use double for a moment (measured: 7 % of the
 * samples of a cell that starts programs in a loop). The thread that called vfork sleeps until then, uninterruptibly.
 * A forked process has memory of its own, and counts.
 */
function borrowsMemory({ pid, thread }: Descendant, proc: string): boolean {
  try {
    const child = statFields(readFileSync(`${proc}/${pid}/stat`, 'latin1'));
    if ((Number(child[6]) & HAS_NOT_EXECUTED) === 0) return false;
    const [state] = statFields(readFileSync(`${proc}/${thread}/stat`, 'latin1'));
    const upMs = Number(readFileSync(`${proc}/uptime`, 'latin1').split(' ')[0]) * 1000;
    return state === 'D' || upMs - Number(child[19]) * MS_PER_TICK < SLEEPS_WITHIN_MS;
  } catch {
    return true; // gone meanwhile
  }
}
