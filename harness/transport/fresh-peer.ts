import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { Dealer } from 'zeromq';
import { withDeadline } from '../model/deadlines.ts';
import { type ConnectionInfo, curveOptions, endpoint, socketFile } from './connection.ts';
import { uninterrupted } from './uninterrupted.ts';
import { decodeMessage, encodeMessage, MAX_FRAME_BYTES } from './wire.ts';

/** Another peer of a kernel's shell channel. It shows whether the kernel turns to it. */
export interface ShellPeer {
  /** Whether the kernel answered a request of this peer. */
  readonly answered: boolean;
  /** Ask `kernel_info`. */
  ask(): void;
  /** Leave. */
  close(): Promise<void>;
}

/**
 * Another peer of a kernel's shell or control channel: it connects, asks `kernel_info`, and leaves when
 * closed. On shell, the connection alone can revive a stranded kernel. So before the run's account is taken,
 * only traffic that declares such a peer uses one.
 */
export class FreshPeer implements ShellPeer {
  readonly #socket: Dealer;
  readonly #session = randomUUID();
  readonly #asked = new Set<string>();
  readonly #key: string;
  readonly #reading: Promise<void>;
  #sending: Promise<void> = Promise.resolve();
  #answered = false;
  #failure: unknown = null;
  /** Called once, when the first answer has come. */
  onAnswer: () => void = () => {};

  constructor(connection: ConnectionInfo, channel: 'shell' | 'control' = 'shell') {
    this.#key = connection.key;
    this.#socket = new Dealer({
      linger: 0,
      routingId: this.#session,
      maxMessageSize: MAX_FRAME_BYTES,
      ...curveOptions(connection),
    });
    uninterrupted(() => this.#socket.connect(endpoint(connection, channel)));
    this.#reading = this.#read();
  }

  /** Whether the kernel answered a request of this peer. */
  get answered(): boolean {
    return this.#answered;
  }

  /**
   * Ask `kernel_info`.
   *
   * @returns id of the request
   */
  ask(): string {
    const header = {
      msg_id: randomUUID(),
      msg_type: 'kernel_info_request',
      session: this.#session,
      username: 'kernel-soak',
      date: new Date().toISOString(),
      version: '5.4',
    };
    this.#asked.add(header.msg_id);
    const frames = encodeMessage({ header, content: {} }, this.#key);
    this.#sending = this.#sending.then(() => this.#socket.send(frames)).catch((error) => this.#failed(error));
    return header.msg_id;
  }

  /** Leave. */
  async close(): Promise<void> {
    this.#socket.close();
    await withDeadline('close-socket', Promise.all([this.#reading, this.#sending]));
    if (this.#failure !== null) throw this.#failure;
  }

  async #read(): Promise<void> {
    try {
      while (!this.#answered) {
        const decoded = decodeMessage(await this.#socket.receive(), this.#key);
        this.#answered = decoded.ok && this.#asked.has(decoded.message.parent_header.msg_id ?? '');
      }
      this.onAnswer();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    // Closing the socket ends the waiting send or receive. A peer without an answer is an observation, not an
    // error.
    if (!this.#socket.closed) this.#failure ??= error;
  }
}

/**
 * Whether something accepts connections on the shell port, or over ipc on its socket, within `timeoutMs`. A
 * connection that sends nothing never becomes a peer: libzmq makes one only after a finished handshake.
 */
export function shellPortOpen(connection: ConnectionInfo, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const place =
      connection.transport === 'ipc'
        ? { path: socketFile(connection, 'shell') }
        : { host: connection.ip, port: connection.shell_port };
    const socket = connect({ ...place, timeout: timeoutMs });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
