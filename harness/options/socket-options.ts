import { capability } from 'zeromq';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Sockets } from '../model/sockets.ts';

/** What `--encrypt` and `--ipc` ask for. */
export interface SocketOptions {
  readonly encrypt: boolean;
  readonly ipc: boolean;
}

/** What decides whether sockets can be as asked for, besides the options. */
export interface SocketSurroundings {
  readonly platform: NodeJS.Platform;
  /** Whether zeromq.js was built with CurveZMQ. */
  readonly curve: boolean;
}

const HERE: SocketSurroundings = { platform: process.platform, curve: capability.curve === true };

/** @throws SoakError `bad-option` where the system has no Unix sockets, `no-curve` */
export function assertSocketsHere(
  { encrypt, ipc }: SocketOptions,
  { platform, curve }: SocketSurroundings = HERE,
): void {
  if (ipc && platform === 'win32') {
    throw new SoakError('bad-option', '--ipc needs Unix sockets, which Windows does not have.', {
      remedy: 'Leave it out. --encrypt works on Windows too.',
      option: { name: 'ipc' },
    });
  }
  if (encrypt && !curve) {
    throw new SoakError('no-curve', '--encrypt needs CurveZMQ, and zeromq.js was built without it.', {
      remedy: 'Install zeromq.js from its prebuilt packages (npm ci), which have it, or leave out --encrypt.',
      exitCode: EXIT_CODES.environment,
      option: { name: 'encrypt' },
    });
  }
}

/** As the protocol has it; `undefined` where the sockets are as everywhere. */
export function protocolSockets({ encrypt, ipc }: SocketOptions): Sockets | undefined {
  if (!encrypt && !ipc) return undefined;
  return { ...(ipc ? { transport: 'ipc' } : {}), ...(encrypt ? { encryption: 'curve' } : {}) };
}
