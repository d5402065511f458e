import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { type FaultyBehaviour, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { SocketPeer } from '../../tools/testing/socket-peer.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { type KernelProcess, launchKernel } from '../kernel/launch.ts';
import { Reaper } from '../kernel/reaper.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Traffic } from '../model/traffic.ts';
import { awaitReady } from '../run/ready.ts';
import { isSettled, KernelClient, type ShellRequest } from './client.ts';
import { LatencyDraws, parseLatency } from './latency.ts';
import { parsedNotebook } from './notebook.ts';
import { NotebookOutputs } from './notebook-outputs.ts';
import { PreciseTimer } from './precise-timer.ts';
import { FrontEnd } from './traffic.ts';

let python: string;
let reaper: Reaper;
let timer: PreciseTimer;
const cleanUp: (() => Promise<void>)[] = [];

beforeAll(async () => {
  python = await testPython();
  reaper = await Reaper.start(python);
  timer = new PreciseTimer();
});

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

afterAll(async () => {
  await timer.close();
  await reaper.stop();
});

function notebookOf(cells: number, raising: readonly number[] = []) {
  const json = {
    nbformat: 4,
    nbformat_minor: 4,
    metadata: {},
    cells: Array.from({ length: cells }, (_, index) => ({
      cell_type: 'code',
      metadata: raising.includes(index) ? { tags: ['raises-exception'] } : {},
      source: `print:cell ${index} 😀`,
      outputs: [],
      execution_count: null,
    })),
  };
  return parsedNotebook(Buffer.from(JSON.stringify(json)), 'test.ipynb');
}

interface Setting {
  readonly profile: Traffic;
  readonly cells?: number;
  readonly raising?: readonly number[];
  readonly depth?: number;
  readonly latency?: string;
  readonly seed?: number;
}

async function frontEndOf(client: KernelClient, setting: Setting) {
  const over = new AbortController();
  const frontEnd = new FrontEnd({
    client,
    notebook: notebookOf(setting.cells ?? 6, setting.raising),
    outputs: new NotebookOutputs(),
    traffic: setting.profile,
    pipelineDepth: setting.depth ?? 4,
    draws: new LatencyDraws(await parseLatency(setting.latency ?? 'none'), setting.seed ?? 1),
    timer,
    signal: over.signal,
  });
  return { frontEnd, over, client };
}

/** A front end, ready to run, at a test kernel. */
async function at(behaviour: FaultyBehaviour, setting: Setting) {
  const kernel: KernelProcess = await launchKernel({
    makeCommand: (_folder, connectionFile) => {
      const [file = '', ...args] = faultyKernelArgv(behaviour, connectionFile, python);
      return { argv: [file, ...args], countersPath: null, identityPath: null };
    },
    cwd: packageRoot(),
    reaper,
  });
  const client = new KernelClient(kernel.connection);
  cleanUp.push(async () => {
    await client.close();
    await kernel.dispose();
    await kernel.removeFolder();
  });
  expect(await awaitReady(client, kernel, 30_000)).toMatchObject({ ready: true });
  return frontEndOf(client, setting);
}

const settledMs = (request: ShellRequest) =>
  isSettled(request) ? Math.max(request.replyAtMs ?? 0, request.idleAtMs ?? 0) : Number.POSITIVE_INFINITY;

/** Most executes outstanding at any time, the one just sent included. */
function mostOutstanding(executes: readonly ShellRequest[]): number {
  return Math.max(
    ...executes.map(
      ({ sentAtMs }) =>
        executes.filter((other) => other.sentAtMs <= sentAtMs && settledMs(other) > sentAtMs).length,
    ),
  );
}

describe('sequential traffic', () => {
  test('sends every cell once, each after the one before was answered', async () => {
    const { frontEnd, client } = await at(
      { name: 'normal' },
      { profile: 'sequential', latency: 'fixed:3ms' },
    );
    expect(await frontEnd.run()).toBeNull();
    expect(frontEnd.executes).toHaveLength(6);
    expect(frontEnd.executes.every(isSettled)).toBe(true);
    expect(mostOutstanding(frontEnd.executes)).toBe(1);
    for (const [index, { sentAtMs }] of frontEnd.executes.entries()) {
      const before = frontEnd.executes[index - 1];
      if (before !== undefined) expect(sentAtMs - settledMs(before)).toBeGreaterThanOrEqual(3);
    }
    expect(frontEnd.cellSpans).toHaveLength(6);
    // The handshake's kernel_info is one of the requests.
    expect(client.account).toMatchObject({ sent: 7, replies: 7, idles: 7, rejected: 0 });
  });

  test('stops at a cell that raised, and says which and what', async () => {
    const { frontEnd } = await at({ name: 'cell-error', at: 3 }, { profile: 'sequential' });
    expect(await frontEnd.run()).toMatchObject({
      position: 2,
      error: { ename: expect.stringMatching(/\w+/) },
    });
    expect(frontEnd.executes).toHaveLength(3);
  });

  test('goes on after a cell that may raise', async () => {
    const { frontEnd } = await at({ name: 'cell-error', at: 3 }, { profile: 'sequential', raising: [2] });
    expect(await frontEnd.run()).toBeNull();
    expect(frontEnd.executes).toHaveLength(6);
  });

  test('waits for the reply itself: one with a wrong parent is rejected and counted', async () => {
    const { frontEnd, over, client } = await at({ name: 'wrong-parent', at: 3 }, { profile: 'sequential' });
    const running = frontEnd.run();
    await eventually('the rejection', () => client.account.rejected);
    await eventually('idle', () => frontEnd.executes[2]?.idleAtMs);
    expect(frontEnd.executes).toHaveLength(3);
    expect(client.unsettled).toEqual([frontEnd.executes[2]]);
    over.abort();
    expect(await running).toBeNull();
    expect(frontEnd.cellSpans).toHaveLength(2);
  });

  test('sends nothing more once it is over', async () => {
    const { frontEnd, over, client } = await at({ name: 'never-replies', at: 2 }, { profile: 'sequential' });
    const running = frontEnd.run();
    await eventually('the second cell', () => frontEnd.executes[1]);
    over.abort();
    await running;
    const { sent } = client.account;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.account.sent).toBe(sent);
  });
});

