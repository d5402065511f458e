import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileWithDeadline, isDoneWithin } from '../model/deadlines.ts';
import { packageRoot } from '../model/package-root.ts';
import { readLines } from './bounded-lines.ts';
import { noTemporaryFolder, removePrivateFolder } from './private-folder.ts';
import { dropProcessHelper, ProcessHelper, useProcessHelper } from './process-helper.ts';
import { awaitSpawn, killRun } from './process-tree.ts';

// An answer is some 50 bytes a process.
const MAX_LINE_BYTES = 1 << 20;

/**
 * A small process beside the harness, which outlives it for a moment. When its pipe closes, however the harness ended, it
 * kills the registered processes and removes the private folders. Until then it inspects and ends processes where Node
 * cannot (`ProcessHelper`).
 */
export class Reaper {
  readonly #child: ChildProcess;
  readonly #helper: ProcessHelper;
  /** Registered folders, and processes with their folders. */
  readonly #folders = new Set<string>();
  readonly #held = new Map<number, string>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#helper = new ProcessHelper((line) => void child.stdin?.write(line));
    if (child.stdout !== null) readLines(child.stdout, MAX_LINE_BYTES, (line) => this.#helper.hear(line));
    child.once('exit', () => this.#helper.lose());
    useProcessHelper(this.#helper);
  }

  /** Start one. `python` is any Python 3; the kernel environment's will do. */
  static async start(python: string): Promise<Reaper> {
    const script = join(packageRoot(), 'arms', 'runtime', 'reaper.py');
    const child = spawn(python, ['-I', '-S', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // In its own session, so that a Ctrl-C or a kill of the harness's process group does not reach it.
      detached: true,
      windowsHide: true,
    });
    await awaitSpawn(child);
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as Socket | null)?.unref();
    child.stdin?.on('error', () => {
      // Somebody ended the reaper. Kernels still have their own parent poller.
    });
    return new Reaper(child);
  }

  /**
   * Make a private folder (0700). It is registered first, so that it is removed however the harness ends.
   *
   * @param start the beginning of its name
   * @param within default: the folder for temporary files
   * @throws SoakError `no-temporary-folder`
   */
  makeFolder(start: string, within: string = tmpdir()): string {
    const folder = join(within, `${start}${randomBytes(6).toString('hex')}`);
    this.#holdFolder(folder);
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      this.forgetFolder(folder);
      throw noTemporaryFolder(within, error);
    }
    return folder;
  }

  /** Forget a folder that is gone, for which no process came to be registered. */
  forgetFolder(folder: string): void {
    this.#folders.delete(folder);
    this.#child.stdin?.write(`- ${JSON.stringify({ folder })}\n`);
  }

  /** Register a process-group leader and the folder that goes with it. */
  hold(pid: number, folder: string): void {
    this.#folders.delete(folder);
    this.#held.set(pid, folder);
    this.#child.stdin?.write(`+ ${JSON.stringify({ pid, folder })}\n`);
  }

  /** Forget a process that has ended. */
  release(pid: number): void {
    this.#held.delete(pid);
    this.#child.stdin?.write(`- ${JSON.stringify({ pid })}\n`);
  }

  /**
   * Remove a private folder.
   *
   * @throws DeadlinePassed, or Error of the file system: the reaper tries again at its end
   */
  async removeFolder(folder: string): Promise<void> {
    await fileWithDeadline('remove-folder', removePrivateFolder(folder), folder);
    this.forgetFolder(folder);
  }

  /** Remove the folder of a process that has ended. Its PID is forgotten at once, since another process may get it. */
  async removeFolderOf(pid: number, folder: string): Promise<void> {
    this.release(pid);
    this.#holdFolder(folder);
    await this.removeFolder(folder);
  }

  /**
   * End the reaper, which first ends every registered process. If it does not end, it is killed, and its work is done
   * here. Returns at once if somebody has killed it.
   */
  async stop(): Promise<void> {
    dropProcessHelper(this.#helper);
    const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const exited = hasEnded ? Promise.resolve() : once(this.#child, 'exit');
    this.#child.ref();
    this.#child.stdin?.end();
    if (await isDoneWithin('reaper-stop', exited)) return;
    this.#child.kill('SIGKILL');
    this.#child.unref();
    for (const [pid, folder] of this.#held) await killRun(pid, folder);
    for (const folder of [...this.#held.values(), ...this.#folders]) await this.removeFolder(folder);
  }

  #holdFolder(folder: string): void {
    this.#folders.add(folder);
    this.#child.stdin?.write(`+ ${JSON.stringify({ folder })}\n`);
  }
}
