import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { curveKeyPair } from 'zeromq';
import { codeNotebookText } from '../../tools/testing/code-notebook.ts';
import { faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { realClientRun } from '../../tools/testing/real-client.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { KernelClient } from '../frontend/client.ts';
import { leadingCells, readNotebook } from '../frontend/notebook.ts';
import { type KernelProcess, launchKernel } from '../kernel/launch.ts';
import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import { launchThroughServer } from '../kernel/server/own-server-kernel.ts';
import { prepareServer } from '../kernel/server/prepare-server.ts';
import { CLIENTS } from '../model/client.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Sockets } from '../model/sockets.ts';
import type { Traffic } from '../model/traffic.ts';
import { heartbeatEchoes } from '../transport/channels.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { ControlPeer } from '../transport/control-peer.ts';
import { FreshPeer, shellPortOpen } from '../transport/fresh-peer.ts';
import { quietConsole } from '../transport/server-settings.ts';
import { KERNEL_SOCKETS, reception, UNINVITED } from '../transport/uninvited.ts';
import { askKernel } from './ask-kernel.ts';
import { awaitReady } from './ready.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';
import { runSubject } from './run-subject.ts';

const ENCRYPTED: Sockets = { encryption: 'curve' };
const IPC: Sockets = { transport: 'ipc' };
const BOTH: Sockets = { ...ENCRYPTED, ...IPC };
const hasUnixSockets = process.platform !== 'win32';
const kinds: [string, Sockets][] = [
  ['encrypted', ENCRYPTED],
  ...(hasUnixSockets
    ? ([
        ['over ipc', IPC],
        ['encrypted over ipc', BOTH],
      ] as [string, Sockets][])
    : []),
];

/**
 * What a kernel says of its own sockets: 2 is CURVE (zmq.h), and `listening` is null where there is no /proc. One
 * port ipykernel always has on 127.0.0.1, whatever the transport: forked processes hand it their output there, with
 * 16 random bytes for a key (`IOPubThread._setup_pipe_in`).
 */
const INSIDE = `
import json, os, sys
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
listening = None
if sys.platform == "linux":
    mine = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink("/proc/self/fd/" + name))
        except OSError:
            pass
    rows = [row.split() for name in ("tcp", "tcp6") for row in open("/proc/self/net/" + name).readlines()[1:]]
    listening = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and "socket:[" + row[9] + "]" in mine]
    listening.remove(app.iopub_thread._pipe_port)
    listening = len(listening)
print("INSIDE " + json.dumps({"transport": app.transport, "mechanism": int(app.stdin_socket.mechanism), "listening": listening}))
`;

let real: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let notebookPath: string;
let seed = 0;
let kernel: KernelProcess | null = null;

beforeAll(async () => {
  real = await realSurroundings();
  folder = await temporaryFolder();
  notebookPath = join(folder.path, 'inside.ipynb');
  await writeFile(notebookPath, codeNotebookText([INSIDE, 'x = 40', 'print(x + 2)']));
}, 300_000);

afterEach(async () => {
  await kernel?.dispose();
  await kernel?.removeFolder();
  kernel = null;
});

afterAll(async () => {
  await real.close();
  await folder.remove();
});

async function run(
  arm: string,
  context: Partial<RunContext>,
  options: { traffic?: Traffic; notebook?: string; cells?: number } = {},
): Promise<RunResult> {
  const { traffic = 'widgets', notebook: path = notebookPath } = options;
  const notebook = await readNotebook(path);
  seed += 1;
  const result = await runSubject(
    { run: `b000-${arm}`, block: 0, position: 0, arm, notebookIndex: 0, traffic, seed },
    options.cells === undefined ? notebook : leadingCells(notebook, options.cells),
    await real.arm(arm),
    { ...real.context, ...context },
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}

function said({ notebook, record }: RunResult): unknown {
  expect(record.outcome).toMatchObject({ kind: 'completed' });
  const text = /INSIDE (\{.*?\})/.exec(JSON.stringify(notebook).replaceAll('\\"', '"'))?.[1];
  return JSON.parse(text ?? 'null');
}

/** What a kernel whose sockets are so has to say. */
function expected({ transport, encryption }: Sockets): object {
  return {
    transport: transport ?? 'tcp',
    mechanism: encryption === undefined ? 0 : 2,
    listening: process.platform !== 'linux' ? null : transport === 'ipc' ? 0 : 5,
  };
}

async function launched(sockets: Sockets): Promise<{ kernel: KernelProcess; client: KernelClient }> {
  const { makeCommand } = await real.arm('stream');
  kernel = await launchKernel({ makeCommand, cwd: folder.path, reaper: real.context.reaper, sockets });
  const client = new KernelClient(kernel.connection);
  expect(await awaitReady(client, kernel, 60_000)).toMatchObject({ ready: true });
  return { kernel, client };
}

async function isAnswered(connection: ConnectionInfo, withinMs: number): Promise<boolean> {
  const peer = new FreshPeer(connection);
  peer.ask();
  const dueMs = performance.now() + withinMs;
  while (!peer.answered && performance.now() < dueMs) await new Promise((done) => setTimeout(done, 10));
  await peer.close();
  return peer.answered;
}

test('nothing asked for is TCP in the clear, as ever', async () => {
  expect(said(await run('stream', {}))).toEqual(expected({}));
}, 60_000);

describe.each(kinds)('a kernel %s', (_name, sockets) => {
  test('takes the traffic of every peer of ours; it says of its own sockets that they are so', async () => {
    for (const traffic of ['widgets', 'nudge'] as const) {
      expect(said(await run('stream', { sockets }, { traffic }))).toEqual(expected(sockets));
    }
  }, 120_000);

  test('answers heartbeat, control, port check and a fresh peer; nothing is left of it', async () => {
    const { kernel, client } = await launched(sockets);
    const { connection } = kernel;
    expect(await client.heartbeat(2_000)).toBe(true);
    expect(await shellPortOpen(connection, 2_000)).toBe(true);
    expect(await isAnswered(connection, 10_000)).toBe(true);
    const control = new ControlPeer(connection);
    expect(await control.request('kernel_info_request', 10_000)).not.toBeNull();
    control.close();
    if (hasUnixSockets) {
      expect(statSync(kernel.folder).mode & 0o777).toBe(0o700);
      expect(statSync(join(kernel.folder, 'connection.json')).mode & 0o777).toBe(0o600);
    }
    const files = readdirSync(kernel.folder).filter((name) => name.startsWith('k-'));
    expect(files).toHaveLength(sockets.transport === 'ipc' ? 5 : 0);
    await client.close();
    await kernel.dispose();
    await kernel.removeFolder();
    expect(existsSync(kernel.folder)).toBe(false);
    expect(await shellPortOpen(connection, 2_000)).toBe(false);
  }, 60_000);

  test('with the fault wedges as ever, is certified and revived', async () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { record } = await run(
        'control',
        { sockets },
        { traffic: 'overlap', notebook: join(packageRoot(), 'notebooks', 'many-cells.ipynb') },
      );
      if (record.outcome.kind === 'completed') continue;
      expect(record.outcome).toMatchObject({ kind: 'wedged-stranded', source: 'kernel' });
      expect(record.outcome.observations).toMatchObject({ revivedByRearm: true });
      return;
    }
    expect.fail('no wedge in eight runs');
  }, 240_000);
});

