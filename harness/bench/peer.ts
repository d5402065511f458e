import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { join } from 'node:path';
import { packageRoot } from '../model/package-root.ts';

/** A long-lived process of peers.py, asked a line at a time. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(python: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const script = join(packageRoot(), 'harness', 'bench', 'peers.py');
    this.#child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env });
    if (this.#child.stdout === null) throw new Error('The peer has no output.');
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  async ask<Answer>(line: string): Promise<Answer> {
    const answer = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin?.write(`${line}\n`);
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error('A peer ended before it answered.');
    });
    const [text] = await Promise.race([answer, ended]);
    return JSON.parse(text) as Answer;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}
