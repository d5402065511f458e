import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileWithDeadline } from '../model/deadlines.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicText } from '../model/public-text.ts';
import type { Sockets } from '../model/sockets.ts';
import type { ChannelsMaker } from '../transport/channels.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { FreshPeer, type ShellPeer } from '../transport/fresh-peer.ts';
import { connectionInfo } from './connection-file.ts';
import { createCounterFile } from './counters.ts';
import type { KernelEnvironment } from './environment/index.ts';
import { type KernelIdentity, readIdentity, readOwnPid } from './kernel-identity.ts';
import { RUN_VARIABLE } from './marked-processes.ts';
import { OutputTail } from './output-tail.ts';
import type { Overlay } from './overlay.ts';
import { allocatePorts, type KernelPorts, releasePorts } from './ports.ts';
import { isUnwritable, noTemporaryFolder } from './private-folder.ts';
import {
  awaitEnd,
  awaitSpawn,
  kernelEnvironmentVariables,
  killMarked,
  killRun,
  killTree,
  launchesDetached,
  temporaryVariables,
} from './process-tree.ts';
import type { Reaper } from './reaper.ts';

/** How a kernel process ended; both `null` while it lives. */
export interface KernelExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to run in a run's folder. */
export interface KernelCommand {
  readonly argv: readonly [string, ...string[]];
  /** Counters in the run's folder, `null` for kernels without the runtime. */
  readonly countersPath: string | null;
  readonly identityPath: string | null;
  /** Variables of the kernel's own, beyond the allow-list and over what a run sets. */
  readonly variables?: Readonly<Record<string, string>>;
  /** How it is interrupted; absent: by signal, on Windows by message. */
  readonly interruptMode?: 'signal' | 'message';
  /** Name of the kernelspec that a server which is there already launches, instead of `argv`. */
  readonly kernelspec?: string;
  /** What a process that forks such kernels is made from; absent: they are spawned. */
  readonly forkable?: ForkableCommand;
  /** How the arm wants it launched; absent: as the experiment does. */
  readonly launch?: LaunchMethod;
  /** Whether it may be a kernel that does not serve the control channel, as some do not. */
  readonly mayLackControl?: boolean;
}

/** A kernel of an arm with the runtime, as a process that has imported the arm can fork it. */
export interface ForkableCommand {
  readonly python: string;
  /** What the runtime must know of the arm, the same for all its kernels. */
  readonly arm: Readonly<Record<string, unknown>>;
  /** Variables of every kernel of the arm, which may matter when modules are imported. */
  readonly variables: Readonly<Record<string, string>>;
  /** The run's own configuration. */
  readonly configPath: string;
  readonly arguments: readonly string[];
}

/** Makes the command once the private folder and the connection file are there. */
export type KernelCommandMaker = (folder: string, connectionFile: string) => KernelCommand;

const LAST_WORDS_MS = 200;

/** A kernel that a run has, however it was launched. */
export interface RunningKernel {
  /** Its own sockets; `null` where it is on a machine that only its server reaches. */
  readonly connection: ConnectionInfo | null;
  /** How the front end gets to it: by its own sockets, or through a server. */
  readonly way: ConnectionInfo | ChannelsMaker;
  readonly command: KernelCommand;
  /** The process that was started, with all of its group: the kernel, or what launches it. */
  readonly pid: number;
  /** The process that runs the kernel, by its own word; `null`: not said yet. Absent: it never says (`kernelSample`). */
  readonly ownPid?: number | null;
  /** Resolves when the process has ended. */
  readonly exited: Promise<KernelExit>;
  /** How it ended, `null` while it lives. */
  readonly exit: KernelExit | null;
  /** Whether it was spawned or forked, where it is a process of the harness. */
  readonly launched?: LaunchMethod;
  /** Set when it ended because what launched it had: nothing is then said of the kernel. */
  readonly lost?: string | null;
  /** Another peer of its shell channel, which connects at once. */
  shellPeer(): ShellPeer;
  /** Last part of what it wrote to standard error, fit to be published. */
  stderrTail(): string;
  /** The same of its standard output; absent where it is not the harness's to read. */
  stdoutTail?(): string;
  /** What the kernel says it loaded; `null` where there is no runtime or it has not said yet. */
  identity(): KernelIdentity | null;
  /** Interrupt as `interrupt_mode: signal` does. */
  interrupt(): void;
  /**
   * End it with everything below it. Its folder stays until `removeFolder`, so that counters can be read.
   *
   * @throws DeadlinePassed when it cannot be ended: it is then the reaper's, and its ports stay taken
   */
  dispose(): Promise<void>;
  /** Remove the private folder; after `dispose`. */
  removeFolder(): Promise<void>;
}

/** What a kernel is launched from. */
export interface LaunchOptions {
  readonly makeCommand: KernelCommandMaker;
  /** Folder that the notebook runs in. */
  readonly cwd: string;
  readonly reaper: Reaper;
  readonly variables?: Readonly<Record<string, string>>;
  /** Absent: TCP on loopback, in the clear. */
  readonly sockets?: Sockets | undefined;
  /** Whether what the kernel started outlives it as under a Jupyter client; absent: everything ends with it. */
  readonly leavesProcesses?: boolean;
}

