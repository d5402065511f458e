import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import {
  DEADLINES,
  DeadlinePassed,
  deadlineMs,
  fileWithDeadline,
  withDeadline,
} from '../../model/deadlines.ts';
import { EXIT_CODES, RunFault, SoakError } from '../../model/errors.ts';
import { packageRoot } from '../../model/package-root.ts';
import { readLines } from '../bounded-lines.ts';
import type { ForkableCommand, KernelChild, KernelExit, KernelStart } from '../launch.ts';
import { RUN_VARIABLE } from '../marked-processes.ts';
import { OutputTail } from '../output-tail.ts';
import {
  awaitSpawn,
  kernelEnvironmentVariables,
  killMarked,
  killRun,
  killTree,
  launchesDetached,
} from '../process-tree.ts';
import type { Reaper } from '../reaper.ts';

// The longest line carries 64 KiB of a kernel's standard error with every byte escaped. An imported module
// may print longer lines.
const MAX_LINE_BYTES = 1 << 20;

/** One line of output of arms/runtime/soak_fork.py. */
const eventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready') }),
  z.object({ event: z.literal('unsafe'), reason: z.string() }),
  z.object({ event: z.literal('forked'), id: z.string(), pid: z.number().int().min(2) }),
  z.object({ event: z.literal('failed'), id: z.string(), reason: z.string() }),
  z.object({ event: z.literal('stderr'), pid: z.number().int(), text: z.string() }),
  z.object({
    event: z.literal('exit'),
    pid: z.number().int(),
    code: z.number().int().nullable(),
    signal: z.number().int().nullable(),
  }),
]);

function signalName(number: number | null): NodeJS.Signals | null {
  const named = Object.entries(constants.signals).find(([, value]) => value === number);
  return named === undefined ? null : (named[0] as NodeJS.Signals);
}

/** A kernel that a launcher forked. */
class ForkedChild implements KernelChild {
  readonly launched = 'fork';
  readonly stderr = new OutputTail();
  readonly exited: Promise<KernelExit>;
  readonly pid: number;
  #exit: KernelExit | null = null;
  #lost: string | null = null;
  #ended: (exit: KernelExit) => void = () => {};