describe('nudge traffic', () => {
  test('executes each cell as a new shell peer, after a transient one that asked kernel_info', async () => {
    const peer = await SocketPeer.bound();
    cleanUp.push(async () => peer.close());
    const client = new KernelClient(peer.connection);
    cleanUp.push(() => client.close());
    const { frontEnd } = await frontEndOf(client, { profile: 'nudge', cells: 2 });
    const running = frontEnd.run();
    const asked: { identity: string; type: string; session: unknown }[] = [];
    while (asked.length < 4) {
      const { identity, message } = await peer.request('shell');
      const { msg_type: type, session } = message.header;
      asked.push({ identity: identity.toString(), type, session });
      const status = (state: string) => ({
        header: { msg_id: `${asked.length}-${state}`, msg_type: 'status' },
        parentHeader: message.header,
        content: { execution_state: state },
      });
      await peer.publish(status('busy'));
      await peer.answer('shell', identity, {
        header: { msg_id: `${asked.length}`, msg_type: type.replace('_request', '_reply') },
        parentHeader: message.header,
        content: { status: 'ok' },
      });
      await peer.publish(status('idle'));
    }
    expect(await running).toBeNull();
    expect(asked.map(({ type }) => type)).toEqual([
      'kernel_info_request',
      'execute_request',
      'kernel_info_request',
      'execute_request',
    ]);
    expect(new Set(asked.map(({ identity }) => identity)).size).toBe(4);
    expect(asked[1]?.session).toBe(asked[3]?.session);
    expect(client.account).toMatchObject({ sent: 2, replies: 2, idles: 2, rejected: 0 });
    expect(client.account.others).toEqual({ sent: 2, begun: 2 });
    expect(client.expected).toBe(4);
    expect(client.failure).toBeNull();
  });

  test('ends with the run while a transient peer still waits for an answer', async () => {
    const peer = await SocketPeer.bound();
    cleanUp.push(async () => peer.close());
    const client = new KernelClient(peer.connection);
    const { frontEnd, over } = await frontEndOf(client, { profile: 'nudge', cells: 2 });
    const running = frontEnd.run();
    await peer.request('shell');
    over.abort();
    expect(await running).toBeNull();
    await client.close();
    expect(client.account).toMatchObject({ sent: 0, others: { begun: 0 } });
    // What a peer that left had asked is not expected of the kernel's counters.
    expect(client.expected).toBe(0);
    expect(client.failure).toBeNull();
  });
});

