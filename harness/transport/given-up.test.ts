import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Publisher, Router, Subscriber } from 'zeromq';
import { eventually } from '../../tools/testing/bare-client.ts';
import { SocketPeer } from '../../tools/testing/socket-peer.ts';
import { type Channel, KernelChannels } from './channels.ts';
import { watchGivenUp } from './given-up.ts';

const ends: (() => unknown)[] = [];

/** Bind a port that another socket has just left: libzmq leaves it a moment later. */
async function bind(socket: Publisher | Router, to: string): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      return await socket.bind(to);
    } catch (error) {
      if (left === 0) throw error;
      await delay(20);
    }
  }
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('a connection that libzmq gives up', () => {
  async function watched(): Promise<{ publisher: Publisher; told: string[] }> {
    const publisher = new Publisher({ linger: 0 });
    await publisher.bind('tcp://127.0.0.1:*');
    const socket = new Subscriber({ linger: 0, reconnectInterval: 12, maxMessageSize: 1_000 });
    socket.subscribe();
    const told: string[] = [];
    watchGivenUp(socket, {
      onRefused: () => told.push('refused'),
      onStranger: () => told.push('stranger'),
    });
    socket.connect(publisher.lastEndpoint ?? '');
    ends.push(
      () => socket.close(),
      () => publisher.close(),
    );
    await publisher.send('may come before the subscription');
    const reader = async () => {
      while (!socket.closed) await socket.receive();
    };
    void reader().catch(() => {});
    await delay(200);
    return { publisher, told };
  }

  test('for a frame beyond the limit is told of, once', async () => {
    const { publisher, told } = await watched();
    await publisher.send(Buffer.alloc(1_001));
    await eventually('that it is told', () => told.length > 0);
    await publisher.send(Buffer.alloc(1_001));
    await delay(500);
    expect(told).toEqual(['refused']);
  });

  test('is not one that was closed: that is connected to anew', async () => {
    const { publisher, told } = await watched();
    const at = publisher.lastEndpoint ?? '';
    publisher.close();
    await delay(500);
    const again = new Publisher({ linger: 0 });
    ends.push(() => again.close());
    await bind(again, at);
    await delay(500);
    expect(told).toEqual([]);
  });
});

// As when another harness or another program has the port for a moment, before the kernel binds it.
describe('until the kernel comes, who listens at its iopub port', () => {
  async function comesAfter(occupy: (port: number) => Promise<() => unknown>): Promise<void> {
    const peer = await SocketPeer.bound();
    ends.push(() => peer.close());
    const port = peer.connection.iopub_port;
    await peer.iopub.unbind(`tcp://127.0.0.1:${port}`);
    const leave = await occupy(port);
    const received: { channel: Channel; ok: boolean }[] = [];
    const channels = new KernelChannels(peer.connection, 'me', (channel, { ok }) =>
      received.push({ channel, ok }),
    );
    ends.push(() => channels.close());
    await delay(450);
    await leave();
    await delay(50);
    await bind(peer.iopub, `tcp://127.0.0.1:${port}`);
    while (received.length === 0) {
      await peer.publish({ header: { msg_id: 'one', msg_type: 't' }, content: {} });
      await delay(20);
    }
    const before = received.length;
    await delay(100);
    await peer.publish({ header: { msg_id: 'two', msg_type: 't' }, content: {} });
    await delay(200);
    // Nothing was refused, and nothing comes twice.
    expect(received.every(({ channel, ok }) => channel === 'iopub' && ok)).toBe(true);
    expect(received).toHaveLength(before + 1);
    expect(channels.failure).toBeNull();
  }

  test('may be a socket of another type', () =>
    comesAfter(async (port) => {
      const socket = new Router({ linger: 0 });
      await bind(socket, `tcp://127.0.0.1:${port}`);
      return () => socket.close();
    }));

  test('may close every connection', () =>
    comesAfter(async (port) => {
      await delay(100);
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      return () => new Promise((resolve) => server.close(resolve));
    }));
});
