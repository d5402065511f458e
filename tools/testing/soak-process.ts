import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { packageRoot } from '../../harness/model/package-root.ts';
import { builtCommand } from './built-command.ts';

const KEPT_CHARACTERS = 20_000;

/** How a soak is started. */
export interface SoakStart {
  readonly variables?: Readonly<Record<string, string>>;
  /** Modules that are imported before it. */
  readonly preload?: readonly string[];
  /** What is started in its place: another command, with it in it. */
  readonly wrap?: (command: readonly [string, ...string[]]) => readonly [string, ...string[]];
}

/** The built command, in a process of its own that goes on beside this one. */
export class SoakProcess {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  #said = '';

  constructor(args: readonly string[], options: SoakStart = {}) {
    const { variables, preload = [], wrap = (command) => command } = options;
    const [node, ...command] = builtCommand(args);
    const [file, ...rest] = wrap([node, ...preload.flatMap((each) => ['--import', each]), ...command]);
    this.process = spawn(file, rest, {
      cwd: packageRoot(),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      env: { ...process.env, ...variables },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said = `${this.#said}${chunk.toString()}`.slice(-KEPT_CHARACTERS);
      });
    }
    this.ended = once(this.process, 'close');
  }

  /** The last of what it wrote to both streams. */
  get said(): string {
    return this.#said.trim();
  }

  /** `null` while it lives, and where a signal ended it. */
  get code(): number | null {
    return this.process.exitCode;
  }

  get isOver(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Kill it, and nothing with it, and wait until it has gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
