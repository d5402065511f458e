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
  interruptGroup,
  kernelEnvironmentVariables,
  killMarked,
  killRun,
  killTree,
  launchesDetached,
  temporaryVariables,
} from './process-tree.ts';
import type { Reaper } from './reaper.ts';

/** How a kernel process ended. Both fields are `null` while the process lives. */
export interface KernelExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The command that starts a kernel in a run's folder. */
export interface KernelCommand {
  readonly argv: readonly [string, ...string[]];
  /** Path of the counter file in the run's folder. `null`: the kernel has no runtime. */
  readonly countersPath: string | null;
  readonly identityPath: string | null;
  /** Variables that the kernel gets besides the allow-list. They override the variables of a run. */
  readonly variables?: Readonly<Record<string, string>>;
  /** How a client interrupts the kernel. Default: by signal; on Windows by message. */
  readonly interruptMode?: 'signal' | 'message';
  /** Name of the kernelspec that a given server launches instead of `argv`. */
  readonly kernelspec?: string;
  /** What a launcher needs to fork such kernels. Absent: the kernels are spawned. */
  readonly forkable?: ForkableCommand;
  /** The arm's own launch method. Default: the experiment's. */
  readonly launch?: LaunchMethod;
  /** Whether the kernel may lack the control channel, as some kernels do. */
  readonly mayLackControl?: boolean;
}

/** A kernel of an arm with the runtime. A process that has imported the arm can fork it. */
export interface ForkableCommand {
  readonly python: string;
  /** The program that forks. Default: that of the runtime. */
  readonly script?: string;
  /** The arm's configuration for the runtime, the same for all kernels of the arm. */
  readonly arm: Readonly<Record<string, unknown>>;
  /** Variables of every kernel of the arm. Modules may read them when they are imported. */
  readonly variables: Readonly<Record<string, string>>;
  /** Path of the run's own configuration. */
  readonly configPath: string;
  readonly arguments: readonly string[];
}

/** Makes the command. The private folder and the connection file exist by then. */
export type KernelCommandMaker = (folder: string, connectionFile: string) => KernelCommand;

const LAST_WORDS_MS = 200;

/** The kernel of a run, whatever launched it. */
export interface RunningKernel {
  /** The kernel's own sockets. `null`: the kernel is on another machine, and only its server reaches it. */
  readonly connection: ConnectionInfo | null;
  /** How the front end reaches the kernel: through the kernel's own sockets or through a server. */
  readonly way: ConnectionInfo | ChannelsMaker;
  readonly command: KernelCommand;
  /**
   * PID of the process that was started, which leads its group. It is the kernel or the kernel's launcher.
   */
  readonly pid: number;
  /**
   * PID of the kernel as the kernel reports it. `null`: not reported yet. Absent: it never reports one
   * (`kernelSample`).
   */
  readonly ownPid?: number | null;
  /** Resolves when the process has ended. */
  readonly exited: Promise<KernelExit>;
  /** How the process ended. `null`: it lives. */
  readonly exit: KernelExit | null;
  /** Whether the kernel was spawned or forked. Absent: it is not a process of the harness. */
  readonly launched?: LaunchMethod;
  /** Why the kernel was lost: its launcher or its server ended first. This says nothing about the kernel. */
  readonly lost?: string | null;
  /** Opens another peer of the kernel's shell channel. The peer connects at once. */
  shellPeer(): ShellPeer;
  /** The end of the kernel's standard error, fit to be published. */
  stderrTail(): string;
  /** The end of the kernel's standard output, fit to be published. Absent: the harness cannot read it. */
  stdoutTail?(): string;
  /** What the kernel reports that it loaded. `null`: it has no runtime, or it has not reported yet. */
  identity(): KernelIdentity | null;
  /**
   * Interrupt the kernel by SIGINT to its process group, as jupyter_client does, or through its server. Resolves when the
   * signal was sent, or when the server has answered. Rejects where the process is gone, or the server refuses.
   */
  interrupt(): Promise<void>;
  /**
   * End the kernel and everything below it. The folder stays until `removeFolder`, so that the counters can
   * still be read.
   *
   * @throws DeadlinePassed when the kernel cannot be ended. The reaper then tries, and the ports stay taken
   */
  dispose(): Promise<void>;
  /** Remove the private folder. Call `dispose` first. */
  removeFolder(): Promise<void>;
}

