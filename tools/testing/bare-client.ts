import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer, Request, Subscriber } from 'zeromq';
import { type FaultyBehaviour, faultyKernelArgv } from './faulty-kernel.ts';

/**
 * A client for tests of the faulty kernel that shares no code with the harness's own: what both got wrong
 * would otherwise agree. It keeps everything that comes and judges nothing.
 */
export interface Received {
  readonly channel: string;
  readonly signed: boolean;
  /** The four JSON parts; `null` where one could not be parsed or is missing. */
  readonly header: Record<string, unknown> | null;
  readonly parent: Record<string, unknown> | null;
  readonly content: Record<string, unknown> | null;
  readonly frames: readonly Buffer[];
}

const KEY = 'a key of the tests';
const DELIMITER = '<IDS|MSG>';

/** Resolves once `condition` gives a value other than undefined, null or false; rejects at the deadline. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 10_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function signature(parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', KEY);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

function parsed(part: Buffer | undefined): Record<string, unknown> | null {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(part)) as Record<string, unknown>;
  } catch {
    return null;
  }
}

export class BareKernel {
  readonly folder = mkdtempSync(join(tmpdir(), 'faulty-kernel-'));
  readonly file = join(this.folder, 'connection.json');
  readonly child: ChildProcess;
  readonly received: Received[] = [];
  stdout = 0;
  stderr = '';
  #sockets: (Dealer | Subscriber | Request)[] = [];
  #ports: Record<string, number> = {};

  constructor(behaviour: FaultyBehaviour, python: string) {
    const ports = { shell_port: 0, control_port: 0, iopub_port: 0, stdin_port: 0, hb_port: 0 };
    const rest = { transport: 'tcp', ip: '127.0.0.1', key: KEY, signature_scheme: 'hmac-sha256' };
    writeFileSync(this.file, JSON.stringify({ ...ports, ...rest }), { mode: 0o600 });
    const [command = '', ...args] = faultyKernelArgv({ lifetimeMs: 60_000, ...behaviour }, this.file, python);
    // The pipe's other end closes with this process, however it ends.
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, KERNEL_SOAK_PARENT_FD: '3' },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.length;
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-20_000);
    });
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits for the ports, connects one shell peer, control and iopub, and waits for the welcome. */
  async connect(): Promise<Dealer> {
    await this.bound();
    await this.subscribe();
    this.control = this.peer('control');
    this.shell = this.peer('shell');
    return this.shell;
  }

  shell!: Dealer;
  control!: Dealer;

  async bound(deadlineMs?: number): Promise<void> {
    this.#ports = await eventually(
      'ports in the connection file',
      () => {
        if (this.exited) throw new Error(`The kernel ended: ${this.stderr}`);
        const ports = JSON.parse(readFileSync(this.file, 'utf8')) as Record<string, number>;
        return ports['hb_port'] ? ports : null;
      },
      deadlineMs,
    );
  }

  async subscribe(deadlineMs?: number): Promise<void> {
    const iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
    iopub.connect(this.address('iopub'));
    iopub.subscribe();
    this.#read('iopub', iopub);
    await eventually('iopub_welcome', () => this.messages('iopub', 'iopub_welcome')[0], deadlineMs);
  }

  peer(channel: 'shell' | 'control', label: string = channel): Dealer {
    const peer = new Dealer({ linger: 0, routingId: randomUUID() });
    peer.connect(this.address(channel));
    this.#read(label, peer);
    return peer;
  }

  /** Sends a request and gives its msg_id. */
  async send(peer: Dealer, msgType: string, content: object = {}): Promise<string> {
    const id = randomUUID();
    const header = { msg_id: id, session: 'test', username: 'test', date: new Date().toISOString() };
    const parts = [{ ...header, msg_type: msgType, version: '5.5' }, {}, {}, content];
    const texts = parts.map((part) => JSON.stringify(part));
    await peer.send([DELIMITER, signature(texts), ...texts]);
    return id;
  }

  execute(code = 'x = 1'): Promise<string> {
    return this.send(this.shell, 'execute_request', { code, silent: false, stop_on_error: true });
  }

  /** Soundly signed messages of a channel and type, answers to `parent` only if given. */
  messages(channel: string, msgType: string, parent?: string): Received[] {
    return this.received.filter(
      (message) =>
        message.channel === channel &&
        message.signed &&
        message.header?.['msg_type'] === msgType &&
        (parent === undefined || message.parent?.['msg_id'] === parent),
    );
  }

  reply(parent: string, channel = 'shell', msgType = 'execute_reply'): Received | undefined {
    return this.messages(channel, msgType, parent)[0];
  }

  status(parent: string, state: 'busy' | 'idle'): boolean {
    return this.messages('iopub', 'status', parent).some(
      (message) => message.content?.['execution_state'] === state,
    );
  }

  async heartbeat(deadlineMs: number): Promise<boolean> {
    const heartbeat = new Request({ linger: 0, receiveTimeout: deadlineMs });
    this.#sockets.push(heartbeat);
    heartbeat.connect(this.address('hb'));
    await heartbeat.send('ping');
    try {
      return String(await heartbeat.receive()) === 'ping';
    } catch {
      return false;
    }
  }

  address(channel: string): string {
    return `tcp://127.0.0.1:${this.#ports[`${channel}_port`]}`;
  }

  /** Closes every socket, kills the kernel if it is still there, waits for its end and removes its folder. */
  async dispose(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    this.child.kill('SIGKILL');
    await eventually('the end of the kernel', () => this.exited);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #read(channel: string, socket: Dealer | Subscriber): void {
    this.#sockets.push(socket);
    const pump = async (): Promise<void> => {
      for await (const frames of socket) this.received.push(received(channel, frames));
    };
    // Closing a socket ends its loop with an error in some versions; the tests see what is missing.
    pump().catch(() => undefined);
  }
}

function received(channel: string, frames: Buffer[]): Received {
  const at = frames.findIndex((frame) => frame.toString('latin1') === DELIMITER);
  const parts = at < 0 ? [] : frames.slice(at + 2, at + 6);
  return {
    channel,
    signed: parts.length === 4 && frames[at + 1]?.toString('latin1') === signature(parts),
    header: parsed(parts[0]),
    parent: parsed(parts[1]),
    content: parsed(parts[3]),
    frames,
  };
}
