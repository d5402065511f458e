import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { packageRoot } from '../../harness/model/package-root.ts';
import { residentMemory } from '../testing/resident-memory.ts';

/** A look at the harness's process from outside, Linux only. */
export interface ProcessLook {
  readonly seconds: number;
  readonly residentMiB: number;
  /** The most that it ever was resident, between looks too. */
  readonly peakMiB: number;
  readonly openFiles: number;
}

const LOOK_EVERY_MS = 250;

function lookAt(pid: number, startMs: number): ProcessLook | null {
  try {
    const memory = residentMemory(pid);
    if (memory === null) return null;
    return {
      seconds: (performance.now() - startMs) / 1000,
      residentMiB: memory.nowMiB,
      peakMiB: memory.mostMiB,
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return null; // it has ended
  }
}

/**
 * `soak` as a user starts it, looked at four times a second.
 *
 * @param onLook told of each look
 */
export async function watchedSoak(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLook: (look: ProcessLook) => void,
): Promise<void> {
  const startMs = performance.now();
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'harness/cli.ts', ...args], {
    cwd: packageRoot(),
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  const timer = setInterval(() => {
    const look = lookAt(child.pid ?? -1, startMs);
    if (look !== null) onLook(look);
  }, LOOK_EVERY_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`soak ended with ${code}.`);
}
