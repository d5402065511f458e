import { Publisher, Reply, Router } from 'zeromq';
import type { ConnectionInfo } from '../../harness/transport/connection.ts';
import type { Message } from '../../harness/transport/message.ts';
import { decodeMessage, encodeMessage, type Outgoing } from '../../harness/transport/wire.ts';

export const PEER_KEY = 'key';

/** The sockets of a kernel without one: what is sent, and when, is the test's. */
export class SocketPeer {
  readonly shell = new Router({ linger: 0 });
  readonly control = new Router({ linger: 0 });
  readonly iopub = new Publisher({ linger: 0, sendHighWaterMark: 0 });
  readonly hb = new Reply({ linger: 0 });
  readonly connection: ConnectionInfo;

  private constructor() {
    this.connection = {
      transport: 'tcp',
      ip: '127.0.0.1',
      key: PEER_KEY,
      signature_scheme: 'hmac-sha256',
      shell_port: 0,
      control_port: 0,
      iopub_port: 0,
      stdin_port: 0,
      hb_port: 0,
      kernel_name: 'peer',
    };
  }

  /** Bind all but stdin. */
  static async bound(): Promise<SocketPeer> {
    const peer = new SocketPeer();
    const ports: Record<string, number> = {};
    for (const name of ['shell', 'control', 'iopub', 'hb'] as const) {
      await peer[name].bind('tcp://127.0.0.1:*');
      ports[`${name}_port`] = Number(peer[name].lastEndpoint?.split(':').at(-1));
    }
    Object.assign(peer.connection, ports);
    return peer;
  }

  /** The next request on a channel, with the identity that answers go to. */
  async request(channel: 'shell' | 'control'): Promise<{ identity: Buffer; message: Message }> {
    const [identity = Buffer.alloc(0), ...frames] = await this[channel].receive();
    const decoded = decodeMessage(frames, PEER_KEY);
    if (!decoded.ok) throw new Error(`The client sent what is ${decoded.why}.`);
    return { identity, message: decoded.message };
  }

  /** Send a message, rightly signed. */
  answer(channel: 'shell' | 'control', identity: Buffer, message: Outgoing): Promise<void> {
    return this[channel].send([identity, ...encodeMessage(message, PEER_KEY)]);
  }

  publish(message: Outgoing): Promise<void> {
    return this.iopub.send(['topic', ...encodeMessage(message, PEER_KEY)]);
  }

  close(): void {
    for (const socket of [this.shell, this.control, this.iopub, this.hb]) socket.close();
  }
}
