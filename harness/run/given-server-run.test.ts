import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { droppingProxy } from '../../tools/testing/dropping-proxy.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';
import { runSoak, type Soaked } from '../../tools/testing/run-soak.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { readJournal } from '../journal/read.ts';
import { servedRunsFolder } from '../kernel/server/arm-kernelspecs.ts';
import { inspectServer } from '../kernel/server/given-server.ts';
import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import { prepareServer } from '../kernel/server/prepare-server.ts';
import { endOnServer } from '../kernel/server/server-kernel.ts';
import { packageRoot } from '../model/package-root.ts';
import { serverUrl } from '../model/server-url.ts';

// A real Jupyter Server that the command finds running, as a user's is; the command is the user's too.

let surroundings: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: JupyterServer;

beforeAll(async () => {
  surroundings = await realSurroundings();
  folder = await temporaryFolder();
  const path = join(packageRoot(), 'notebooks', 'many-cells.ipynb');
  const { python, rootDir } = await prepareServer([path], {
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  server = await JupyterServer.start(python, rootDir, surroundings.context.reaper);
  const installed = await soak([
    'arms',
    'install',
    'control',
    'stream',
    '--data-dir',
    dataFolder(),
    ...env(),
  ]);
  expect(installed).toMatchObject({ code: 0 });
  expect(installed.stdout).toContain('stream: kernel soak-stream');
}, 300_000);

afterAll(async () => {
  await server.stop();
  await surroundings.close();
  await folder.remove();
});

function dataFolder(): string {
  return join(server.folder, 'data');
}

/** A cache of this file's own: what other kernels of the same user keep in theirs is not to be touched. */
function cache(): string {
  return join(folder.path, 'cache');
}

/** Nothing is installed into that cache. */
function env(): readonly string[] {
  return ['--env', surroundings.environment.python];
}

function soak(args: readonly string[], variables: Record<string, string> = {}): Promise<Soaked> {
  return runSoak(args, { JUPYTER_TOKEN: '', KERNEL_SOAK_CACHE: cache(), ...variables });
}

function run(
  out: string,
  more: readonly string[] = [],
  variables: Record<string, string> = {},
): Promise<Soaked> {
  const { url, token } = server.address;
  const args = ['--server-url', url, '--arms', 'control,stream', '--runs', '2', '--prefix', '6', ...env()];
  return soak([...args, '--out', out, ...more], { KERNEL_SOAK_TOKEN: token, ...variables });
}

async function kernelsLeft(): Promise<unknown> {
  const { url, token } = server.address;
  const answer = await fetch(`${url}api/kernels`, { headers: { Authorization: `token ${token}` } });
  return answer.json();
}

describe('a server that is there already', () => {
  test('starts the arms, with identity, counters and nothing left behind', async () => {
    const out = join(folder.path, 'here');
    const { code, stderr } = await run(out);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { journal } = await readJournal(out);
    expect(journal.experiment.protocol.transport).toMatchObject({
      name: 'server',
      given: true,
      versions: { 'jupyter-server': '2.21.1' },
    });
    expect(journal.runs).toHaveLength(4);
    for (const { outcome, arm, kernel, client } of journal.runs) {
      expect(outcome.kind).toMatch(/^(completed|wedged-stranded)$/);
      expect(client.server).toEqual({ library: 1, reconnects: 0 });
      if (arm === 'stream') expect(kernel?.streamSends).toBe(kernel?.replies);
      if (outcome.kind === 'completed') {
        expect(kernel?.delivered).toBe(client.sent + (client.others?.begun ?? 0));
      }
    }
    const { address } = server;
    for (const name of await readdir(out)) {
      if (!/\.(jsonl|json|md|html)$/.test(name)) continue;
      const text = await readFile(join(out, name), 'utf8');
      expect(text).not.toContain(address.token);
      expect(text).not.toContain(new URL(address.url).host);
    }
    expect(await kernelsLeft()).toEqual([]);
    expect(await readdir(servedRunsFolder(cache()))).toEqual([]);
  });

  test('whose kernels are elsewhere is soaked by what it hands on, and the evidence says so', async () => {
    // With another cache the private folders of the kernels are nowhere to be seen, as on another machine.
    const out = join(folder.path, 'elsewhere');
    const { code, stderr } = await run(out, [], { KERNEL_SOAK_CACHE: join(folder.path, 'other-cache') });
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    const { journal } = await readJournal(out);
    expect(journal.runs).toHaveLength(4);
    for (const { arm, outcome, kernel, client } of journal.runs) {
      // The server's own requests may wedge a control before it was ever ready.
      const kinds = arm === 'stream' ? /^completed$/ : /^(completed|wedged-mute|start-failed)$/;
      expect(outcome.kind).toMatch(kinds);
      expect(kernel).toBeNull();
      expect(client.server).toMatchObject({ elsewhere: true });
    }
    const evidence = await readFile(join(out, 'evidence.md'), 'utf8');
    expect(evidence).toContain('Only the server could reach 4 kernels of 4');
    expect(evidence).toContain('the counters of `stream` were not read');
    expect(await kernelsLeft()).toEqual([]);
  });

  test('starts a kernel by its kernelspec, with nothing installed for it', async () => {
    const place = join(dataFolder(), 'kernels', 'plain');
    await mkdir(place);
    const argv = [surroundings.environment.python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
    await writeFile(
      join(place, 'kernel.json'),
      JSON.stringify({ argv, display_name: 'Plain', language: 'python' }),
    );
    const out = join(folder.path, 'kernel');
    const { url, token } = server.address;
    const args = ['--server-url', url, '--kernel', 'plain', '--runs', '1', '--prefix', '4', '--out', out];
    const { code, stderr } = await soak(args, { KERNEL_SOAK_TOKEN: token });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { journal } = await readJournal(out);
    expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(['completed']);
    expect(journal.experiment.protocol.arms).toMatchObject([{ kernelspec: { name: 'plain' } }]);
    expect(await kernelsLeft()).toEqual([]);
  });

  test.each<[string, readonly string[], Record<string, string>, RegExp]>([
    ['without a token', [], { KERNEL_SOAK_TOKEN: '' }, /asks for a token/],
    ['with a wrong token', [], { KERNEL_SOAK_TOKEN: 'nonsense' }, /refuses the token/],
    [
      'an arm that it lacks',
      ['--arm', 'flush'],
      {},
      /no kernel soak-flush, by which the arm flush is started/,
    ],
  ])('is refused %s', async (_what, more, variables, words) => {
    const { code, stderr } = await run(join(folder.path, 'refused'), more, variables);
    expect(code).toBe(4);
    expect(stderr).toMatch(words);
  });

  test('is refused with a kernel that is not the arm any more', async () => {
    const path = join(dataFolder(), 'kernels', 'soak-control', 'kernel.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"arm": "\w{8}/, '"arm": "00000000'));
    const { code, stderr } = await run(join(folder.path, 'stale'));
    await writeFile(path, text);
    expect(code).toBe(4);
    expect(stderr).toContain(
      'is not the arm control as it is here: its sources, settings or runtime are others',
    );
  });
});

test('soak locate names what is on the way, behind a proxy that drops replies', async () => {
  let replies = 0;
  const proxy = await droppingProxy(server.address.url, (way, message) => {
    if (way === 'from-kernel' && message.includes('"execute_reply"')) replies += 1;
    return way === 'from-kernel' && message.includes('"execute_reply"') && replies % 4 === 0;
  });
  const out = join(folder.path, 'locate');
  const notebook = join(packageRoot(), 'notebooks', 'data.ipynb');
  // An arm without the kernel's fault, in the environment of the others.
  const args = ['locate', '--arms', 'stream', '--runs', '2', '--timeout', '8', '--notebook', notebook];
  const { code, stdout, stderr } = await soak([...args, ...env(), '--server-url', proxy.url, '--out', out], {
    KERNEL_SOAK_TOKEN: server.address.token,
  });
  await proxy.close();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^(The fault is in|Faults were in) .*the server or another program on the way/m);
  expect(await readFile(join(out, 'locate.md'), 'utf8')).toContain(
    'the server or another program on the way',
  );
}, 240_000);

test('soak locate compares paths of the same arms and notebook only', async () => {
  const committed = join(packageRoot(), 'reports');
  const dirs = ['locate-7.3.0/direct', 'server-7.3.0/first'].map((name) => join(committed, name));
  const { code, stderr } = await soak(['locate', ...dirs, '--out', join(folder.path, 'mixed')]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/paths direct and server have different (arms|notebooks)/),
  ]);
});

test.each([
  ['that refuses twice is asked again', [500, 500, 204], null],
  ['that has forgotten the kernel already is done with it', [404], null],
  [
    'that goes on refusing is said to have left a kernel',
    [500, 500, 500, 500],
    /did not end the kernel k1: status 500/,
  ],
])('a server %s', async (_what, answers, words) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    response.statusCode = answers[asked.length] ?? 204;
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ended = endOnServer({ url, token: 'secret' }, 'k1');
  if (words === null) await ended;
  else {
    const error = await soakErrorOf(() => ended);
    expect(error).toMatchObject({ code: 'kernel-left', message: expect.stringMatching(words) });
    expect(`${error.message} ${error.remedy}`).not.toContain('secret');
  }
  expect(asked).toEqual(answers.map(() => 'DELETE /api/kernels/k1 token secret'));
  await new Promise((resolve) => server.close(resolve));
});