/** A kernel's process, however it came about. */
export interface KernelChild {
  readonly pid: number;
  /** Resolves when the process has ended and what it wrote to standard error has been read. */
  readonly exited: Promise<KernelExit>;
  /** How it ended, `null` while it lives. */
  readonly exit: KernelExit | null;
  /** Whether it was spawned or forked. */
  readonly launched: LaunchMethod;
  /** Set when it ended because what launched it had: nothing is then said of the kernel. */
  readonly lost: string | null;
  readonly stderr: OutputTail;
  /** Absent where it is not the harness's to read. */
  readonly stdout?: OutputTail;
  /** Send SIGINT. */
  interrupt(): void;
  /** Let go of its streams, once it has ended. */
  close(): void;
}

/** What a process is started with, its folder and connection file there. */
export interface KernelStart {
  readonly command: KernelCommand;
  readonly cwd: string;
  /** A run's own variables, beyond the allow-list. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Starts the process of a kernel. */
export type KernelStarter = (start: KernelStart) => Promise<KernelChild>;

/** A kernel process, its private folder and its connection. */
export class KernelProcess implements RunningKernel {
  readonly connection: ConnectionInfo;
  readonly folder: string;
  readonly command: KernelCommand;
  readonly exited: Promise<KernelExit>;
  readonly #child: KernelChild;
  #ownPid: number | null = null;
  readonly #ports: KernelPorts | null;
  readonly #reaper: Reaper;
  readonly #leavesProcesses: boolean;

  constructor(parts: {
    child: KernelChild;
    connection: ConnectionInfo;
    folder: string;
    command: KernelCommand;
    ports: KernelPorts | null;
    reaper: Reaper;
    leavesProcesses: boolean;
  }) {
    this.#child = parts.child;
    this.connection = parts.connection;
    this.folder = parts.folder;
    this.command = parts.command;
    this.exited = parts.child.exited;
    this.#ports = parts.ports;
    this.#reaper = parts.reaper;
    this.#leavesProcesses = parts.leavesProcesses;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ownPid(): number | null {
    this.#ownPid ??= readOwnPid(this.command.identityPath);
    return this.#ownPid;
  }

  get exit(): KernelExit | null {
    return this.#child.exit;
  }

  get launched(): LaunchMethod {
    return this.#child.launched;
  }

  get lost(): string | null {
    return this.#child.lost;
  }

  get way(): ConnectionInfo {
    return this.connection;
  }

  shellPeer(): ShellPeer {
    return new FreshPeer(this.connection);
  }

