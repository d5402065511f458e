import { type ChildProcess, execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DeadlinePassed, deadlineMs, withDeadline } from '../model/deadlines.ts';
import { descendantsOf, MarkedProcesses } from './marked-processes.ts';
import { type ProcessHelper, processHelper } from './process-helper.ts';
import { processSample } from './process-sample.ts';

/** How a platform ends a process and everything below it. */
export type KillPlan =
  | { readonly how: 'signal-group'; readonly pid: number }
  | { readonly how: 'command'; readonly file: string; readonly args: readonly string[] };

/**
 * POSIX: SIGKILL to the process group, whose leader is the kernel. Windows has no such groups: `taskkill /T /F` walks the
 * tree, after the helper beside the harness (`killTree`).
 *
 * @throws RangeError when `pid` cannot be a kernel's: for kill(2), group 0 is the caller's own, and group 1 is every
 *   process of the user
 */
export function killPlan(pid: number, platform: NodeJS.Platform): KillPlan {
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new RangeError(`${pid} is no kernel's process id`);
  return platform === 'win32'
    ? { how: 'command', file: 'taskkill', args: ['/PID', String(pid), '/T', '/F'] }
    : { how: 'signal-group', pid: -pid };
}

/**
 * End a kernel and its children now. It is no error if they have ended already. On Windows the helper beside the harness
 * ends everything in the kernel's job object. Without a helper, `taskkill` ends what it finds.
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
      // Exit code 128: no such process. 1 or 255: a process of the tree ended between its look and its kill. The caller
      // waits for the end anyway.
      if (typeof error.code !== 'number') throw error;
    },
  );
}

/** Whether the helper ended a tree. If it is silent or has ended, taskkill has to. */
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
    // macOS reports EPERM for a group whose processes have all ended and were not waited for yet.
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
 * Wait for the end of a killed process. If no event reports it, ask the system.
 *
 * @throws DeadlinePassed when it still exists, for example because it waits for a disk
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
// A killed process ends within milliseconds. One that keeps forking is caught in some round.
const ROUNDS = 50;
const ROUND_MS = 5;

/**
 * `killTree`, and on Linux every other process that the run started, even in its own session and without its parent: the
 * descendants, and all processes with the run's mark in their environment. A process that lost both escapes. On other
 * systems, so does one that left the group (on Windows: one whose parent has ended).
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

/** End every process with the run's mark, until there is none. The kernel must have ended. Linux only. */
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
    // EPERM: it belongs to another user by now.
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

/** Variables by which a process and its children write temporary files to a folder. */
export function temporaryVariables(folder: string): Record<'TMPDIR' | 'TEMP' | 'TMP', string> {
  return { TMPDIR: folder, TEMP: folder, TMP: folder };
}

/**
 * The environment of a kernel: what an interpreter needs of the session's, by an allow-list, and what the run adds. So no
 * token and no PYTHON* or IPython setting of the session gets into the experiment.
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
