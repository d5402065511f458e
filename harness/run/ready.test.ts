import { afterEach, beforeEach, expect, test } from 'vitest';
import { SocketPeer } from '../../tools/testing/socket-peer.ts';
import { KernelClient } from '../frontend/client.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { awaitReady } from './ready.ts';

let peer: SocketPeer;
let client: KernelClient;

beforeEach(async () => {
  peer = await SocketPeer.bound();
  client = new KernelClient(peer.connection);
});

afterEach(async () => {
  await client.close();
  peer.close();
});

/** As much of a kernel as a start looks at. */
function kernelOf(): RunningKernel {
  return {
    command: { argv: ['k'], countersPath: null, identityPath: null, mayLackControl: true },
    exited: new Promise(() => {}),
    exit: null,
  } as unknown as RunningKernel;
}

test('a status that was published before we were subscribed is asked for again, whatever comes on iopub first', async () => {
  const ready = awaitReady(client, kernelOf(), 10_000);
  const { identity, message: first } = await peer.request('shell');
  // The subscription is proved by something else, and the reply to what was asked before comes after that.
  const other = { msg_id: 'other', msg_type: 'status' };
  while (!client.iopubSeen) {
    await peer.publish({ header: other, content: { execution_state: 'idle' } });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const reply = { msg_id: 'r', msg_type: 'kernel_info_reply' };
  await peer.answer('shell', identity, {
    header: reply,
    parentHeader: first.header,
    content: { status: 'ok' },
  });
  const { message: second } = await peer.request('shell');
  expect(second.header.msg_id).not.toBe(first.header.msg_id);
  for (const execution_state of ['busy', 'idle']) {
    await peer.publish({ header: other, parentHeader: second.header, content: { execution_state } });
  }
  await peer.answer('shell', identity, {
    header: { ...reply, msg_id: 'r2' },
    parentHeader: second.header,
    content: { status: 'ok' },
  });
  expect(await ready).toMatchObject({ ready: true });
});