  stderrTail(): string {
    return publicText(this.#child.stderr.text());
  }

  stdoutTail(): string {
    return publicText(this.#child.stdout?.text() ?? '');
  }

  identity(): KernelIdentity | null {
    return readIdentity(this.command.identityPath);
  }

  interrupt(): void {
    this.#child.interrupt();
  }

  async dispose(): Promise<void> {
    if (this.#leavesProcesses) {
      // A kernel that went on request leaves its group behind, whatever is in it, as under jupyter_client.
      if (this.exit === null) await killTree(this.pid);
      await awaitEnd(this.pid, this.exited);
    } else {
      await killRun(this.pid, this.folder);
      await awaitEnd(this.pid, this.exited);
      await killMarked(this.folder);
    }
    this.#child.close();
    if (this.#ports !== null) releasePorts(this.#ports);
  }

  /** Remove the private folder and let the reaper forget the process; after `dispose`. */
  async removeFolder(): Promise<void> {
    await this.#reaper.removeFolderOf(this.pid, this.folder);
  }
}

/** A kernel in a process that was spawned for it. */
class SpawnedChild implements KernelChild {
  readonly launched = 'spawn';
  readonly lost = null;
  readonly pid: number;
  readonly stderr = new OutputTail();
  readonly stdout = new OutputTail();
  readonly exited: Promise<KernelExit>;
  readonly #child: ChildProcess;
  #exit: KernelExit | null = null;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? -1;
    child.stderr?.on('data', (chunk: Buffer) => this.stderr.push(chunk));
    // What a kernel or notebook prints to its own stdout is drained, and its end is kept: a full pipe would
    // stop the kernel, and that would be our doing.
    child.stdout?.on('data', (chunk: Buffer) => this.stdout.push(chunk));
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const exit = { code, signal };
        this.#exit = exit;
        // Its last words, by which a taken port is told from a broken kernel, may still be in the pipe.
        // A child of its own that holds the pipe open must not hold the run.
        const timer = setTimeout(() => resolve(exit), LAST_WORDS_MS);
        child.once('close', () => {
          clearTimeout(timer);
          resolve(exit);
        });
      });
    });
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  close(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

/** @throws Error of `spawn` when the program cannot be started at all */
export const spawnKernel: KernelStarter = async ({ command, cwd, variables }) => {
  const [file, ...args] = command.argv;
  const child = spawn(file, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: launchesDetached(process.platform),
    windowsHide: true,
    env: kernelEnvironmentVariables(process.env, {
      ...(process.platform === 'win32'
        ? { KERNEL_SOAK_PARENT_PID: String(process.pid) }
        : { JPY_PARENT_PID: String(process.pid) }),
      ...variables,
      ...command.variables,
    }),
  });
  await awaitSpawn(child);
  return new SpawnedChild(child);
};

/** A kernel's own variables: what it and the notebook write for a while goes with the run's folder. */
export async function runVariables(
  folder: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const temporary = join(folder, 'tmp');
  await fileWithDeadline('make-folder', mkdir(temporary));
  return {
    [RUN_VARIABLE]: folder,
    IPYTHONDIR: join(folder, 'ipython'),
    ...temporaryVariables(temporary),
    ...variables,
  };
}

/**
 * ipykernel under an arm: the runtime with the overlay, or the plain module for a bare arm, with the arm's
 * arguments and variables.
 */
export function armCommand(
  environment: Pick<KernelEnvironment, 'python' | 'matplotlibConfigDir'>,
  overlay: Overlay,
): KernelCommandMaker {
  const { python, matplotlibConfigDir } = environment;
  const { manifest } = overlay.arm;
  const variables = {
    ...(matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: matplotlibConfigDir }),
    ...manifest.variables,
  };
  return (folder, connectionFile) => {
    const kernelArguments = ['-f', connectionFile, ...manifest.arguments];
    if (overlay.folder === null) {
      return {
        argv: [python, '-m', 'ipykernel_launcher', ...kernelArguments],
        countersPath: null,
        identityPath: null,
        variables,
      };
    }
    const countersPath = join(folder, 'counters.bin');
    const identityPath = join(folder, 'identity.json');
    const configPath = join(folder, 'runtime.json');
    createCounterFile(countersPath);
    const config = { ...runtimeConfig(overlay), counters: countersPath, identity: identityPath };
    writeFileSync(configPath, JSON.stringify(config), { mode: 0o600 });
    return {
      argv: [python, runtimeScript(), configPath, ...kernelArguments],
      countersPath,
      identityPath,
      variables,
      forkable: { python, arm: runtimeConfig(overlay), variables, configPath, arguments: kernelArguments },
      ...(manifest.launch === undefined ? {} : { launch: manifest.launch }),
    };
  };
}

/** What starts a kernel with the runtime: `soak_kernel.py CONFIG -f CONNECTION_FILE`. */
export function runtimeScript(): string {
  return join(packageRoot(), 'arms', 'runtime', 'soak_kernel.py');
}

/** What the runtime must know of an arm, besides where a kernel's counters and identity go. */
export function runtimeConfig({
  arm,
  folder,
  packages,
  site,
  marks,
}: Overlay): Readonly<Record<string, unknown>> {
  return {
    overlay: folder,
    packages,
    folders: site?.folders ?? {},
    eventLoop: arm.manifest.eventLoop ?? null,
    needsStream: arm.manifest.needsStream,
    marks: marks.length,
  };
}

/**
 * Start a kernel: private folder (0700), connection file (0600, 256-bit key, CurveZMQ keys where it is to be
 * encrypted), its own process group, registered with the reaper at once. Returns as soon as the process exists;
 * readiness is the handshake's matter.
 *
 * @param start how its process comes about
 * @throws Error of `start` when the program cannot be started at all
 * @throws SoakError `socket-path-too-long`, `no-temporary-folder`
 */
export async function launchKernel(
  options: LaunchOptions,
  start: KernelStarter = spawnKernel,
): Promise<KernelProcess> {
  const { sockets = {} } = options;
  const ports = sockets.transport === 'ipc' ? null : await allocatePorts();
  const folder = options.reaper.makeFolder('soak-');
  try {
    const connection = connectionInfo(folder, ports, sockets);
    const connectionFile = join(folder, 'connection.json');
    writeFileSync(connectionFile, JSON.stringify(connection), { mode: 0o600, flag: 'wx' });
    const command = options.makeCommand(folder, connectionFile);
    const { cwd, reaper, leavesProcesses = false } = options;
    // Without the mark by which a run's processes are found wherever they went, and in the user's own folders.
    const variables = leavesProcesses
      ? { PYDEVD_DISABLE_FILE_VALIDATION: '1', ...options.variables }
      : await runVariables(folder, options.variables);
    const child = await start({ command, cwd, variables });
    const kernel = new KernelProcess({ child, connection, folder, command, ports, reaper, leavesProcesses });
    options.reaper.hold(kernel.pid, folder);
    return kernel;
  } catch (error) {
    if (ports !== null) releasePorts(ports);
    // A kernel that was forked as its launcher ended would make its folder anew.
    await killMarked(folder);
    await options.reaper.removeFolder(folder);
    throw isUnwritable(error) ? noTemporaryFolder(dirname(folder), error) : error;
  }
}
