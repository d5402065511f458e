import { canonicalJson } from '../../model/canonical.ts';
import { DeadlinePassed } from '../../model/deadlines.ts';
import type { LaunchMethod } from '../../model/launch-method.ts';
import {
  type ForkableCommand,
  type KernelStarter,
  type LaunchOptions,
  launchKernel,
  type RunningKernel,
  spawnKernel,
} from '../launch.ts';
import type { Reaper } from '../reaper.ts';
import { ForkLauncher, launcherLost } from './fork-launcher.ts';

/** Launches the kernels of an experiment: spawned, or forked by a launcher for each arm. */
export class ForkLaunchers {
  readonly #method: LaunchMethod;
  readonly #platform: NodeJS.Platform;
  readonly #reaper: Reaper;
  readonly #onSpawned: (why: string) => void;
  readonly #launchers = new Map<string, Promise<ForkLauncher | string>>();
  /** Arms that have had a launcher: their kernels are never spawned, for an arm has one kind of kernels. */
  readonly #forkable = new Set<string>();
  readonly #said = new Set<string>();

  /**
   * @param method of arms that do not say how
   * @param onSpawned told once of each reason why kernels are spawned that were to be forked
   */
  constructor(parts: {
    method: LaunchMethod;
    reaper: Reaper;
    onSpawned: (why: string) => void;
    platform?: NodeJS.Platform;
  }) {
    this.#method = parts.method;
    this.#reaper = parts.reaper;
    this.#onSpawned = parts.onSpawned;
    this.#platform = parts.platform ?? process.platform;
  }

  launch(options: LaunchOptions): Promise<RunningKernel> {
    return launchKernel(options, this.#start);
  }

  async stop(): Promise<void> {
    for (const started of this.#launchers.values()) {
      const launcher = await started.catch(() => null); // said by the launch that asked for it
      if (launcher instanceof ForkLauncher) await launcher.stop().catch(leaveToReaper);
    }
  }

  readonly #start: KernelStarter = async (start) => {
    const { command } = start;
    if ((command.launch ?? this.#method) === 'spawn') return spawnKernel(start);
    const launcher =
      this.#platform === 'win32'
        ? 'Windows has no fork'
        : command.forkable === undefined
          ? 'nothing of it is there to be imported before'
          : await this.#launcherOf(command.forkable);
    if (typeof launcher !== 'string' && command.forkable !== undefined) {
      return launcher.fork(command.forkable, start).catch(async (error: unknown) => {
        // A kernel that it forked as its last deed, and nobody was told of, goes with it.
        if (!launcher.isAlive) await launcher.stop().catch(leaveToReaper);
        throw error;
      });
    }
    const why = String(launcher);
    if (!this.#said.has(why)) this.#onSpawned(why);
    this.#said.add(why);
    return spawnKernel(start);
  };

  /** The arm's launcher, in the place of one that has ended; whoever asks meanwhile waits for the same one. */
  #launcherOf(command: ForkableCommand): Promise<ForkLauncher | string> {
    const key = canonicalJson([command.python, command.arm, command.variables]);
    const known = this.#launchers.get(key);
    const launcher = this.#living(key, known, command);
    this.#launchers.set(key, launcher);
    return launcher;
  }

  async #living(
    key: string,
    known: Promise<ForkLauncher | string> | undefined,
    command: ForkableCommand,
  ): Promise<ForkLauncher | string> {
    const launcher = await known?.catch(() => undefined);
    if (typeof launcher === 'string' || launcher?.isAlive === true) return launcher;
    await launcher?.stop().catch(leaveToReaper);
    const started = await ForkLauncher.start(command, this.#reaper);
    if (typeof started !== 'string') this.#forkable.add(key);
    else if (this.#forkable.has(key)) throw launcherLost(started);
    return started;
  }
}

function leaveToReaper(error: unknown): void {
  if (!(error instanceof DeadlinePassed)) throw error;
}
