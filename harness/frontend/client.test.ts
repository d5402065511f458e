import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { SocketPeer } from '../../tools/testing/socket-peer.ts';
import type { Message } from '../transport/message.ts';
import { isSettled, KernelClient, type ShellRequest } from './client.ts';

let peer: SocketPeer;
let client: KernelClient;
let published: Message[];

beforeEach(async () => {
  peer = await SocketPeer.bound();
  client = new KernelClient(peer.connection);
  published = [];
  client.onIopub = (message) => published.push(message);
  while (!client.iopubSeen) {
    await peer.publish(message('hello'));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // No greeting is under way when a test begins.
  const last = `peer-${count}`;
  await eventually('the last greeting', () => published.some(({ header }) => header.msg_id === last));
});

afterEach(async () => {
  await client.close();
  peer.close();
});

let count = 0;
function message(msgType: string, parentId?: string, content: unknown = {}) {
  count += 1;
  return {
    header: { msg_id: `peer-${count}`, msg_type: msgType },
    content,
    ...(parentId === undefined ? {} : { parentHeader: { msg_id: parentId } }),
  };
}

async function sent(msgType: string, hasReply = true): Promise<{ request: ShellRequest; identity: Buffer }> {
  const request = client.request(msgType, {}, { hasReply });
  const { identity, message: arrived } = await peer.request('shell');
  expect(arrived.header).toMatchObject({ msg_id: request.msgId, msg_type: msgType });
  return { request, identity };
}

const status = (request: ShellRequest, state: string) =>
  peer.publish(message('status', request.msgId, { execution_state: state }));

test('of a reply no more is kept than is needed, however long it is', async () => {
  const { request, identity } = await sent('execute_request');
  const traceback = Array.from({ length: 1_000 }, () => 'x'.repeat(1_000));
  const content = { status: 'error', ename: 'E', evalue: 'v'.repeat(1_000_000), traceback };
  await peer.answer('shell', identity, message('execute_reply', request.msgId, content));
  await eventually('the reply', () => request.reply);
  expect(request.reply).toEqual({ status: 'error', ename: 'E', evalue: 'v'.repeat(64 * 1024) });
});

describe('a request is settled', () => {
  test.each(['reply first', 'idle first'])('by its reply and its idle status: %s', async (order) => {
    const { request, identity } = await sent('execute_request');
    const reply = () =>
      peer.answer('shell', identity, message('execute_reply', request.msgId, { status: 'ok' }));
    await status(request, 'busy');
    await eventually('busy', () => request.busyAtMs);
    if (order === 'reply first') await reply();
    else await status(request, 'idle');
    await eventually('one of them', () => request.replyAtMs ?? request.idleAtMs);
    expect(isSettled(request)).toBe(false);
    expect(client.unsettled).toEqual([request]);
    if (order === 'reply first') await status(request, 'idle');
    else await reply();
    await eventually('both', () => isSettled(request));
    expect(client.unsettled).toEqual([]);
    expect(request.reply).toEqual({ status: 'ok' });
    expect(client.account).toMatchObject({ sent: 1, replies: 1, idles: 1, rejected: 0 });
  });

  test('by idle alone where the protocol gives no reply; a reply to it is none', async () => {
    const { request, identity } = await sent('comm_msg', false);
    await peer.answer('shell', identity, message('comm_msg', request.msgId));
    await eventually('the rejection', () => client.account.rejected);
    expect(isSettled(request)).toBe(false);
    await status(request, 'idle');
    await eventually('idle', () => isSettled(request));
    expect(client.account).toMatchObject({ sent: 1, replies: 0, idles: 1, rejected: 1 });
  });
});

describe('what is not taken, and counted', () => {
  test('a reply whose parent is not ours, of another type, malformed, badly signed, or a second one', async () => {
    const { request, identity } = await sent('execute_request');
    const answer = (...parts: Parameters<typeof message>) =>
      peer.answer('shell', identity, message(...parts));
    await answer('execute_reply', 'nobody');
    await answer('execute_reply');
    await answer('kernel_info_reply', request.msgId);
    await peer.shell.send([identity, 'rubbish']);
    const forged = message('execute_reply', request.msgId);
    await peer.shell.send([
      identity,
      '<IDS|MSG>',
      '0'.repeat(64),
      ...[forged.header, forged.parentHeader, {}, {}].map((part) => JSON.stringify(part)),
    ]);
    await eventually('five rejections', () => client.account.rejected === 5);
    expect(request.replyAtMs).toBeNull();
    await answer('execute_reply', request.msgId, { status: 'ok' });
    await answer('execute_reply', request.msgId, { status: 'error' });
    await eventually('six rejections', () => client.account.rejected === 6);
    expect(request).toMatchObject({ reply: { status: 'ok' }, replies: 2 });
    expect(client.account.replies).toBe(1);
    expect(client.rejections).toEqual({
      'shell foreign-parent': 2,
      'shell wrong-type': 1,
      'shell malformed': 1,
      'shell bad-signature': 1,
      'shell second-reply': 1,
    });
  });

  test('nothing of others on iopub settles a request of ours', async () => {
    const { request } = await sent('execute_request');
    await peer.publish(message('status', 'nobody', { execution_state: 'idle' }));
    await peer.publish(message('stream', request.msgId, { execution_state: 'idle' }));
    await peer.publish(message('last'));
    await eventually('the last', () => published.some(({ header }) => header.msg_type === 'last'));
    expect(request.idleAtMs).toBeNull();
    expect(client.account.idles).toBe(0);
  });
});

test('starting is told from other states', async () => {
  expect(client.startingSeen).toBe(false);
  await peer.publish(message('status', undefined, { execution_state: 'starting' }));
  await eventually('starting', () => client.startingSeen);
});

describe('control', () => {
  test('gives each request its own reply, in whatever order', async () => {
    const [one, two] = [client.control('a_request', {}, 5_000), client.control('b_request', {}, 5_000)];
    const requests = [await peer.request('control'), await peer.request('control')];
    for (const { identity, message: request } of requests.reverse()) {
      await peer.answer(
        'control',
        identity,
        message('any_reply', request.header.msg_id, { to: request.header.msg_type }),
      );
    }
    expect((await one)?.content).toEqual({ to: 'a_request' });
    expect((await two)?.content).toEqual({ to: 'b_request' });
  });

  test('gives null when none came in time, and when the client is closed', async () => {
    expect(await client.control('a_request', {}, 50)).toBeNull();
    const waiting = client.control('b_request', {}, 60_000);
    await client.close();
    expect(await waiting).toBeNull();
  });
});

test('a message resolves who waits for a change, once', async () => {
  const waits = [client.changed(), client.changed()];
  await peer.publish(message('something'));
  await Promise.all(waits);
  let again = false;
  void client.changed().then(() => {
    again = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(again).toBe(false);
});

test('one session for all that is sent, an id for each', async () => {
  const requests = Array.from({ length: 20 }, () => client.request('execute_request', {}));
  const headers = [];
  for (const _ of requests) headers.push((await peer.request('shell')).message.header);
  expect(new Set(headers.map(({ session }) => session)).size).toBe(1);
  expect(headers.map(({ msg_id }) => msg_id)).toEqual(requests.map(({ msgId }) => msgId));
  expect(new Set(headers.map(({ msg_id }) => msg_id)).size).toBe(20);
  expect(client.account.byType).toEqual({ execute_request: 20 });
});