describe('its address', () => {
  test.each([
    ['http://127.0.0.1:8888', 'http://127.0.0.1:8888/'],
    ['https://hub.example/user/ada', 'https://hub.example/user/ada/'],
    ['http://localhost:8888/lab', 'http://localhost:8888/'],
  ])('%s is taken', (text, url) => {
    expect(serverUrl(text)).toBe(url);
  });

  test.each([
    ['nonsense', /is no address/],
    ['ftp://host/', /neither http nor https/],
    ['http://host/?token=SECRET', /more than an address/],
    ['http://ada:SECRET@host/', /more than an address/],
  ])('%s is refused, and no secret is repeated', async (text, words) => {
    const error = await soakErrorOf(() => serverUrl(text));
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain('SECRET');
  });

  test('of something else is refused', async () => {
    const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    expect((await soakErrorOf(() => inspectServer(url, {}))).code).toBe('not-a-server');
    await new Promise((resolve) => other.close(resolve));
    expect((await soakErrorOf(() => inspectServer(url, {}))).code).toBe('server-unreachable');
  });
});

test('a kernel that starts removes what kernels of long ago left', async () => {
  const runs = join(folder.path, 'runs');
  const { python } = surroundings.environment;
  const ended = { pid: 2 ** 22 + 1, connectionFile: 'x' };
  for (const name of ['kernel-old', 'kernel-alive', 'kernel-strange']) {
    await mkdir(join(runs, name), { recursive: true });
  }
  await writeFile(join(runs, 'kernel-old', 'launch.json'), JSON.stringify(ended));
  await writeFile(join(runs, 'kernel-alive', 'launch.json'), JSON.stringify({ ...ended, pid: process.pid }));
  const call = `import sys; sys.path.insert(0, sys.argv[1]); import soak_kernel; soak_kernel.remove_abandoned(sys.argv[2], float(sys.argv[3]))`;
  const remove = (age: string) =>
    promisify(execFile)(python, ['-c', call, join(packageRoot(), 'arms', 'runtime'), runs, age]);
  await remove('3600');
  expect((await readdir(runs)).sort()).toEqual(['kernel-alive', 'kernel-old', 'kernel-strange']);
  await remove('0');
  expect((await readdir(runs)).sort()).toEqual(['kernel-alive', 'kernel-strange']);
});
