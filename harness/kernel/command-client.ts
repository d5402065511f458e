import { type ChildProcess, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { publicText } from '../model/public-text.ts';
import { quoted } from '../model/quoted.ts';
import { readKernelJson } from './kernel-file.ts';
import { searchedProgram } from './kernelspec/launch-words.ts';
import type { LaunchOptions } from './launch.ts';
import { type KernelCommandMaker, type KernelExit, type KernelProcess, launchKernel } from './launch.ts';
import { RUN_VARIABLE } from './marked-processes.ts';
import { OutputTail } from './output-tail.ts';
import { awaitEnd, awaitSpawn, killRun, launchesDetached } from './process-tree.ts';

const LAST_WORDS_MS = 200;
const MAX_NOTEBOOK_BYTES = 256 * 1024 * 1024;

/** A program that executes a notebook in a kernel whose connection file it is given. */
export interface CommandProgram {
  /** Program and arguments, with `{notebook}`, `{connection_file}` and `{output}` in them. */
  readonly words: readonly [string, ...string[]];
}

/**
 * The command with its program found, which is looked for as a shell does.
 *
 * @throws SoakError `no-client-program`
 */
export async function foundCommand({ words }: CommandProgram): Promise<CommandProgram> {
  const [program, ...rest] = words;
  for (const path of searchedProgram(program, process.platform, process.env)) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    // A relative path is the caller's. The program is started in another folder.
    if (isThere) return { words: [resolve(path), ...rest] };
  }
  throw new SoakError('no-client-program', `--client: there is no program ${quoted(program)}.`, {
    remedy: 'Check its name, or give its path.',
    option: { name: 'client' },
    exitCode: EXIT_CODES.environment,
  });
}

/** A kernel that the harness has started, and, once started, the program that executes the notebook in it. */
export class CommandClient {
  readonly kernel: KernelProcess;
  readonly #notebookPath: string;
  readonly #words: CommandProgram['words'];
  readonly #stderr = new OutputTail();
  readonly #stdout = new OutputTail();
  #child: ChildProcess | null = null;
  #exit: KernelExit | null = null;
  #exited: Promise<void> = Promise.resolve();

  constructor(kernel: KernelProcess, { words }: CommandProgram, notebookPath: string) {
    this.kernel = kernel;
    this.#words = words;
    this.#notebookPath = resolve(notebookPath);
  }

  /** PID of the program. `null`: it has not been started. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** How the program ended. `null`: it lives, or it has not been started. */
  get exit(): KernelExit | null {
    return this.#exit;
  }

  /** Resolves when the program has ended and its output has been read. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  get #output(): string {
    return join(this.kernel.folder, 'executed.ipynb');
  }

  /**
   * Start the program, in the working folder of the harness and with its variables: the command is as a person would
   * type it there.
   *
   * @throws Error of `spawn` when the program cannot be started at all
   */
  async start(): Promise<void> {
    const values: Readonly<Record<string, string>> = {
      notebook: this.#notebookPath,
      connection_file: join(this.kernel.folder, 'connection.json'),
      output: this.#output,
    };
    const replaced = this.#words.map((word) =>
      word.replace(/\{([a-z_]+)\}/g, (whole, name: string) => values[name] ?? whole),
    );
    const [file = '', ...args] = replaced;
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: launchesDetached(process.platform),
      windowsHide: true,
      env: { ...process.env, [RUN_VARIABLE]: this.kernel.folder },
    });
    await awaitSpawn(child);
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.#exited = new Promise((done) => {
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        // What the program started may hold the pipe open. It must not delay the run.
        const timer = setTimeout(done, LAST_WORDS_MS);
        child.once('close', () => {
          clearTimeout(timer);
          done();
        });
      });
    });
  }

  /** The end of what the program wrote to standard error, or else to standard output, fit to be published. */
  outputTail(): string {
    const stderr = this.#stderr.text();
    return publicText(stderr.trim() === '' ? this.#stdout.text() : stderr);
  }

  /** The notebook that the program wrote to `{output}`. `null`: it wrote none. */
  executedNotebook(): Readonly<Record<string, unknown>> | null {
    return readKernelJson(this.#output, MAX_NOTEBOOK_BYTES) as Readonly<Record<string, unknown>> | null;
  }

  /**
   * End the program, the kernel and all their descendants. The folder stays until `removeFolder`.
   *
   * @throws DeadlinePassed when one of them cannot be ended. The reaper then tries
   */
  async dispose(): Promise<void> {
    const { pid } = this;
    if (pid !== null) {
      await killRun(pid, this.kernel.folder);
      await awaitEnd(pid, this.#exited);
      this.#child?.stdout?.destroy();
      this.#child?.stderr?.destroy();
    }
    await this.kernel.dispose();
  }

  /** Remove the private folder. Call `dispose` first. */
  removeFolder(): Promise<void> {
    return this.kernel.removeFolder();
  }
}

/**
 * Start a kernel for a program that executes the notebook. The program itself is started by `start`.
 *
 * @throws what `launchKernel` throws
 */
export async function launchCommandClient(
  program: CommandProgram,
  notebookPath: string,
  options: Omit<LaunchOptions, 'cwd'> & { readonly makeCommand: KernelCommandMaker },
): Promise<CommandClient> {
  const kernel = await launchKernel({ ...options, cwd: dirname(resolve(notebookPath)) });
  return new CommandClient(kernel, program, notebookPath);
}
