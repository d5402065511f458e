import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { isSettled, KernelClient, type ShellRequest } from '../frontend/client.ts';
import { type KernelProcess, launchKernel } from '../kernel/launch.ts';
import { Reaper } from '../kernel/reaper.ts';
import { REVIVAL_RUNGS, type RevivalRung } from '../model/observations.ts';
import { FreshPeer, shellPortOpen } from '../transport/fresh-peer.ts';
import { awaitReady } from './ready.ts';
import { Autopsies, firstWordMs, tryRung } from './revival.ts';

let python: string;
let reaper: Reaper;
let kernel: KernelProcess;
let client: KernelClient;

beforeAll(async () => {
  python = await testPython();
  reaper = await Reaper.start(python);
});
afterEach(async () => {
  await client.close();
  await kernel.dispose();
  await kernel.removeFolder();
});
afterAll(() => reaper.stop());

/** A kernel that has answered one cell and leaves the next request unread. */
async function stranded(): Promise<ShellRequest> {
  kernel = await launchKernel({
    makeCommand: (_folder, file) => {
      const [program = '', ...rest] = faultyKernelArgv({ name: 'strands', at: 2 }, file, python);
      return { argv: [program, ...rest], countersPath: null, identityPath: null };
    },
    cwd: process.cwd(),
    reaper,
  });
  client = new KernelClient(kernel.connection);
  expect(await awaitReady(client, kernel, 20_000)).toMatchObject({ ready: true });
  const first = client.request('execute_request', { code: 'print:1' });
  while (!isSettled(first)) await client.changed();
  const second = client.request('execute_request', { code: 'print:2' });
  // Long enough for a kernel that answers in single milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(firstWordMs(second)).toBeNull();
  return second;
}

describe('of the rungs of the ladder, on a strand,', () => {
  const expected: Record<RevivalRung, boolean> = {
    waiting: false,
    'same-peer': false,
    interrupt: false,
    'new-peer': true,
    're-arm': true,
    restart: true,
  };

  test.each(REVIVAL_RUNGS)('%s', async (rung) => {
    const request = await stranded();
    let restarts = 0;
    const revival = await tryRung(rung, {
      client,
      kernel,
      request,
      restart: async () => {
        restarts += 1;
        return true;
      },
    });
    expect(revival.rung).toBe(rung);
    expect(revival.revived).toBe(expected[rung]);
    expect(revival.afterMs === null).toBe(!expected[rung]);
    expect(restarts).toBe(rung === 'restart' ? 1 : 0);
    // What was tried is in the story.
    expect(client.trace.since(0).some(({ type }) => type === `tried: ${rung}`)).toBe(true);
    if (!expected[rung]) {
      const proof = await tryRung('re-arm', { client, kernel, request, restart: async () => false });
      expect(proof).toMatchObject({ rung: 're-arm', revived: true });
    }
  });
});

test('a new peer is answered, and a mere connection to the port revives nothing', async () => {
  const request = await stranded();
  expect(await shellPortOpen(kernel.connection, 1_000)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(firstWordMs(request)).toBeNull();

  const peer = new FreshPeer(kernel.connection);
  peer.ask();
  while (!peer.answered) await new Promise((resolve) => setTimeout(resolve, 10));
  await peer.close();
  while (!isSettled(request)) await client.changed();
});

describe('which wedge gets which rung', () => {
  const drawn = (autopsies: Autopsies, n: number) => Array.from({ length: n }, () => autopsies.next());

  test('all in turn', () => {
    expect(drawn(new Autopsies('full', 0), 8)).toEqual([...REVIVAL_RUNGS, 'waiting', 'same-peer']);
  });
  test('the first few', () => {
    expect(drawn(new Autopsies(2, 0), 4)).toEqual(['waiting', 'same-peer', null, null]);
  });
  test('after a resume, where the journal left off', () => {
    expect(drawn(new Autopsies(5, 4), 3)).toEqual(['re-arm', null, null]);
  });
  test('none', () => {
    expect(drawn(new Autopsies(undefined, 0), 1)).toEqual([null]);
  });
});
