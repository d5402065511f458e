import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { CLIENT_COUNTERS, type ClientName } from '../model/client.ts';
import { fileWithDeadline } from '../model/deadlines.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicText } from '../model/public-text.ts';
import type { Sockets } from '../model/sockets.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { socketPrefix } from './connection-file.ts';
import { createCounterFile } from './counters.ts';
import { readKernelFile, readKernelJson } from './kernel-file.ts';
import { type KernelIdentity, readClientIdentity, readIdentity, readOwnPid } from './kernel-identity.ts';
import type { KernelCommand, KernelCommandMaker, KernelExit } from './launch.ts';
import { kernelspecMetadata, managerSettings } from './manager-settings.ts';
import { RUN_VARIABLE } from './marked-processes.ts';
import { OutputTail } from './output-tail.ts';
import {
  awaitEnd,
  awaitSpawn,
  kernelEnvironmentVariables,
  killMarked,
  killRun,
  launchesDetached,
  temporaryVariables,
} from './process-tree.ts';
import type { Reaper } from './reaper.ts';
import type { SourceHashes } from './source-files.ts';

/** Name of the one kernelspec in the client's private Jupyter path. */
const KERNELSPEC = 'kernel-soak';
const LAST_WORDS_MS = 200;
const ANSWER_POLL_MS = 2;

/** The client program to run, and the package of it that an arm may change. */
export interface ClientProgram {
  readonly name: ClientName;
  /** Interpreter of the client's environment. */
  readonly python: string;
  /** The client's own time-out of a cell, seconds, whole; `null`: none. */
  readonly cellTimeoutSeconds: number | null;
  /**
   * The package whose loaded sources the client reports, and the folder to import it from. `null`: the
   * installed package.
   */
  readonly package: string;
  readonly overlay: string | null;
}

/** How the client itself ended, as it reports it (arms/runtime/soak_client.py). */
const statusSchema = z.object({
  error: z.object({ classes: z.array(z.string()), ename: z.string(), evalue: z.string() }).nullable(),
});
export type ClientError = NonNullable<z.infer<typeof statusSchema>['error']>;

/** One line of the client's log of shell messages. */
export interface ClientEvent {
  /** Time on the client's monotonic clock, milliseconds. */
  readonly atMs: number;
  /** `late`: the client took the message, but found it only after its own poll had timed out. */
  readonly what: 'sent' | 'taken' | 'late';
  /** 1-based number of the request that this message is or answers. 0: it belongs to no request. */
  readonly request: number;
  readonly msgType: string;
}

// Client, kernel and notebook write files to the run's folder. The notebook with its outputs is the largest.
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const EVENT = /^(\d{1,20}) (sent|taken|late) (\d{1,9}) ([a-z_]{1,80})$/;

/** `null`: the file does not exist (yet). The runtime never leaves a file half-written. */
function json(path: string): unknown {
  return readKernelJson(path, MAX_FILE_BYTES);
}

const connectionSchema = z.object({
  transport: z.enum(['tcp', 'ipc']),
  ip: z.string(),
  key: z.string().min(1),
  shell_port: z.number(),
  control_port: z.number(),
});

/** A client, the kernel that it started, and their private folder. */
export class ClientProcess {
  readonly pid: number;
  readonly folder: string;
  /** How the kernelspec starts the kernel. */
  readonly kernelCommand: KernelCommand;
  /** Resolves when the client's process has ended; its kernel may live on. */
  readonly exited: Promise<KernelExit>;
  #exit: KernelExit | null = null;
  #kernelPid: number | null = null;
  #ownPid: number | null = null;
  #answers = 0;
  #isDisposed = false;
  readonly #child: ChildProcess;
  readonly #reaper: Reaper;
  readonly #stderr = new OutputTail();

