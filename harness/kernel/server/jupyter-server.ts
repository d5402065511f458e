import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deadlineMs, fileWithDeadline, withDeadline } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { publicText } from '../../model/public-text.ts';
import type { Sockets } from '../../model/sockets.ts';
import type { ExecutionWay } from '../../model/transport.ts';
import type { ServerAddress } from '../../transport/server-settings.ts';
import { managerSettings } from '../manager-settings.ts';
import { RUN_VARIABLE } from '../marked-processes.ts';
import { OutputTail } from '../output-tail.ts';
import { allocatePorts, releasePorts } from '../ports.ts';
import {
  awaitSpawn,
  kernelEnvironmentVariables,
  killMarked,
  killRun,
  launchesDetached,
  temporaryVariables,
} from '../process-tree.ts';
import type { Reaper } from '../reaper.ts';

const ASK_EVERY_MS = 100;
// The port was free when the harness chose it. Another process may have taken it since.
const ATTEMPTS = 3;

/**
 * The longest socket path of a kernel over ipc. jupyter_client derives the path from the connection file's
 * name (`ConnectionFileMixin._ip_default`).
 *
 * @param folder the server's own folder
 */
export function serverSocketPath(folder: string): string {
  return join(folder, 'runtime', `kernel-${'0'.repeat(36)}-ipc-5`);
}

/**
 * The harness's own Jupyter Server. It listens on loopback, has a random token and its own folders, and loads
 * no extensions, except jupyter_server_documents if it is to execute the cells.
 */
export class JupyterServer {
  readonly address: ServerAddress;
  /** The server's private folder. It contains the folders of the runs, and is removed with the server. */
  readonly folder: string;
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #stderr: OutputTail;
  readonly #release: () => Promise<void>;
  readonly #executes: boolean;

