import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { PEER_KEY, SocketPeer } from '../../tools/testing/socket-peer.ts';
import { type Channel, KernelChannels } from './channels.ts';
import { type Decoded, decodeMessage, encodeMessage } from './wire.ts';

const message = (id: string, content: unknown = {}) => ({ header: { msg_id: id, msg_type: 't' }, content });

let peer: SocketPeer;
let channels: KernelChannels;
let received: { channel: Channel; decoded: Decoded }[];

beforeEach(async () => {
  peer = await SocketPeer.bound();
  received = [];
  channels = new KernelChannels(peer.connection, 'me', (channel, decoded) => {
    if (decoded.ok && decoded.message.header.msg_id === 'explode') throw new Error('receiver');
    received.push({ channel, decoded });
  });
});

afterEach(async () => {
  await channels.close();
  peer.close();
});

const ids = (channel: Channel) =>
  received
    .filter((item) => item.channel === channel)
    .map(({ decoded }) => (decoded.ok ? decoded.message.header.msg_id : decoded.why));

describe('sending', () => {
  test('keeps call order, signed, under one identity', async () => {
    const sent = Array.from({ length: 200 }, (_, index) => `m${index}`);
    const sending = sent.map((id) => channels.send('shell', message(id)));
    const arrived: string[] = [];
    for (const _ of sent) {
      const [identity, ...frames] = await peer.shell.receive();
      const decoded = decodeMessage(frames, PEER_KEY);
      expect(identity?.toString()).toBe('me');
      arrived.push(decoded.ok ? decoded.message.header.msg_id : decoded.why);
    }
    await Promise.all(sending);
    expect(arrived).toEqual(sent);
    expect(channels.failure).toBeNull();
  });

  test('after close is no failure of a socket and does not wait', async () => {
    await channels.close();
    await channels.send('shell', message('late'));
    expect(channels.failure).toBeNull();
  });
});

describe('receiving', () => {
  test('lets the bytes of a large message go at once, which nothing else would make V8 do', async () => {
    let bytes: WeakRef<Buffer> | null = null;
    const other = new KernelChannels(peer.connection, 'other', (_channel, decoded) => {
      const [buffer] = decoded.ok ? decoded.message.buffers : [];
      if (buffer !== undefined) bytes = new WeakRef(buffer);
    });
    const large = { ...message('large'), buffers: [Buffer.alloc(32 << 20)] };
    while (bytes === null) {
      await peer.publish(large);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await eventually('their end', () => (bytes as WeakRef<Buffer> | null)?.deref() === undefined);
    await other.close();
  });

  test('goes on after frames that are no message, and counts each', async () => {
    await channels.send('shell', message('hello'));
    const [identity] = await peer.shell.receive();
    const reply = (frames: (Buffer | string)[]) => peer.shell.send([identity ?? '', ...frames]);
    await reply(['garbage']);
    await reply(encodeMessage(message('forged'), 'other key'));
    await reply(['']);
    await reply(encodeMessage(message('sound'), PEER_KEY));
    await eventually('the sound reply', () => ids('shell').includes('sound'));
    expect(ids('shell')).toEqual(['malformed', 'bad-signature', 'malformed', 'sound']);
    expect(channels.failure).toBeNull();
  });

  test('goes on after its receiver threw, and says so', async () => {
    await channels.send('control', message('hello'));
    const [identity] = await peer.control.receive();
    for (const id of ['explode', 'after']) {
      await peer.control.send([identity ?? '', ...encodeMessage(message(id), PEER_KEY)]);
    }
    await eventually('the message after', () => ids('control').includes('after'));
    expect(channels.failure?.message).toBe('receiver');
  });

  test('drops nothing of a burst on iopub beyond the default high-water mark', async () => {
    // Each with an id of its own: a second of one id is a replay.
    for (let ping = 0; ids('iopub').length === 0; ping += 1) {
      await peer.iopub.send(['', ...encodeMessage(message(`ping ${ping}`), PEER_KEY)]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const burst = Array.from({ length: 5000 }, (_, index) => `b${index}`);
    for (const id of burst) await peer.iopub.send(['topic', ...encodeMessage(message(id), PEER_KEY)]);
    await eventually('the last of the burst', () => ids('iopub').includes('b4999'));
    expect(ids('iopub').filter((id) => !id?.startsWith('ping '))).toEqual(burst);
  });
});

describe('the heartbeat', () => {
  test('is true when it echoes', async () => {
    const echo = peer.hb.receive().then((frames) => peer.hb.send(frames));
    expect(await channels.heartbeat(5_000)).toBe(true);
    await echo;
  });

  test('is false, in time, when nothing answers or something else does', async () => {
    const beforeMs = performance.now();
    expect(await channels.heartbeat(100)).toBe(false);
    const tookMs = performance.now() - beforeMs;
    expect(tookMs).toBeGreaterThanOrEqual(95);
    expect(tookMs).toBeLessThan(2_000);
    await peer.hb.receive();
    await peer.hb.send('pong');
    const answer = peer.hb.receive().then(() => peer.hb.send('not ping'));
    expect(await channels.heartbeat(5_000)).toBe(false);
    await answer;
  });
});
