import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { Dealer } from 'zeromq';
import type { ConnectionInfo } from '../transport/connection.ts';
import { decodeMessage, encodeMessage } from '../transport/wire.ts';

/**
 * A second shell peer: it connects, asks `kernel_info` once, and leaves when closed. Connecting alone can
 * revive a stranded kernel, so nothing uses one before the run has its account.
 */
export class FreshPeer {
  readonly #socket: Dealer;
  readonly #reading: Promise<void>;
  #answered = false;
  #failure: unknown = null;

  constructor(connection: ConnectionInfo) {
    const session = randomUUID();
    this.#socket = new Dealer({ linger: 0, routingId: session });
    this.#socket.connect(`${connection.transport}://${connection.ip}:${connection.shell_port}`);
    const header = {
      msg_id: randomUUID(),
      msg_type: 'kernel_info_request',
      session,
      username: 'kernel-soak',
      date: new Date().toISOString(),
      version: '5.4',
    };
    this.#reading = this.#ask(
      header.msg_id,
      encodeMessage({ header, content: {} }, connection.key),
      connection,
    );
  }

  /** Whether its own request was answered. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Leave. */
  async close(): Promise<void> {
    this.#socket.close();
    await this.#reading;
    if (this.#failure !== null) throw this.#failure;
  }

  async #ask(id: string, frames: Buffer[], connection: ConnectionInfo): Promise<void> {
    try {
      await this.#socket.send(frames);
      while (!this.#answered) {
        const decoded = decodeMessage(await this.#socket.receive(), connection.key);
        this.#answered = decoded.ok && decoded.message.parent_header.msg_id === id;
      }
    } catch (error) {
      // Closing the socket ends what waits on it; a peer that was not answered is the observation.
      if (!this.#socket.closed) this.#failure = error;
    }
  }
}

/**
 * Whether something accepts connections on the shell port within `timeoutMs`. A connection that sends
 * nothing never becomes a peer: libzmq makes one only of a finished handshake.
 */
export function shellPortOpen(connection: ConnectionInfo, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: connection.ip, port: connection.shell_port, timeout: timeoutMs });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
