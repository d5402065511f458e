import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { assertSocketsFit } from '../experiment/prepare-sockets.ts';
import { assertSocketPath, connectionInfo, longestSocketPath } from '../kernel/connection-file.ts';
import { assertOffersCurve } from '../kernel/offers-curve.ts';
import { endpoint } from '../transport/connection.ts';
import { repeatingCommand } from './repeat.ts';
import { parsedRunOptions } from './run-options.ts';
import { assertSocketsHere, protocolSockets, type SocketSurroundings } from './socket-options.ts';
import type { RawOptions } from './table.ts';

const options = (raw: RawOptions<'run'>) => parsedRunOptions(raw, 'a.ipynb', () => 1);

describe('--encrypt and --ipc', () => {
  test('are off where they are not given, and the protocol then says nothing of them', () => {
    expect(options({})).toMatchObject({ encrypt: false, ipc: false });
    expect(protocolSockets({ encrypt: false, ipc: false })).toBeUndefined();
    expect(repeatingCommand('run', options({}).given, String)).not.toMatch(/encrypt|ipc/);
  });

  test.skipIf(process.platform === 'win32')(
    'are part of the protocol and of the command that repeats it',
    () => {
      const both = options({ encrypt: true, ipc: true });
      expect(protocolSockets(both)).toEqual({ transport: 'ipc', encryption: 'curve' });
      expect(protocolSockets(options({ encrypt: true }))).toEqual({ encryption: 'curve' });
      expect(protocolSockets(options({ ipc: true }))).toEqual({ transport: 'ipc' });
      expect(repeatingCommand('run', both.given, String)).toContain(' --encrypt --ipc ');
    },
  );

  test('go with every way on which the harness has the say', () => {
    for (const raw of [
      { transport: 'server' },
      { client: 'nbclient' },
      { launch: 'fork' },
      { kernel: ['k'] },
    ]) {
      expect(options({ ...raw, encrypt: true })).toMatchObject({ encrypt: true });
    }
  });

  test.each<[string, RawOptions<'run'>, RegExp]>([
    ['encryption', { encrypt: true, serverUrl: 'http://h/' }, /^--encrypt cannot be used with --server-url/],
    ['ipc', { ipc: true, serverUrl: 'http://h/' }, /^--ipc cannot be used with --server-url/],
  ])('a server that runs already decides its sockets: %s', async (_what, raw, message) => {
    const error = await soakErrorOf(() => options(raw));
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(/leave out --server-url/);
    expect(error.exitCode).toBe(2);
  });

  test.each<[string, { encrypt: boolean; ipc: boolean }, SocketSurroundings, RegExp]>([
    ['Windows', { encrypt: false, ipc: true }, { platform: 'win32', curve: true }, /^--ipc .* Windows/],
    [
      'a zeromq.js without CurveZMQ',
      { encrypt: true, ipc: false },
      { platform: 'linux', curve: false },
      /built without it/,
    ],
  ])('are refused with %s', async (_what, wanted, around, message) => {
    const error = await soakErrorOf(() => assertSocketsHere(wanted, around));
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(/[Ll]eave/);
    expect(error.exitCode).toBe(error.code === 'no-curve' ? 4 : 2);
  });

  test('encryption is for Windows too', () => {
    expect(() =>
      assertSocketsHere({ encrypt: true, ipc: false }, { platform: 'win32', curve: true }),
    ).not.toThrow();
  });
});

describe('what offers CurveZMQ', () => {
  const needed = ['ipykernel', 'jupyter-client'] as const;
  const check = (ipykernel: string, client: string, changed: string[] = []) =>
    assertOffersCurve('the arm a', { ipykernel, 'jupyter-client': client }, needed, changed);

  test.each([
    ['7.3.0', '8.9.0'],
    ['7.4.0', '8.10.0'],
    ['8.0.0a1', '9.0.0rc1'],
  ])('ipykernel %s with jupyter_client %s', (ipykernel, client) => {
    expect(() => check(ipykernel, client)).not.toThrow();
  });

  test.each([
    ['7.2.0', '8.10.0', /ipykernel 7\.2\.0 of the arm a does not offer/],
    ['6.31.0', '8.10.0', /ipykernel 6\.31\.0/],
    // It reads the connection file by jupyter_client, which would drop the keys.
    ['7.3.0', '8.8.0', /jupyter-client 8\.8\.0/],
  ])('ipykernel %s with jupyter_client %s does not', async (ipykernel, client, message) => {
    const error = await soakErrorOf(() => check(ipykernel, client));
    expect(error).toMatchObject({ code: 'no-encryption', exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(error.remedy).toContain('7.3.0');
  });

  test('a commit in place of a package is not judged by the version that it takes the place of', () => {
    expect(() => check('7.2.0', '8.10.0', ['ipykernel'])).not.toThrow();
    expect(() => check('7.3.0', '8.8.0', ['ipykernel'])).toThrow();
  });

  test('a package that is not there', async () => {
    const error = await soakErrorOf(() => assertOffersCurve('the server', {}, ['jupyter-client']));
    expect(error.message).toContain('jupyter-client (not found) of the server');
  });
});

describe('a connection file', () => {
  test('over ipc names files of its folder, and no port of anybody', () => {
    const info = connectionInfo(join('/f'), null, { transport: 'ipc' });
    expect(info).toMatchObject({ transport: 'ipc', ip: join('/f', 'k'), shell_port: 1, hb_port: 5 });
    expect(info).not.toHaveProperty('curve_publickey');
    expect(endpoint(info, 'shell')).toBe(`ipc://${join('/f', 'k')}-1`);
  });

  test('has keys where encryption is asked for, others each time', () => {
    const ports = { shell: 1, iopub: 2, stdin: 3, control: 4, hb: 5 };
    const [one, two] = [1, 2].map(() => connectionInfo('/f', ports, { encryption: 'curve' }));
    expect(one).toMatchObject({ transport: 'tcp', ip: '127.0.0.1' });
    expect(one?.curve_publickey).not.toBe(two?.curve_publickey);
    expect(one?.curve_secretkey).not.toBe(two?.curve_secretkey);
    expect(one?.key).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the path of a Unix socket', () => {
  afterEach(() => vi.unstubAllEnvs());

  test.each(['linux', 'darwin'] as const)(
    'on %s may be as long as the system takes, in bytes',
    async (platform) => {
      const most = longestSocketPath(platform);
      expect(() => assertSocketPath('x'.repeat(most), platform)).not.toThrow();
      const error = await soakErrorOf(() => assertSocketPath('é'.repeat(most / 2 + 1), platform));
      expect(error).toMatchObject({ code: 'socket-path-too-long', exitCode: 4 });
      expect(error.message).toContain(`allows at most ${most}`);
      expect(error.remedy).toContain('TMPDIR');
    },
  );

  test.skipIf(process.platform === 'win32')(
    'is looked at before anything is made; a server needs more room',
    () => {
      const fits = (length: number, how: Parameters<typeof assertSocketsFit>[0]) => {
        vi.stubEnv('TMPDIR', `/${'x'.repeat(length - 1)}`);
        return () => assertSocketsFit(how);
      };
      expect(fits(200, { ipc: false, transport: 'direct' })).not.toThrow();
      expect(fits(60, { ipc: true, transport: 'direct' })).not.toThrow();
      expect(fits(60, { ipc: true, transport: 'server' })).toThrow(/--ipc needs a socket/);
      expect(fits(110, { ipc: true, transport: 'direct' })).toThrow(/--ipc needs a socket/);
      expect(fits(10, { ipc: true, transport: 'server' })).not.toThrow();
    },
  );
});