  private constructor(parts: {
    address: ServerAddress;
    folder: string;
    child: ChildProcess;
    stderr: OutputTail;
    executes: boolean;
    release: () => Promise<void>;
  }) {
    this.address = parts.address;
    this.folder = parts.folder;
    this.pid = parts.child.pid ?? -1;
    this.#child = parts.child;
    this.#stderr = parts.stderr;
    this.#release = parts.release;
    this.#executes = parts.executes;
    this.exited = exitOf(parts.child);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The root of the server's contents, where documents are that it executes. `null`: it executes none. */
  get documentFolder(): string | null {
    return this.#executes ? join(this.folder, 'documents') : null;
  }

  /** The folder in which the server looks for kernelspecs. */
  get specFolder(): string {
    return join(this.folder, 'data', 'kernels');
  }

  /** The folder with the connection files of the server's kernels. */
  get runtimeFolder(): string {
    return join(this.folder, 'runtime');
  }

  /**
   * The end of the server's log, fit to be published. The log includes what the kernels write to standard
   * error.
   */
  stderrTail(): string {
    return publicText(this.#stderr.text());
  }

  /**
   * Start a server and wait until it answers.
   *
   * @param python interpreter that has jupyter_server
   * @param rootDir folder that contains all working folders of the kernels
   * @param sockets sockets of the server's kernels
   * @param via who sends the kernels the cells; `rest` needs jupyter_server_documents
   * @throws SoakError `server-start`
   */
  static async start(
    python: string,
    rootDir: string,
    reaper: Reaper,
    sockets: Sockets = {},
    via: ExecutionWay = 'websocket',
  ): Promise<JupyterServer> {
    let words = '';
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const started = await JupyterServer.#attempt(python, rootDir, reaper, sockets, via);
      if (started instanceof JupyterServer) return started;
      words = started;
      if (!/in use|not available/i.test(words)) break;
    }
    throw new SoakError(
      'server-start',
      `The Jupyter Server did not start: ${words.slice(-600).trim() || 'it wrote nothing.'}`,
      {
        remedy: 'Run the command again. If that does not help, clear the cache folder.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }

  /** @returns the server, or what it wrote if it did not start */
  static async #attempt(
    python: string,
    rootDir: string,
    reaper: Reaper,
    sockets: Sockets,
    via: ExecutionWay,
  ): Promise<JupyterServer | string> {
    const ports = await allocatePorts();
    const folder = reaper.makeFolder('soak-server-');
    const token = randomBytes(32).toString('hex');
    for (const part of ['config', 'data/kernels', 'runtime', 'tmp', 'documents']) {
      await fileWithDeadline('make-folder', mkdir(join(folder, part), { recursive: true, mode: 0o700 }));
    }
    const config = join(folder, 'config', 'jupyter_server_config.json');
    const plain = settings(token, ports.shell, rootDir, sockets);
    const documents = join(folder, 'documents');
    const text = JSON.stringify(via === 'rest' ? executionSettings(plain, rootDir, documents) : plain);
    await fileWithDeadline('make-folder', writeFile(config, text, { mode: 0o600 }));
    const child = spawn(python, ['-m', 'jupyter_server', `--config=${config}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: launchesDetached(process.platform),
      windowsHide: true,
      env: kernelEnvironmentVariables(process.env, {
        [RUN_VARIABLE]: folder,
        JUPYTER_CONFIG_DIR: join(folder, 'config'),
        JUPYTER_DATA_DIR: join(folder, 'data'),
        JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
        // Each process that reads this variable makes a temporary folder and leaves it there.
        JUPYTER_NO_CONFIG: '1',
        ...temporaryVariables(join(folder, 'tmp')),
      }),
    });
    const stderr = new OutputTail();
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    await awaitSpawn(child);
    const pid = child.pid ?? -1;
    reaper.hold(pid, folder);
    const exited = exitOf(child);
    const server = new JupyterServer({
      address: { url: `http://127.0.0.1:${ports.shell}/`, token },
      folder,
      child,
      stderr,
      executes: via === 'rest',
      release: async () => {
        await killRun(pid, folder);
        await withDeadline('server-exit', exited);
        await killMarked(folder);
        child.stderr?.destroy();
        releasePorts(ports);
        await reaper.removeFolderOf(pid, folder);
      },
    });
    if (await server.#answers()) return server;
    const killedBy = child.signalCode;
    await server.stop();
    return killedBy === null ? server.stderrTail() : `${killedBy} ended it. ${server.stderrTail()}`;
  }

  /**
   * End the server and its remaining kernels, and remove the server's folder.
   *
   * @throws DeadlinePassed when the server cannot be ended. The reaper then tries, and the port stays taken
   */
  stop(): Promise<void> {
    return this.#release();
  }

  async #answers(): Promise<boolean> {
    let hasEnded = false;
    void this.exited.then(() => {
      hasEnded = true;
    });
    const dueMs = performance.now() + deadlineMs('server-start');
    const { url, token } = this.address;
    while (!hasEnded && performance.now() < dueMs) {
      const response = await fetch(`${url}api/status`, {
        headers: { Authorization: `token ${token}` },
        // A server may take connections and stay silent. The harness does not wait for it: it asks again.
        signal: AbortSignal.timeout(deadlineMs('server-status')),
      }).catch(() => null);
      await response?.body?.cancel().catch(() => {});
      if (response?.ok === true) return true;
      await delay(ASK_EVERY_MS);
    }
    return false;
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** The server must not restart a dead kernel: a new kernel under the same name would hide the death. */
function settings(token: string, port: number, rootDir: string, sockets: Sockets) {
  return {
    IdentityProvider: { token },
    KernelManager: { autorestart: false, ...managerSettings(sockets) },
    ServerApp: {
      ip: '127.0.0.1',
      port,
      port_retries: 0,
      open_browser: false,
      allow_root: true,
      root_dir: rootDir,
      terminals_enabled: false,
      use_redirect_file: false,
    },
  };
}

// The room of a run that is over is of no use. The default is five minutes.
const FREE_ROOMS_AFTER_SECONDS = 30;

/**
 * The same for a server that executes cells. Its contents are documents in a private folder, and its kernels run where the
 * notebooks are.
 */
function executionSettings(plain: ReturnType<typeof settings>, rootDir: string, documents: string): object {
  return {
    ...plain,
    ServerApp: {
      ...plain.ServerApp,
      root_dir: documents,
      jpserver_extensions: { jupyter_server_documents: true, jupyter_server_fileid: true },
    },
    MappingKernelManager: { root_dir: rootDir },
    YRoomManager: { auto_free_interval: FREE_ROOMS_AFTER_SECONDS },
    YRoom: { inactivity_timeout: FREE_ROOMS_AFTER_SECONDS },
  };
}
