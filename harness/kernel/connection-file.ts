import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { curveKeyPair } from 'zeromq';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Sockets } from '../model/sockets.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import type { KernelPorts } from './ports.ts';

/** Over ipc a port is the end of a file's name in the run's own folder: nobody else's can be in the way. */
const IPC_PORTS: KernelPorts = { shell: 1, iopub: 2, stdin: 3, control: 4, hb: 5 };

/** Room for a path in `sockaddr_un`, without its final zero (unix(7); 104 on macOS and the BSDs). */
export function longestSocketPath(platform: NodeJS.Platform): number {
  return platform === 'linux' ? 107 : 103;
}

/**
 * What the files of a kernel's sockets begin with, over ipc.
 *
 * @throws SoakError `socket-path-too-long`
 */
export function socketPrefix(folder: string, platform: NodeJS.Platform = process.platform): string {
  const prefix = join(folder, 'k');
  assertSocketPath(`${prefix}-${IPC_PORTS.hb}`, platform);
  return prefix;
}

/** @throws SoakError `socket-path-too-long` */
export function assertSocketPath(path: string, platform: NodeJS.Platform = process.platform): void {
  const bytes = Buffer.byteLength(path);
  const most = longestSocketPath(platform);
  if (bytes <= most) return;
  throw new SoakError(
    'socket-path-too-long',
    `--ipc needs a socket at ${path}. This path has ${bytes} bytes, and this system allows at most ${most}.`,
    {
      option: { name: 'ipc' },
      remedy: 'Set TMPDIR to a shorter folder, such as /tmp, or leave out --ipc.',
      exitCode: EXIT_CODES.environment,
    },
  );
}

/**
 * The content of a fresh kernel's connection file: a key of 256 bits, and CurveZMQ keys where they are wanted.
 *
 * @param ports `null`: the sockets are files in the folder
 * @throws SoakError `socket-path-too-long`
 */
export function connectionInfo(
  folder: string,
  ports: KernelPorts | null,
  { encryption }: Sockets,
): ConnectionInfo {
  const { shell, iopub, stdin, control, hb } = ports ?? IPC_PORTS;
  const curve = encryption === undefined ? null : curveKeyPair();
  return {
    ...(ports === null
      ? { transport: 'ipc', ip: socketPrefix(folder) }
      : { transport: 'tcp', ip: '127.0.0.1' }),
    key: randomBytes(32).toString('hex'),
    signature_scheme: 'hmac-sha256',
    shell_port: shell,
    iopub_port: iopub,
    stdin_port: stdin,
    control_port: control,
    hb_port: hb,
    kernel_name: 'kernel-soak',
    ...(curve === null ? {} : { curve_publickey: curve.publicKey, curve_secretkey: curve.secretKey }),
  };
}
