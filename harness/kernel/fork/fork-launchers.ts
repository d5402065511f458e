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

/** Launches the kernels of an experiment. It spawns them, or one launcher per arm forks them. */
export class ForkLaunchers {
  readonly #method: LaunchMethod;
  readonly #platform: NodeJS.Platform;
  readonly #reaper: Reaper;
  readonly #onSpawned: (why: string) => void;
  readonly #launchers = new Map<string, Promise<ForkLauncher | string>>();
  /**
   * Arms that have had a launcher. Their kernels are never spawned: all kernels of an arm start the same way.
   */
  readonly #forkable = new Set<string>();
  readonly #said = new Set<string>();

  /**
   * @param method launch method for arms that set none
   * @param onSpawned called once with each reason why kernels are spawned although they should be forked
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
      const launcher = await started.catch(() => null); // the launch that asked for it reported the error
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
        // The launcher may have forked a kernel just before it ended, and told nobody. That kernel must end
        // too.
        if (!launcher.isAlive) await launcher.stop().catch(leaveToReaper);
        throw error;
      });
    }
    const why = String(launcher);
    if (!this.#said.has(why)) this.#onSpawned(why);
    this.#said.add(why);
    return spawnKernel(start);
  };

  /**
   * The arm's launcher, or a new one if it has ended. Callers that ask meanwhile wait for the same launcher.
   */
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
