import { curveKeyPair } from 'zeromq';

/** A connection file's content (jupyter_client, "Connection files"). */
export interface ConnectionInfo {
  readonly transport: 'tcp' | 'ipc';
  /** Over ipc, the path with which the names of the socket files begin. */
  readonly ip: string;
  /** Empty: messages are not signed. */
  readonly key: string;
  readonly signature_scheme: 'hmac-sha256';
  /** Over ipc, the suffix of the socket file's name. The same holds for the other ports. */
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
  readonly kernel_name: string;
  /**
   * The kernel's CurveZMQ keys in Z85 (ipykernel 7.3, jupyter_client 8.9). The kernel is the server on all
   * five channels, and lets in every client that knows its public key. Absent: unencrypted.
   */
  readonly curve_publickey?: string;
  readonly curve_secretkey?: string;
}

/** The channels that have a port in a connection file. */
export type KernelSocket = 'shell' | 'iopub' | 'stdin' | 'control' | 'hb';

/** The file of a channel's ipc socket. */
export function socketFile(connection: ConnectionInfo, channel: KernelSocket): string {
  return `${connection.ip}-${connection[`${channel}_port`]}`;
}

/** Address of a channel, in ZeroMQ's form. */
export function endpoint(connection: ConnectionInfo, channel: KernelSocket): string {
  return connection.transport === 'ipc'
    ? `ipc://${socketFile(connection, channel)}`
    : `tcp://${connection.ip}:${connection[`${channel}_port`]}`;
}

/** A socket's options for an encrypted connection. */
export interface CurveOptions {
  readonly curveServerKey: string;
  readonly curvePublicKey: string;
  readonly curveSecretKey: string;
}

/**
 * Options of a client socket: the kernel's public key, and a fresh key pair. None for an unencrypted kernel.
 * An encrypted connection never falls back to plain text: libzmq closes it if the two ends do not use the
 * same mechanism.
 */
export function curveOptions({ curve_publickey: serverKey }: ConnectionInfo): CurveOptions | object {
  if (serverKey === undefined) return {};
  const { publicKey, secretKey } = curveKeyPair();
  return { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}