  constructor(pid: number) {
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  get lost(): string | null {
    return this.#lost;
  }

  close(): void {} // the launcher owns the streams

  end(exit: KernelExit, lost: string | null = null): void {
    if (this.#exit !== null) return;
    this.#exit = exit;
    this.#lost = lost;
    this.#ended(exit);
  }
}

/** The fault of a run whose kernel the launcher could not fork. The next run gets another launcher. */
export function launcherLost(why: string): RunFault {
  return new RunFault('launcher-lost', `The kernel could not be forked: ${why}.`, {
    remedy: DEADLINES['launcher-fork'].remedy,
    exitCode: EXIT_CODES.environment,
  });
}

interface Waiting {
  readonly forked: (child: ForkedChild) => void;
  readonly failed: (error: Error) => void;
}

/** A process that has imported ipykernel and an arm, and forks the kernels of that arm. POSIX only. */
export class ForkLauncher {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #reaper: Reaper;
  readonly #kernels = new Map<number, ForkedChild>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #words = new OutputTail();
  readonly #exited: Promise<void>;
  #settle: (unsafe: string | null) => void = () => {};
  #over: string | null = null;
  #stopping: Promise<void> | null = null;

  private constructor(child: ChildProcess, folder: string, reaper: Reaper) {
    this.#child = child;
    this.#folder = folder;
    this.#reaper = reaper;
    child.stderr?.on('data', (chunk: Buffer) => this.#words.push(chunk));
    child.stdin?.on('error', () => {}); // the launcher has ended: `exit` reports it
    if (child.stdout !== null) {
      readLines(child.stdout, MAX_LINE_BYTES, (line) => this.#hear(line));
    }
    this.#exited = new Promise((resolve) => {
      child.once('close', () => {
        this.#lose();
        resolve();
      });
    });
  }

  /**
   * Start a launcher and wait until it has imported everything.
   *
   * @returns the launcher, or the reason why the kernels of this arm must be spawned
   * @throws RunFault `launcher-lost` when somebody killed the launcher, which says nothing about the arm
   */
  static async start(command: ForkableCommand, reaper: Reaper): Promise<ForkLauncher | string> {
    const folder = reaper.makeFolder('soak-fork-');
    const config = join(folder, 'arm.json');
    await fileWithDeadline('make-folder', writeFile(config, JSON.stringify(command.arm), { mode: 0o600 }));
    const script = command.script ?? join(packageRoot(), 'arms', 'runtime', 'soak_fork.py');
    const child = spawn(command.python, [script, config], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: launchesDetached(process.platform),
      env: kernelEnvironmentVariables(process.env, {
        [RUN_VARIABLE]: folder,
        PYDEVD_DISABLE_FILE_VALIDATION: '1',
        ...command.variables,
      }),
    });
    await awaitSpawn(child);
    const launcher = new ForkLauncher(child, folder, reaper);
    reaper.hold(child.pid ?? -1, folder);
    const unsafe = await launcher.#ready();
    if (unsafe === null) return launcher;
    const isKilled = child.signalCode !== null;
    await launcher.stop();
    if (isKilled) throw launcherLost(unsafe);
    return unsafe;
  }

  /** Whether the launcher can still fork. */
  get isAlive(): boolean {
    return this.#over === null;
  }

  /**
   * Fork a kernel.
   *
   * @throws DeadlinePassed or RunFault `launcher-lost` when the launcher did not fork or has ended. Another
   *   launcher takes its place
   * @throws SoakError `cannot-fork` when the system refuses
   */
  fork(
    forkable: ForkableCommand,
    { cwd, variables }: Pick<KernelStart, 'cwd' | 'variables'>,
  ): Promise<KernelChild> {
    const id = randomUUID();
    const request = {
      id,
      config: forkable.configPath,
      arguments: forkable.arguments,
      cwd,
      variables: { ...variables, ...forkable.variables },
    };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const passed = new DeadlinePassed('launcher-fork', undefined);
        // The launcher may be stopped. It would not fork the next kernel either.
        this.#over ??= passed.message;
        settled(() => reject(passed));
      }, deadlineMs('launcher-fork'));
      const settled = (how: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        how();
      };
      if (this.#over !== null) {
        settled(() => reject(launcherLost(this.#over ?? '')));
        return;
      }
      this.#waiting.set(id, {
        forked: (child) => settled(() => resolve(child)),
        failed: (error) => settled(() => reject(error)),
      });
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  /**
   * End the launcher and its remaining kernels.
   *
   * @throws DeadlinePassed when the launcher cannot be ended. The reaper then tries
   */
  stop(): Promise<void> {
    // Only once: later, the launcher's PID may belong to another process.
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#over ??= 'the launcher was stopped';
    const { pid } = this.#child;
    if (pid !== undefined) await killRun(pid, this.#folder);
    for (const kernel of this.#kernels.keys()) await killTree(kernel);
    await withDeadline('launcher-exit', this.#exited);
    await killMarked(this.#folder);
    if (pid !== undefined) await this.#reaper.removeFolderOf(pid, this.#folder);
  }

  #ready(): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => resolve('importing ipykernel took too long'),
        deadlineMs('launcher-ready'),
      );
      this.#settle = (unsafe) => {
        clearTimeout(timer);
        resolve(unsafe);
      };
    });
  }

  #hear(line: string): void {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return; // a module printed this while it was imported
    }
    const parsed = eventSchema.safeParse(json);
    if (!parsed.success) return;
    const event = parsed.data;
    switch (event.event) {
      case 'ready':
        this.#settle(null);
        break;
      case 'unsafe':
        this.#settle(event.reason);
        break;
      case 'forked': {
        const child = new ForkedChild(event.pid);
        this.#kernels.set(event.pid, child);
        const waiting = this.#waiting.get(event.id);
        // The caller has given up on this kernel, so nobody else would end it.
        if (waiting === undefined) void killTree(event.pid);
        waiting?.forked(child);
        break;
      }
      case 'failed':
        this.#waiting.get(event.id)?.failed(
          new SoakError('cannot-fork', `The launcher could not fork a kernel: ${event.reason}.`, {
            remedy: DEADLINES['launcher-fork'].remedy,
            exitCode: EXIT_CODES.environment,
          }),
        );
        break;
      case 'stderr':
        this.#kernels.get(event.pid)?.stderr.push(Buffer.from(event.text));
        break;
      case 'exit':
        this.#kernels.get(event.pid)?.end({ code: event.code, signal: signalName(event.signal) });
        this.#kernels.delete(event.pid);
        break;
    }
  }

  /**
   * The launcher has ended, so nobody can report how its kernels end. Kernels that still live notice this and
   * end too.
   */
  #lose(): void {
    this.#over ??= `the launcher ended: ${this.#words.text().trim().slice(-500) || 'it said nothing'}`;
    this.#settle(this.#over);
    for (const { failed } of this.#waiting.values()) failed(launcherLost(this.#over));
    for (const child of this.#kernels.values()) {
      child.end({ code: null, signal: null }, 'the process that had forked the kernel ended');
    }
  }
}
