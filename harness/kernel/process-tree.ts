import { type ChildProcess, execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DeadlinePassed, deadlineMs, withDeadline } from '../model/deadlines.ts';
import { descendantsOf, MarkedProcesses } from './marked-processes.ts';
import { type ProcessHelper, processHelper } from './process-helper.ts';
import { processSample } from './process-sample.ts';

/** How a process and everything below it is ended on a platform. */
export type KillPlan =
  | { readonly how: 'signal-group'; readonly pid: number }
  | { readonly how: 'command'; readonly file: string; readonly args: readonly string[] };

/**
 * POSIX: SIGKILL to the process group, whose leader every kernel is. Windows has no process groups of
 * that kind: `taskkill /T /F` walks the tree. The helper beside the harness goes before it there (`killTree`).
 *
 * @throws RangeError when `pid` cannot be a kernel's: to kill(2), the group of 0 is the caller's own and that
 *   of 1 is every process of the user
 */
export function killPlan(pid: number, platform: NodeJS.Platform): KillPlan {
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new RangeError(`${pid} is no kernel's process id`);
  return platform === 'win32'
    ? { how: 'command', file: 'taskkill', args: ['/PID', String(pid), '/T', '/F'] }
    : { how: 'signal-group', pid: -pid };
}

/**
 * End a kernel and its children now. A tree that is already gone is not an error. On Windows the helper beside the
 * harness ends whatever is in the kernel's job object, and `taskkill` what it can find where there is no helper.
 */
export async function killTree(pid: number, platform: NodeJS.Platform = process.platform): Promise<void> {
  const plan = killPlan(pid, platform);
  if (plan.how === 'signal-group') {
    signalGroup(plan.pid, 'SIGKILL', platform);
    return;
  }
  const helper = processHelper();
  if (helper !== null && (await isEnded(helper, pid))) return;
  const options = { windowsHide: true, timeout: deadlineMs('kill-tree'), killSignal: 'SIGKILL' } as const;
  await promisify(execFile)(plan.file, [...plan.args], options).catch(
    (error: { code?: number | string; killed?: boolean }) => {
      if (error.killed === true) throw new DeadlinePassed('kill-tree', undefined);
      // It gives 128 where there is no such process, and 1 or 255 where one of the tree ended between its look and its
      // kill. Whether what was to end has ended is seen by whoever waits for that.
      if (typeof error.code !== 'number') throw error;
    },
  );
}

/** Whether the helper could be told to end a tree: one that is silent or has ended leaves it to taskkill. */
async function isEnded(helper: ProcessHelper, pid: number): Promise<boolean> {
  return helper.end(pid).then(
    () => true,
    () => false,
  );
}

/** Send SIGINT to a kernel's process group, as jupyter_client does. Windows has no such groups: nothing is sent. */
export function interruptGroup(pid: number, platform: NodeJS.Platform = process.platform): void {
  const plan = killPlan(pid, platform);
  if (plan.how === 'signal-group') signalGroup(plan.pid, 'SIGINT', platform);
}

function signalGroup(group: number, signal: NodeJS.Signals, platform: NodeJS.Platform): void {
  try {
    process.kill(group, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // macOS says EPERM of a group whose processes have all ended and were not waited for yet.
    if (code !== 'ESRCH' && !(code === 'EPERM' && platform === 'darwin')) throw error;
  }
}

/** Resolves once a child's process exists. @throws Error of `spawn` when the program cannot be started at all */
export function awaitSpawn(child: ChildProcess): Promise<void> {
  const begun = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return withDeadline('spawn', begun, { who: child.spawnfile });
}

/**
 * Wait for the end of a process that was killed. Where nobody comes to say that it ended, the system is asked.
 *
 * @throws DeadlinePassed when it is still there, as one is that waits for a disk
 */
export async function awaitEnd(pid: number, exited: Promise<unknown>): Promise<void> {
  try {
    await withDeadline('kernel-exit', exited, { who: `the process ${pid}` });
  } catch (error) {
    const sample = await processSample(pid);
    if (sample !== null && sample.state !== 'Z' && sample.state !== 'X') throw error;
  }
}

const marked = new MarkedProcesses();
// A process that is being ended goes within milliseconds; one that keeps forking is caught in some round.
const ROUNDS = 50;
const ROUND_MS = 5;

/**
 * `killTree`, and on Linux everything else that a run started, also in sessions of its own and with its parent gone:
 * what is below the process now, and what has the run's mark in its environment. A process that had both its mark and
 * its parents removed escapes; elsewhere, so does all that left the group (on Windows: whose parent has ended).
 *
 * @param folder the run's private folder, its mark
 */
export async function killRun(
  pid: number,
  folder: string,
  platform: NodeJS.Platform = process.platform,
): Promise<void> {
  const below = platform === 'linux' ? descendantsOf(pid) : [];
  await killTree(pid, platform);
  for (const each of below) killNow(each);
  if (platform === 'linux') for (const each of marked.of(folder)) killNow(each);
}

/** End what still has a run's mark, until nothing has; its kernel must have ended. Linux alone tells. */
export async function killMarked(
  folder: string,
  platform: NodeJS.Platform = process.platform,
): Promise<void> {
  if (platform !== 'linux') return;
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = marked.of(folder);
    if (left.length === 0) return;
    for (const each of left) killNow(each);
    await delay(ROUND_MS);
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // EPERM: it is another user's by now, as a program with that right can make itself.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Whether a kernel can be made the leader of its own group: everywhere but on Windows. */
export function launchesDetached(platform: NodeJS.Platform): boolean {
  return platform !== 'win32';
}

const ALLOWED_VARIABLES = [
  // POSIX
  'HOME',
  'LANG',
  'LANGUAGE',
  'LOGNAME',
  'PATH',
  'SHELL',
  'TERM',
  'TZ',
  'USER',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  // Windows
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'OS',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
] as const;

/** Has a process, and what it starts, write its temporary files to a folder, on each platform. */
export function temporaryVariables(folder: string): Record<'TMPDIR' | 'TEMP' | 'TMP', string> {
  return { TMPDIR: folder, TEMP: folder, TMP: folder };
}

/**
 * The environment of a kernel: what an interpreter needs of ours by an allow-list, so that no token and
 * no PYTHON* or IPython setting of the session gets into the experiment, and what the run adds.
 */
export function kernelEnvironmentVariables(
  session: NodeJS.ProcessEnv,
  run: Readonly<Record<string, string>>,
): Record<string, string> {
  const allowed = new Set<string>(ALLOWED_VARIABLES);
  const kept = Object.entries(session).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (allowed.has(entry[0].toUpperCase()) || entry[0].startsWith('LC_')),
  );
  return { ...Object.fromEntries(kept), ...run };
}