  constructor(parts: { child: ChildProcess; folder: string; kernelCommand: KernelCommand; reaper: Reaper }) {
    this.#child = parts.child;
    this.pid = parts.child.pid ?? -1;
    this.folder = parts.folder;
    this.kernelCommand = parts.kernelCommand;
    this.#reaper = parts.reaper;
    parts.child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    parts.child.stdout?.resume();
    // The pipe breaks when the client ends. `exited` reports that.
    parts.child.stdin?.on('error', () => {});
    this.exited = new Promise((done) => {
      parts.child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        // The kernel inherits the pipe and may hold it open. It must not delay the run.
        const timer = setTimeout(() => done({ code, signal }), LAST_WORDS_MS);
        parts.child.once('close', () => {
          clearTimeout(timer);
          done({ code, signal });
        });
      });
    });
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  get countersPath(): string {
    return join(this.folder, 'client-counters.bin');
  }

  /** The end of what client and kernel wrote to standard error, fit to be published. */
  stderrTail(): string {
    return publicText(this.#stderr.text());
  }

  /** PID of the kernel. `null`: it has not started. Once the PID is known, the reaper has it too. */
  get kernelPid(): number | null {
    if (this.#kernelPid === null) {
      this.#kernelPid = readOwnPid(this.kernelCommand.identityPath);
      if (this.#kernelPid !== null) this.#reaper.hold(this.#kernelPid, this.folder);
    }
    return this.#kernelPid;
  }

  /** What the kernel reports that it loaded. `null` until it has its sockets. */
  kernelIdentity(): KernelIdentity | null {
    return readIdentity(this.kernelCommand.identityPath);
  }

  /** The sources of the arm's package that the client reports that it loaded. */
  clientSources(): SourceHashes | null {
    return readClientIdentity(join(this.folder, 'client-identity.json'))?.sources ?? null;
  }

  /**
   * PID of the client itself, which may differ from the process that was started. `null`: not reported yet.
   */
  get ownPid(): number | null {
    this.#ownPid ??= readClientIdentity(join(this.folder, 'client-identity.json'))?.pid ?? null;
    return this.#ownPid;
  }

  /**
   * The connection file that the client wrote for its kernel. `null` until then. jupyter_client gives a
   * kernel manager without a file of its own a temporary file outside Jupyter's runtime folder
   * (`write_connection_file`).
   */
  connection(): ConnectionInfo | null {
    for (const folder of [join(this.folder, 'runtime'), join(this.folder, 'tmp')]) {
      for (const file of readdirSync(folder)) {
        if (!file.endsWith('.json')) continue;
        const content = json(join(folder, file));
        // The notebook's own temporary files are in the same folder.
        const stated = connectionSchema.safeParse(content);
        if (stated.success) return content as ConnectionInfo;
      }
    }
    return null;
  }

  /** The error that ended the client. `undefined`: the client did not get to report it. */
  error(): ClientError | null | undefined {
    const parsed = statusSchema.safeParse(json(join(this.folder, 'status.json')));
    return parsed.success ? parsed.data.error : undefined;
  }

  /** The notebook as the client left it. `null`: the client wrote none. */
  executedNotebook(): Readonly<Record<string, unknown>> | null {
    return json(join(this.folder, 'executed.ipynb')) as Readonly<Record<string, unknown>> | null;
  }

  /** The client's log of shell messages so far, without a line that is still being written. */
  events(): ClientEvent[] {
    const log = readKernelFile(join(this.folder, 'events.log'), MAX_FILE_BYTES); // `null`: it has not begun
    const lines = log?.toString('utf8').split('\n').slice(0, -1) ?? [];
    return lines.flatMap((line) => {
      const [, at, what, request, msgType = ''] = EVENT.exec(line) ?? [];
      if (at === undefined) return []; // the notebook can write there
      return [
        { atMs: Number(at) / 1e6, what: what as ClientEvent['what'], request: Number(request), msgType },
      ];
    });
  }

  /** Ask the client's probe thread. `null`: no answer came within `timeoutMs`. */
  async ask(action: 'look' | 'rearm', timeoutMs: number): Promise<unknown> {
    this.#answers += 1;
    const path = join(this.folder, 'answers', `${this.#answers}.json`);
    this.#child.stdin?.write(`${this.#answers} ${action}\n`);
    for (const dueMs = performance.now() + timeoutMs; performance.now() < dueMs; ) {
      const answer = json(path);
      if (answer !== null) return answer;
      if (this.#exit !== null) return null;
      await delay(ANSWER_POLL_MS);
    }
    return null;
  }

  /**
   * End the client, its kernel and all their descendants. The folder stays until `removeFolder`.
   *
   * @throws DeadlinePassed when the client cannot be ended. The reaper then tries to end both
   */
  async dispose(): Promise<void> {
    // Only once: later, the PIDs may belong to other processes.
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await killRun(this.pid, this.folder);
    await awaitEnd(this.pid, this.exited);
    const { kernelPid } = this;
    if (kernelPid !== null) await killRun(kernelPid, this.folder);
    await killMarked(this.folder);
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Remove the private folder and make the reaper forget the processes. Call `dispose` first. */
  async removeFolder(): Promise<void> {
    if (this.#kernelPid !== null) this.#reaper.release(this.#kernelPid);
    await this.#reaper.removeFolderOf(this.pid, this.folder);
  }
}

/**
 * Start a client on a notebook. The client starts the kernel from the only kernelspec in a private Jupyter
 * path, which contains the arm's command. Both processes get an allow-list of variables and private folders.
 *
 * @param notebookPath the notebook, executed in its own folder
 * @throws Error of `spawn` when the program cannot be started at all
 */
export async function launchClient(options: {
  program: ClientProgram;
  makeKernelCommand: KernelCommandMaker;
  notebookPath: string;
  startTimeoutSeconds: number;
  reaper: Reaper;
  variables?: Readonly<Record<string, string>>;
  sockets?: Sockets | undefined;
}): Promise<ClientProcess> {
  const { program, reaper, sockets = {} } = options;
  const folder = reaper.makeFolder('soak-');
  const inside = (name: string) => join(folder, name);
  try {
    const spec = join(folder, 'jupyter', 'kernels', KERNELSPEC);
    for (const path of [spec, ...['runtime', 'config', 'data', 'tmp', 'answers'].map(inside)]) {
      await fileWithDeadline('make-folder', mkdir(path, { recursive: true, mode: 0o700 }));
    }
    const kernelCommand = options.makeKernelCommand(folder, '{connection_file}');
    writeFileSync(
      join(spec, 'kernel.json'),
      JSON.stringify({
        argv: kernelCommand.argv,
        display_name: KERNELSPEC,
        language: 'python',
        env: kernelCommand.variables ?? {},
        metadata: kernelspecMetadata(sockets),
      }),
    );
    createCounterFile(inside('client-counters.bin'), CLIENT_COUNTERS);
    const notebook = resolve(options.notebookPath);
    const config = {
      client: program.name,
      notebook,
      output: inside('executed.ipynb'),
      folder: dirname(notebook),
      kernel: KERNELSPEC,
      timeoutSeconds: program.cellTimeoutSeconds,
      startTimeoutSeconds: options.startTimeoutSeconds,
      package: program.package,
      overlay: program.overlay,
      manager: {
        ...managerSettings(sockets),
        // By default, jupyter_client would put its sockets into the working folder of the notebook.
        ...(sockets.transport === 'ipc' ? { ip: socketPrefix(folder) } : {}),
      },
      counters: inside('client-counters.bin'),
      events: inside('events.log'),
      identity: inside('client-identity.json'),
      status: inside('status.json'),
      answers: inside('answers'),
    };
    writeFileSync(inside('client.json'), JSON.stringify(config), { mode: 0o600 });
    const script = join(packageRoot(), 'arms', 'runtime', 'soak_client.py');
    const child = spawn(program.python, [script, inside('client.json')], {
      cwd: dirname(notebook),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: launchesDetached(process.platform),
      windowsHide: true,
      env: kernelEnvironmentVariables(process.env, {
        [RUN_VARIABLE]: folder,
        IPYTHONDIR: inside('ipython'),
        JUPYTER_PATH: inside('jupyter'),
        JUPYTER_RUNTIME_DIR: inside('runtime'),
        JUPYTER_CONFIG_DIR: inside('config'),
        JUPYTER_DATA_DIR: inside('data'),
        JUPYTER_NO_CONFIG: '1',
        ...temporaryVariables(inside('tmp')),
        PYDEVD_DISABLE_FILE_VALIDATION: '1',
        ...options.variables,
      }),
    });
    await awaitSpawn(child);
    const client = new ClientProcess({ child, folder, kernelCommand, reaper });
    reaper.hold(client.pid, folder);
    return client;
  } catch (error) {
    await reaper.removeFolder(folder);
    throw error;
  }
}
