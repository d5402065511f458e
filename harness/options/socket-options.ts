import { capability } from 'zeromq';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Sockets } from '../model/sockets.ts';
import type { RawRunOptions, RunOptions } from './run-options.ts';

/** What decides whether sockets can be as asked for, besides the options. */
export interface SocketSurroundings {
  readonly platform: NodeJS.Platform;
  /** Whether zeromq.js was built with CurveZMQ. */
  readonly curve: boolean;
}

const HERE: SocketSurroundings = { platform: process.platform, curve: capability.curve === true };

/**
 * `--encrypt` and `--ipc`.
 *
 * @throws SoakError `bad-option` for a way on which they cannot be kept, `no-curve`
 */
export function socketOptions(
  raw: Pick<RawRunOptions, 'encrypt' | 'ipc' | 'serverUrl'>,
  { platform, curve }: SocketSurroundings = HERE,
): Pick<RunOptions, 'encrypt' | 'ipc'> {
  const { encrypt = false, ipc = false } = raw;
  const flag = encrypt ? '--encrypt' : '--ipc';
  if ((encrypt || ipc) && raw.serverUrl !== undefined) {
    throw new SoakError(
      'bad-option',
      `${flag} is of kernels that the harness has started, and how those of --server-url are reached is for that server to say.`,
      {
        remedy: `Leave it out, and set ${encrypt ? 'KernelManager.transport_encryption to "required"' : 'KernelManager.transport to "ipc"'} in the server's own configuration; or leave out --server-url.`,
      },
    );
  }
  if (ipc && platform === 'win32') {
    throw new SoakError('bad-option', '--ipc is of systems with Unix sockets, and this is Windows.', {
      remedy: 'Leave it out; --encrypt works on Windows too.',
    });
  }
  if (encrypt && !curve) {
    throw new SoakError('no-curve', '--encrypt needs CurveZMQ, and zeromq.js was built without it.', {
      remedy: 'Install zeromq.js from its prebuilt packages (npm ci), which have it, or leave out --encrypt.',
      exitCode: EXIT_CODES.environment,
    });
  }
  return { encrypt, ipc };
}

/** As the protocol has it; nothing where the sockets are as everywhere. */
export function protocolSockets({ encrypt, ipc }: Pick<RunOptions, 'encrypt' | 'ipc'>): Sockets | undefined {
  if (!encrypt && !ipc) return undefined;
  return { ...(ipc ? { transport: 'ipc' } : {}), ...(encrypt ? { encryption: 'curve' } : {}) };
}
