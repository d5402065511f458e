import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './steps.ts';

const NAME = 'rehearsal.lock';
// How `flock --nonblock` ends where another holds the lock.
const HELD = 1;

/** A folder that this process alone uses. */
export interface LockedFolder {
  release(): void;
}

/**
 * Take a folder for this rehearsal. Two in one folder would end each other's Windows and count each other's processes.
 * `flock` holds the lock, for as long as this process keeps its input open: however this process ends, it is released.
 *
 * @returns `null` when another rehearsal has the folder
 * @throws Unavailable when `flock` cannot lock it
 */
export function lockFolder(folder: string): Promise<LockedFolder | null> {
  mkdirSync(folder, { recursive: true });
  const hold = ['--nonblock', '--no-fork', join(folder, NAME), 'sh', '-c', 'echo held; exec cat'];
  const holder = spawn('flock', hold, { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    holder.once('error', (cause) => reject(new Unavailable('it needs Linux with flock', { cause })));
    holder.once('exit', (code) => {
      if (code === HELD) resolve(null);
      else reject(new Unavailable(`flock cannot lock ${folder}: it ended with ${code}`));
    });
    holder.stdout.once('data', () => resolve({ release: () => holder.stdin.end() }));
  });
}
