import { curveKeyPair, Dealer, Request, Subscriber } from 'zeromq';
import { type ConnectionInfo, curveOptions, endpoint, type KernelSocket } from './connection.ts';
import { uninterrupted } from './uninterrupted.ts';

/** The keys of peers that a kernel must turn away. */
export const UNINVITED = ['no keys', "another server's key"] as const;
export type Uninvited = (typeof UNINVITED)[number];

/** How the kernel received a peer. `null`: it neither let the peer in nor turned it away in time. */
export type Reception = 'let in' | 'turned away' | null;

/** The channels, each with the client's type of socket: any other type would be refused anyway. */
const SOCKETS = { shell: Dealer, control: Dealer, stdin: Dealer, iopub: Subscriber, hb: Request } as const;
export const KERNEL_SOCKETS = Object.keys(SOCKETS) as readonly KernelSocket[];

/**
 * Connect to a channel without the right keys, and read the result from ZeroMQ's own handshake events: they
 * distinguish a refusal from silence, and need no message. A peer that is let in on shell may revive a
 * stranded kernel, so ask before anything is measured.
 */
export async function reception(
  connection: ConnectionInfo,
  channel: KernelSocket,
  as: Uninvited | 'the client',
  timeoutMs: number,
): Promise<Reception> {
  const { publicKey, secretKey } = curveKeyPair();
  const wrong = { curveServerKey: publicKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  const keys = as === 'the client' ? curveOptions(connection) : as === 'no keys' ? {} : wrong;
  const socket = new SOCKETS[channel]({ linger: 0, ...keys });
  const timer = setTimeout(() => socket.close(), timeoutMs);
  try {
    // Listen before the socket connects: earlier events are not reported.
    const events = uninterrupted(() => socket.events);
    uninterrupted(() => socket.connect(endpoint(connection, channel)));
    for await (const { type } of events) {
      if (type === 'handshake') return 'let in';
      if (type.startsWith('handshake:error')) return 'turned away';
    }
    return null;
  } finally {
    clearTimeout(timer);
    if (!socket.closed) socket.close();
  }
}