describe.each(kinds.filter(([, { encryption }]) => encryption !== undefined))(
  'a kernel %s',
  (_name, sockets) => {
    test('has keys of its own, which nothing but its connection file has', async () => {
      const { kernel, client } = await launched(sockets);
      await client.close();
      const { curve_publickey, curve_secretkey } = kernel.connection;
      expect(curve_publickey).toMatch(/^.{40}$/);
      expect(curve_secretkey).not.toBe(curve_publickey);
      expect(kernel.command.argv.join(' ')).not.toContain(curve_secretkey);
      const second = await launched(sockets);
      await second.client.close();
      expect(second.kernel.connection.curve_publickey).not.toBe(curve_publickey);
      await kernel.dispose();
      await kernel.removeFolder();
    }, 60_000);

    test('lets in nobody without its key, on any channel, and answers nobody', async () => {
      const { kernel, client } = await launched(sockets);
      const { connection } = kernel;
      for (const channel of KERNEL_SOCKETS) {
        expect([channel, await reception(connection, channel, 'the client', 5_000)]).toEqual([
          channel,
          'let in',
        ]);
        for (const as of UNINVITED) {
          expect([channel, as, await reception(connection, channel, as, 5_000)]).toEqual([
            channel,
            as,
            'turned away',
          ]);
        }
      }
      const { curve_publickey: _public, curve_secretkey: _secret, ...plain } = connection;
      const other = curveKeyPair();
      const wrong = { ...connection, curve_publickey: other.publicKey, curve_secretkey: other.secretKey };
      for (const stranger of [plain, wrong]) {
        expect(await isAnswered(stranger, 1_000)).toBe(false);
        expect(await heartbeatEchoes(stranger, 500)).toBe(false);
      }
      // The kernel is none the worse for it.
      expect(await isAnswered(connection, 10_000)).toBe(true);
      expect(await client.heartbeat(2_000)).toBe(true);
      await client.close();
    }, 60_000);
  },
);