describe('pipeline traffic', () => {
  test.each([1, 2, 4])(
    'has at most %i executes outstanding, and as many while one is slow',
    async (depth) => {
      const { frontEnd } = await at(
        { name: 'late', at: 2, delayMs: 150 },
        { profile: 'pipeline', depth, cells: 10 },
      );
      expect(await frontEnd.run()).toBeNull();
      expect(frontEnd.executes).toHaveLength(10);
      expect(mostOutstanding(frontEnd.executes)).toBe(depth);
    },
  );

  test('takes cells aborted after an error for what they are: the error is the first one’s', async () => {
    const { frontEnd } = await at(
      { name: 'aborted', at: 3, delayMs: 100 },
      { profile: 'pipeline', cells: 10 },
    );
    expect(await frontEnd.run()).toMatchObject({ position: 2 });
    const aborted = frontEnd.executes.filter(({ reply }) => reply?.['status'] === 'aborted');
    expect(
      aborted.length + frontEnd.executes.filter((request) => !isSettled(request)).length,
    ).toBeGreaterThan(0);
  });
});

describe('overlap traffic', () => {
  test('sends one more request for each cell, after its latency, the seed’s choice of three kinds', async () => {
    const cells = 30;
    const { frontEnd, client } = await at(
      { name: 'normal' },
      { profile: 'overlap', cells, latency: 'uniform:0-2ms', seed: 3 },
    );
    expect(await frontEnd.run()).toBeNull();
    const {
      execute_request,
      kernel_info_request = 0,
      complete_request = 0,
      inspect_request = 0,
    } = client.account.byType;
    expect(execute_request).toBe(cells);
    expect(kernel_info_request - 1 + complete_request + inspect_request).toBe(cells);
    for (const kind of [kernel_info_request - 1, complete_request, inspect_request]) {
      expect(kind).toBeGreaterThan(0);
    }
    expect(client.unsettled).toEqual([]);
    expect(client.account.rejected).toBe(0);
  });

  test('does not end before the last of them is answered', async () => {
    const { frontEnd, client } = await at(
      { name: 'normal' },
      { profile: 'overlap', cells: 1, latency: 'fixed:80ms' },
    );
    expect(await frontEnd.run()).toBeNull();
    expect(client.account.sent).toBe(3);
    expect(client.unsettled).toEqual([]);
  });
});

describe('a hostile kernel', () => {
  test.each([
    ['a text', 'NameError', 'NameError'],
    ['an object whose conversion would throw', { toString: 1, valueOf: 1 }, '{"toString":1,"valueOf":1}'],
    ['a list', [[['deep']]], '[[["deep"]]]'],
    ['null', null, 'error without a name'],
    ['very long', 'x'.repeat(100_000), 'x'.repeat(500)],
  ])('may name its error by %s', async (_what, ename, expected) => {
    const peer = await SocketPeer.bound();
    const client = new KernelClient(peer.connection);
    cleanUp.push(async () => {
      await client.close();
      peer.close();
    });
    const { frontEnd } = await frontEndOf(client, { profile: 'sequential', cells: 1 });
    const running = frontEnd.run();
    const { identity, message } = await peer.request('shell');
    const parentHeader = message.header;
    const header = { msg_id: 'r', msg_type: 'execute_reply' };
    await peer.answer('shell', identity, { header, parentHeader, content: { status: 'error', ename } });
    const publishing = setInterval(() => {
      void peer.publish({
        header: { msg_id: 's', msg_type: 'status' },
        parentHeader,
        content: { execution_state: 'idle' },
      });
    }, 10);
    try {
      expect(await running).toEqual({
        kind: 'cell-error',
        position: 0,
        error: { ename: expected, evalue: '' },
      });
    } finally {
      clearInterval(publishing);
    }
  });
});
