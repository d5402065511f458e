import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../model/package-root.ts';
import { publicText } from '../model/public-text.ts';
import type { ChannelsMaker } from '../transport/channels.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { FreshPeer, type ShellPeer } from '../transport/fresh-peer.ts';
import { createCounterFile } from './counters.ts';
import type { KernelEnvironment } from './environment/index.ts';
import { OutputTail } from './output-tail.ts';
import type { Overlay } from './overlay.ts';
import { allocatePorts, type KernelPorts, releasePorts } from './ports.ts';
import { kernelEnvironmentVariables, killTree, launchesDetached } from './process-tree.ts';
import type { Reaper } from './reaper.ts';
import type { SourceHashes } from './source-files.ts';

/** How a kernel process ended; both `null` while it lives. */
export interface KernelExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a kernel says it is (arms/runtime/soak_identity.py). */
export interface KernelIdentity {
  readonly sources: SourceHashes;
  readonly ipykernel: string;
  readonly python: string;
  readonly pyzmq: string;
  readonly libzmq: string;
  /** Class of the loop that serves the shell channel. */
  readonly eventLoop: string;
  /** Class of the main thread's loop; `null` elsewhere than on Windows. */
  readonly mainLoop: string | null;
  readonly pid: number;
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
  /** Whether it may be a kernel that does not serve the control channel, as some do not. */
  readonly mayLackControl?: boolean;
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
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<KernelExit>;
  /** How it ended, `null` while it lives. */
  readonly exit: KernelExit | null;
  /** Another peer of its shell channel, which connects at once. */
  shellPeer(): ShellPeer;
  /** Last part of what it wrote to standard error, fit to be published. */
  stderrTail(): string;
  /** What the kernel says it loaded; `null` where there is no runtime or it has not said yet. */
  identity(): KernelIdentity | null;
  /** Interrupt as `interrupt_mode: signal` does. */
  interrupt(): void;
  /** End it with everything below it. Its folder stays until `removeFolder`, so that counters can be read. */
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
}

/** A kernel process, its private folder and its connection. */
export class KernelProcess implements RunningKernel {
  readonly connection: ConnectionInfo;
  readonly folder: string;
  readonly command: KernelCommand;
  readonly pid: number;
  /** Resolves when the process has ended and what it wrote to standard error is in `stderrTail`. */
  readonly exited: Promise<KernelExit>;
  #exit: KernelExit | null = null;
  readonly #child: ChildProcess;
  readonly #ports: KernelPorts;
  readonly #reaper: Reaper;
  readonly #stderr: OutputTail;

  constructor(parts: {
    child: ChildProcess;
    connection: ConnectionInfo;
    folder: string;
    command: KernelCommand;
    ports: KernelPorts;
    reaper: Reaper;
  }) {
    this.#child = parts.child;
    this.connection = parts.connection;
    this.folder = parts.folder;
    this.command = parts.command;
    this.pid = parts.child.pid ?? -1;
    this.#ports = parts.ports;
    this.#reaper = parts.reaper;
    this.#stderr = new OutputTail();
    parts.child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    // What a kernel or notebook prints to its own stdout is drained and dropped: a full pipe would
    // stop the kernel, and that would be our doing.
    parts.child.stdout?.resume();
    this.exited = new Promise((resolve) => {
      parts.child.once('exit', (code, signal) => {
        const exit = { code, signal };
        this.#exit = exit;
        // Its last words, by which a taken port is told from a broken kernel, may still be in the pipe.
        // A child of its own that holds the pipe open must not hold the run.
        const timer = setTimeout(() => resolve(exit), LAST_WORDS_MS);
        parts.child.once('close', () => {
          clearTimeout(timer);
          resolve(exit);
        });
      });
    });
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  get way(): ConnectionInfo {
    return this.connection;
  }

  shellPeer(): ShellPeer {
    return new FreshPeer(this.connection);
  }

  stderrTail(): string {
    return publicText(this.#stderr.text());
  }

  identity(): KernelIdentity | null {
    return readIdentity(this.command);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  async dispose(): Promise<void> {
    await killTree(this.pid);
    await this.exited;
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    releasePorts(this.#ports);
  }

  /** Remove the private folder and let the reaper forget the process; after `dispose`. */
  async removeFolder(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    this.#reaper.release(this.pid);
  }
}

/** What a kernel says it loaded; `null` where there is no runtime or it has not said yet. */
export function readIdentity({ identityPath }: KernelCommand): KernelIdentity | null {
  if (identityPath === null) return null;
  try {
    return JSON.parse(readFileSync(identityPath, 'utf8')) as KernelIdentity;
  } catch {
    return null;
  }
}

/** A kernel's own variables: what it and the notebook write for a while goes with the run's folder. */
export async function runVariables(
  folder: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  return {
    IPYTHONDIR: join(folder, 'ipython'),
    TMPDIR: temporary,
    TEMP: temporary,
    TMP: temporary,
    PYDEVD_DISABLE_FILE_VALIDATION: '1',
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
    };
  };
}

/** What starts a kernel with the runtime: `soak_kernel.py CONFIG -f CONNECTION_FILE`. */
export function runtimeScript(): string {
  return join(packageRoot(), 'arms', 'runtime', 'soak_kernel.py');
}

/** What the runtime must know of an arm, besides where a kernel's counters and identity go. */
export function runtimeConfig({ arm, folder, packages, site }: Overlay): Readonly<Record<string, unknown>> {
  return {
    overlay: folder,
    packages,
    folders: site?.folders ?? {},
    eventLoop: arm.manifest.eventLoop ?? null,
    needsStream: arm.manifest.needsStream,
  };
}

/**
 * Start a kernel: private folder (0700), connection file (0600, 256-bit key), its own process group,
 * registered with the reaper at once. Returns as soon as the process exists; readiness is the
 * handshake's matter.
 *
 * @throws Error of `spawn` when the program cannot be started at all
 */
export async function launchKernel(options: LaunchOptions): Promise<KernelProcess> {
  const ports = await allocatePorts();
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  try {
    const connection: ConnectionInfo = {
      transport: 'tcp',
      ip: '127.0.0.1',
      key: randomBytes(32).toString('hex'),
      signature_scheme: 'hmac-sha256',
      shell_port: ports.shell,
      iopub_port: ports.iopub,
      stdin_port: ports.stdin,
      control_port: ports.control,
      hb_port: ports.hb,
      kernel_name: 'kernel-soak',
    };
    const connectionFile = join(folder, 'connection.json');
    writeFileSync(connectionFile, JSON.stringify(connection), { mode: 0o600, flag: 'wx' });
    const command = options.makeCommand(folder, connectionFile);
    const [file, ...args] = command.argv;
    const child = spawn(file, args, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: launchesDetached(process.platform),
      windowsHide: true,
      env: kernelEnvironmentVariables(process.env, {
        ...(process.platform === 'win32'
          ? { KERNEL_SOAK_PARENT_PID: String(process.pid) }
          : { JPY_PARENT_PID: String(process.pid) }),
        ...(await runVariables(folder, options.variables)),
        ...command.variables,
      }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const kernel = new KernelProcess({ child, connection, folder, command, ports, reaper: options.reaper });
    options.reaper.hold(kernel.pid, folder);
    return kernel;
  } catch (error) {
    releasePorts(ports);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
