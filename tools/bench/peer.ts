import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { OutputTail } from '../../harness/kernel/output-tail.ts';
import { packageRoot } from '../../harness/model/package-root.ts';

/** A long-lived process of peers.py, asked a line at a time. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<never>;

  constructor(python: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const script = join(packageRoot(), 'tools', 'bench', 'peers.py');
    this.#child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env });
    if (this.#child.stdout === null) throw new Error('The peer has no output.');
    this.#lines = createInterface({ input: this.#child.stdout });
    const words = new OutputTail();
    this.#child.stderr?.on('data', (chunk: Buffer) => words.push(chunk));
    this.#ended = once(this.#child, 'close').then(() => {
      throw new Error(`A peer ended before it answered: ${words.text()}`);
    });
    this.#ended.catch(() => {}); // at the end it is meant to
  }

  async ask<Answer>(line: string): Promise<Answer> {
    const answer = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin?.write(`${line}\n`);
    const [text] = await Promise.race([answer, this.#ended]);
    return JSON.parse(text) as Answer;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended.catch(() => {});
  }
}
