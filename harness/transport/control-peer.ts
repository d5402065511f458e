import { randomUUID } from 'node:crypto';
import { Dealer } from 'zeromq';
import { type ConnectionInfo, curveOptions, endpoint } from './connection.ts';
import type { Message } from './message.ts';
import { uninterrupted } from './uninterrupted.ts';
import { decodeMessage, encodeMessage, MAX_FRAME_BYTES } from './wire.ts';

/**
 * A connection to a kernel's control channel only, for use beside a client that is a separate program.
 * Control has its own socket and thread. So neither the connection nor its requests touch the shell socket,
 * where a second peer would revive the kernel.
 */
export class ControlPeer {
  readonly #socket: Dealer;
  readonly #connection: ConnectionInfo;
  readonly #session = randomUUID();

  constructor(connection: ConnectionInfo) {
    this.#connection = connection;
    this.#socket = new Dealer({
      linger: 0,
      routingId: this.#session,
      maxMessageSize: MAX_FRAME_BYTES,
      ...curveOptions(connection),
    });
    uninterrupted(() => this.#socket.connect(endpoint(connection, 'control')));
  }

  /**
   * Send one request; only one may be open at a time. @returns the reply, or `null` when none came within
   * `timeoutMs`
   */
  async request(msgType: string, timeoutMs: number): Promise<Message | null> {
    const header = {
      msg_id: randomUUID(),
      msg_type: msgType,
      session: this.#session,
      username: 'kernel-soak',
      date: new Date().toISOString(),
      version: '5.4',
    };
    this.#socket.sendTimeout = timeoutMs;
    const dueMs = performance.now() + timeoutMs;
    try {
      await this.#socket.send(encodeMessage({ header, content: {} }, this.#connection.key));
      for (;;) {
        const leftMs = Math.ceil(dueMs - performance.now());
        if (leftMs <= 0) return null;
        this.#socket.receiveTimeout = leftMs;
        const decoded = decodeMessage(await this.#socket.receive(), this.#connection.key);
        if (decoded.ok && decoded.message.parent_header.msg_id === header.msg_id) return decoded.message;
      }
    } catch {
      return null; // no answer in time is the observation, not an error
    }
  }

  close(): void {
    this.#socket.close();
  }
}