test('a kernel that ignores its keys is refused, at once and in words, and nothing is left', async () => {
  let made = '';
  const error = await soakErrorOf(() =>
    askKernel(
      'clear',
      (place, file) => {
        made = place;
        const [program = '', ...rest] = faultyKernelArgv({ name: 'normal' }, file, real.environment.python);
        return { argv: [program, ...rest], countersPath: null, identityPath: null };
      },
      folder.path,
      { ...real.context, sockets: ENCRYPTED },
    ),
  );
  expect(error).toMatchObject({ code: 'not-encrypted', exitCode: 4 });
  expect(error.message).toMatch(/The kernel clear is not encrypted: on \w+ it lets in a peer with no keys/);
  expect(existsSync(made)).toBe(false);
}, 30_000);

const [allName, all] = kinds.at(-1) ?? ['encrypted', ENCRYPTED];

// In macOS's folder for temporary files a server's sockets would have too long a name.
const [servedName, served] =
  process.platform === 'darwin' ? (['encrypted', ENCRYPTED] as const) : ([allName, all] as const);

test(`a Jupyter Server's kernels are ${servedName}`, async () => {
  const prepared = await prepareServer([notebookPath], {
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  const { python, rootDir } = prepared;
  const server = await JupyterServer.start(python, rootDir, real.context.reaper, served);
  const loud = quietConsole();
  try {
    const launch: RunContext['launch'] = (how) => launchThroughServer(server, rootDir, how);
    expect(said(await run('stream', { sockets: served, launch }))).toEqual(expected(served));
    expect(readdirSync(server.runtimeFolder).filter((name) => name.includes('-ipc-'))).toEqual([]);
  } finally {
    loud();
    await server.stop();
  }
}, 300_000);

test.each(CLIENTS)(
  `the kernel that %s starts is ${allName}`,
  async (client) => {
    const context: RunContext = { ...real.context, sockets: all };
    expect(said(await realClientRun(context, notebookPath, { client }))).toEqual(expected(all));
  },
  300_000,
);

test('a folder for temporary files whose path is too long for a socket is said', async () => {
  const { makeCommand } = await real.arm('stream');
  const long = join(folder.path, 'x'.repeat(110));
  const makeFolder = () => long;
  const reaper = Object.assign(Object.create(real.context.reaper), { makeFolder, forgetFolder: () => {} });
  const error = await soakErrorOf(() =>
    launchKernel({ makeCommand, cwd: folder.path, reaper, sockets: IPC }),
  );
  expect(error).toMatchObject({ code: 'socket-path-too-long', exitCode: 4 });
  expect(error.remedy).toContain('TMPDIR');
});