/** What `launchKernel` needs to start a kernel. */
export interface LaunchOptions {
  readonly makeCommand: KernelCommandMaker;
  /** Working folder of the notebook. */
  readonly cwd: string;
  /** Sources of the cells that a run executes, for a server that executes them itself. Default: none. */
  readonly cells?: readonly string[];
  readonly reaper: Reaper;
  readonly variables?: Readonly<Record<string, string>>;
  /** Default: unencrypted TCP on loopback. */
  readonly sockets?: Sockets | undefined;
  /**
   * Whether the processes that the kernel started outlive it, as they do under a Jupyter client. Default: no,
   * everything ends with the kernel.
   */
  readonly leavesProcesses?: boolean;
}

/** The process of a kernel, spawned or forked. */
export interface KernelChild {
  readonly pid: number;
  /** Resolves when the process has ended and its standard error has been read. */
  readonly exited: Promise<KernelExit>;
  /** How the process ended. `null`: it lives. */
  readonly exit: KernelExit | null;
  /** Whether it was spawned or forked. */
  readonly launched: LaunchMethod;
  /** Why the kernel was lost: its launcher ended first. This says nothing about the kernel. */
  readonly lost: string | null;
  readonly stderr: OutputTail;
  /** Absent: the harness cannot read it. */
  readonly stdout?: OutputTail;
  /** Send SIGINT. */
  /** Close the streams of a process that has ended. */
  close(): void;
}

/** What a starter needs. The run's folder and the connection file exist by then. */
export interface KernelStart {
  readonly command: KernelCommand;
  readonly cwd: string;
  /** The run's own variables, besides the allow-list. */
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

  async interrupt(): Promise<void> {
    interruptGroup(this.pid);
  }

  async dispose(): Promise<void> {
    if (this.#leavesProcesses) {
      // If a kernel ended on request, its group stays, whatever is in it. jupyter_client does the same.
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

  /** Remove the private folder and make the reaper forget the process. Call `dispose` first. */
  async removeFolder(): Promise<void> {
    await this.#reaper.removeFolderOf(this.pid, this.folder);
  }
}

/** A kernel in a process of its own that was spawned for it. */
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
    // The kernel's standard output is read all the time, and its end is kept. Otherwise the pipe would fill
    // and block the kernel, and the harness would be the cause.
    child.stdout?.on('data', (chunk: Buffer) => this.stdout.push(chunk));
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const exit = { code, signal };
        this.#exit = exit;
        // The kernel's last words may still be in the pipe. They tell a taken port from a broken kernel. A
        // child of the kernel may hold the pipe open: it must not delay the run.
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

  close(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

/**
 * Spawns a kernel.
 *
 * @throws Error of `spawn` when the program cannot be started at all
 */
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

/**
 * The variables of a run's kernel. Temporary files of the kernel and the notebook go into the run's folder,
 * which the harness removes.
 */
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
 * Makes the command of an arm's ipykernel, with the arm's arguments and variables. The command starts the
 * runtime with the overlay; a bare arm runs the plain module.
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

/** The script that starts a kernel with the runtime: `soak_kernel.py CONFIG -f CONNECTION_FILE`. */
export function runtimeScript(): string {
  return join(packageRoot(), 'arms', 'runtime', 'soak_kernel.py');
}

/** The arm's configuration for the runtime, without the paths of a kernel's counters and identity. */
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
 * Start a kernel. It gets a private folder (0700), a connection file (0600, a key of 256 bits, and CurveZMQ
 * keys if it is to be encrypted) and its own process group. It is registered with the reaper at once. This
 * returns as soon as the process exists: the handshake finds out when the kernel is ready.
 *
 * @param start starts the kernel's process
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
    // Such a kernel gets no run mark, which would let the harness find and end its processes anywhere. It
    // also uses the user's own folders.
    const variables = leavesProcesses
      ? { PYDEVD_DISABLE_FILE_VALIDATION: '1', ...options.variables }
      : await runVariables(folder, options.variables);
    const child = await start({ command, cwd, variables });
    const kernel = new KernelProcess({ child, connection, folder, command, ports, reaper, leavesProcesses });
    options.reaper.hold(kernel.pid, folder);
    return kernel;
  } catch (error) {
    if (ports !== null) releasePorts(ports);
    // If the launcher ended while it forked this kernel, the kernel would make its folder again.
    await killMarked(folder);
    await options.reaper.removeFolder(folder);
    throw isUnwritable(error) ? noTemporaryFolder(dirname(folder), error) : error;
  }
}
