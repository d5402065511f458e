import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type Direction, droppingProxy } from '../../tools/testing/dropping-proxy.ts';
import { type RealSurroundings, realSurroundings } from '../../tools/testing/real-experiment.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { loadArm } from '../arms/arms.ts';
import { KernelClient } from '../frontend/client.ts';
import { parseLatency } from '../frontend/latency.ts';
import { leadingCells, type Notebook, readNotebook } from '../frontend/notebook.ts';
import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import { launchThroughServer, type ServerPlace } from '../kernel/server/own-server-kernel.ts';
import { checkArmsOfServer, commonFolder, prepareServer } from '../kernel/server/prepare-server.ts';
import { faultPlaces } from '../locate/localisation.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Traffic } from '../model/traffic.ts';
import { quietConsole } from '../transport/server-settings.ts';
import { awaitReady } from './ready.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';
import { runSubject } from './run-subject.ts';
import { Watch } from './watch.ts';

let surroundings: RealSurroundings;
let server: JupyterServer;
let rootDir: string;
let loud: () => void;
let cells: Notebook;
let seed = 0;

beforeAll(async () => {
  surroundings = await realSurroundings({ timeoutMs: 5_000, latency: await parseLatency('nbclient') });
  const path = join(packageRoot(), 'notebooks', 'many-cells.ipynb');
  cells = await readNotebook(path);
  const prepared = await prepareServer([path], {
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  rootDir = prepared.rootDir;
  server = await JupyterServer.start(prepared.python, rootDir, surroundings.context.reaper);
  loud = quietConsole();
}, 300_000);

afterAll(async () => {
  loud();
  await server.stop();
  await surroundings.close();
});

async function run(
  arm: string,
  options: {
    traffic?: Traffic;
    notebook?: Notebook;
    place?: ServerPlace | null;
    interruptAfter?: string;
  } = {},
): Promise<RunResult> {
  const { traffic = 'overlap', notebook = cells, place = server, interruptAfter } = options;
  const own = { ...surroundings.context, interruptAfter };
  const context: RunContext =
    place === null ? own : { ...own, launch: (how) => launchThroughServer(place, rootDir, how) };
  seed += 1;
  const order = { run: `b000-${arm}`, block: 0, position: 0, arm, notebookIndex: 0, traffic, seed };
  const result = await runSubject(
    order,
    notebook,
    await surroundings.arm(arm),
    context,
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}

function through(url: string): ServerPlace {
  const { folder, specFolder, runtimeFolder, address } = server;
  const stderrTail = () => server.stderrTail();
  return { folder, specFolder, runtimeFolder, address: { ...address, url }, stderrTail };
}

describe('through a real Jupyter Server', () => {
  test('a run completes; every request that the kernel was given is accounted for', async () => {
    const { record, notebook } = await run('stream', { notebook: leadingCells(cells, 20) });
    expect(record.outcome).toMatchObject({ kind: 'completed' });
    expect(record.client.server).toEqual({ library: 1, reconnects: 0 });
    // The library's own kernel_info, the server's when the kernel started, and its nudge.
    expect(record.client.others?.sent).toBeGreaterThanOrEqual(2);
    expect(record.kernel?.delivered).toBe(record.client.sent + (record.client.others?.begun ?? 0));
    expect(record.kernel?.streamSends).toBe(record.kernel?.replies);
    const direct = await run('stream', { notebook: leadingCells(cells, 20), place: null });
    expect(outputs(notebook)).toEqual(outputs(direct.notebook));
    expect(direct.record.client.server).toBeUndefined();
  });

  test('the strand of the released kernel is certified and revived', async () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { record } = await run('control');
      if (record.outcome.kind === 'completed') continue;
      expect(record.outcome).toMatchObject({ kind: 'wedged-stranded', source: 'kernel' });
      expect(record.outcome.observations).toMatchObject({ through: 'server', revivedByRearm: true });
      return;
    }
    expect.fail('no wedge in eight runs');
  });

  test('nudge traffic opens the WebSocket anew before each cell, and the account still holds', async () => {
    const { record } = await run('stream', { traffic: 'nudge', notebook: leadingCells(cells, 4) });
    expect(record.outcome).toMatchObject({ kind: 'completed' });
    expect(record.client.server).toEqual({ library: 5, reconnects: 0 });
    expect(record.kernel?.delivered).toBe(record.client.sent + (record.client.others?.begun ?? 0));
  });

  test.each(['rest', 'signal'] as const)(
    'a cell is interrupted by %s, and the next one is not',
    async (by) => {
      const notebook = codeNotebook('sleeping.ipynb', ['import time; time.sleep(8)', 'print(1)']);
      const place = by === 'rest' ? server : null;
      const options = { traffic: 'interrupt', notebook, place, interruptAfter: 'busy+300ms' } as const;
      const { record } = await run('stream', options);
      expect(record.outcome.kind).toBe('completed');
      expect(record.interrupts).toMatchObject({ by, sent: [{ cell: 0, result: 'interrupted' }], spared: 1 });
      expect(record.interrupts?.unconfirmed).toBeUndefined();
      expect(record.interrupts?.sent[0]?.afterBusyMs).toBeGreaterThanOrEqual(300);
      expect(record.cellMs[0]).toBeLessThan(8_000);
    },
  );

  test('its folders and token are private; a stranger is not let in', async () => {
    const { address, folder } = server;
    const config = join(folder, 'config', 'jupyter_server_config.json');
    expect(readFileSync(config, 'utf8')).toContain(address.token);
    if (process.platform !== 'win32') {
      expect(statSync(config).mode & 0o777).toBe(0o600);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
    expect((await fetch(`${address.url}api/kernels`)).status).toBe(403);
    expect(server.stderrTail()).not.toContain(address.token);
  });

  test('nothing of a run stays behind', async () => {
    const { address } = server;
    const answer = await fetch(`${address.url}api/kernels`, {
      headers: { Authorization: `token ${address.token}` },
    });
    expect(await answer.json()).toEqual([]);
    const stopped = await JupyterServer.start(
      (await prepareServer([cells.path], { onProgress: () => {}, signal: new AbortController().signal }))
        .python,
      rootDir,
      surroundings.context.reaper,
    );
    // jupyter_core makes a folder of that name in each process that is to read no configuration, and leaves it.
    const made = (folder: string) =>
      readdirSync(folder).filter((name) => name.startsWith('jupyter-clean-cfg'));
    expect(made(join(stopped.folder, 'tmp'))).not.toEqual([]);
    await stopped.stop();
    expect(existsSync(stopped.folder)).toBe(false);
    await expect(fetch(stopped.address.url)).rejects.toThrow();
  });
});

describe('a proxy before it that loses', () => {
  async function losing(
    drops: (direction: Direction, message: Buffer) => boolean,
    work = (place: ServerPlace) =>
      run('stream', { notebook: leadingCells(cells, 6), place, traffic: 'sequential' }),
  ): Promise<RunResult> {
    const proxy = await droppingProxy(server.address.url, drops);
    try {
      return await work(through(proxy.url));
    } finally {
      await proxy.close();
    }
  }

  /** From the third of them on. */
  function late(direction: Direction, type: string): (way: Direction, message: Buffer) => boolean {
    let count = 0;
    return (way, message) => {
      if (way === direction && message.includes(`"${type}"`)) count += 1;
      return way === direction && message.includes(`"${type}"`) && count >= 3;
    };
  }

  test('nothing loses nothing', async () => {
    const { record } = await losing(() => false);
    expect(record.outcome).toMatchObject({ kind: 'completed' });
  });

  test('replies is what lost them', async () => {
    const { record } = await losing(late('from-kernel', 'execute_reply'));
    expect(record.outcome).toMatchObject({ kind: 'lost-reply', source: 'server', cell: 2 });
    expect([...(faultPlaces(record) ?? [])]).toEqual(['server']); // what soak locate names
  });

  test('everything that the kernel says is what lost it, and no wedge of the kernel', async () => {
    let begun = 0;
    const { record } = await losing((way, message) => {
      if (way === 'to-kernel' && message.includes('"execute_request"')) begun += 1;
      return way === 'from-kernel' && begun >= 3;
    });
    expect(record.outcome).toMatchObject({ kind: 'lost-reply', source: 'server', cell: 2 });
    expect(record.outcome.reason).toContain('lost on the way through the server');
  });

  test('idle statuses leaves open who lost them: the kernel counts none', async () => {
    const { record } = await losing(
      (way, message) =>
        way === 'from-kernel' &&
        message.includes('"execution_state"') &&
        message.includes('"idle"') &&
        message.includes('"execute_request"'),
    );
    expect(record.outcome).toMatchObject({ kind: 'lost-idle', source: null, cell: 0 });
    expect(faultPlaces(record)).toBeNull();
  });

  test('requests is what lost them, and no wedge of the kernel', async () => {
    const { record } = await losing(late('to-kernel', 'execute_request'));
    expect(record.outcome).toMatchObject({ kind: 'lost-request', source: 'server', cell: 2 });
  });

  test('the connection is reconnected to, and the run says so', async () => {
    const proxy = await droppingProxy(server.address.url, (way, message) => {
      if (way === 'to-kernel' && message.includes('"execute_request"') && !wasCut) {
        wasCut = true;
        setTimeout(() => proxy.cut(), 300);
      }
      return false;
    });
    let wasCut = false;
    try {
      const { record } = await run('stream', { place: through(proxy.url), traffic: 'sequential' });
      expect(record.client.server?.reconnects).toBeGreaterThanOrEqual(1);
      expect(record.outcome.kind).not.toMatch(/^wedged/);
    } finally {
      await proxy.close();
    }
  });
});

test('a strand before the notebook is told by the look alone, which the counters of others cannot hide', async () => {
  const { context } = surroundings;
  const { makeCommand } = await surroundings.arm('control');
  const kernel = await launchThroughServer(server, rootDir, {
    makeCommand,
    cwd: rootDir,
    reaper: context.reaper,
    variables: context.variables,
  });
  const client = new KernelClient(kernel.way);
  try {
    expect(await awaitReady(client, kernel, 30_000)).toMatchObject({ ready: true });
    const watch = () => new Watch(client, kernel, context, context.stalls).strandedAtStart();
    expect(await watch()).toBeNull();
    // A request while the reply to another goes out, until one is left unread.
    const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const dueMs = performance.now() + 90_000;
    let quietSinceMs = performance.now();
    for (let pair = 0; performance.now() - quietSinceMs < 700; pair += 1) {
      if (performance.now() > dueMs) expect.fail('no strand within a minute and a half');
      if (client.unsettled.length > 0) {
        await delay(5);
        continue;
      }
      quietSinceMs = performance.now();
      client.request('kernel_info_request', {});
      await delay((pair % 12) / 2);
      client.request('kernel_info_request', {});
    }
    expect(await watch()).toMatchObject({ through: 'server', look: { pollin: true, fdReadable: false } });
  } finally {
    await client.close();
    await kernel.dispose();
    await kernel.removeFolder();
  }
});

test('a bare arm is refused: nobody would know what the server sent its kernel', async () => {
  const arm = await loadArm('bare');
  expect(await soakErrorOf(() => checkArmsOfServer([arm]))).toMatchObject({ code: 'bare-arm' });
});

test('the root is the deepest folder that all notebooks are below', () => {
  expect(commonFolder([join('/a', 'b', 'x.ipynb'), join('/a', 'b', 'c', 'y.ipynb')])).toBe(resolve('/a/b'));
  expect(commonFolder([join('/a', 'x.ipynb'), join('/ab', 'y.ipynb')])).toBe(resolve('/'));
});

function outputs(notebook: RunResult['notebook']): unknown[] {
  const all = (notebook as { cells: { outputs?: unknown[] }[] } | null)?.cells ?? [];
  return all.map((cell) => cell.outputs ?? []);
}
