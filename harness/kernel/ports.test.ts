import { createServer, Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Router } from 'zeromq';
import { type KernelPorts, PortRange } from './ports.ts';

const LAP = 100; // allocations after which each port of a block was looked at twice

let range: PortRange;
const opened: PortRange[] = [];
const numbers = (ports: KernelPorts): number[] => Object.values(ports) as number[];

function opens(start: number): PortRange {
  const made = new PortRange(start);
  opened.push(made);
  return made;
}

/** Every port that is handed out in some laps, each given back at once. */
async function handedOut(of: PortRange): Promise<Set<number>> {
  const all = new Set<number>();
  for (let count = 0; count < LAP; count += 1) {
    const ports = await of.allocate();
    for (const port of numbers(ports)) all.add(port);
    of.release(ports);
  }
  return all;
}

beforeEach(() => {
  range = opens(process.pid);
});

afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

function listening(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

describe('ports', () => {
  test('are five, distinct, and below every platform’s ephemeral range', async () => {
    const ports = numbers(await range.allocate());
    expect(new Set(ports).size).toBe(5);
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(1024);
      expect(port).toBeLessThan(32_768);
    }
  });

  test('are not handed out twice while they are held, also when asked for at once', async () => {
    const sets = await Promise.all(Array.from({ length: 120 }, () => range.allocate()));
    expect(new Set(sets.flatMap(numbers)).size).toBe(600);
  });

  test('are free when they are handed out', async () => {
    for (const port of numbers(await range.allocate())) await closed(await listening(port, '127.0.0.1'));
  });

  test.each(['127.0.0.1', '0.0.0.0'])('that something listens on at %s are passed over', async (host) => {
    const before = await handedOut(range);
    const taken = [...before].filter((_, index) => index % 3 === 0);
    const servers = await Promise.all(taken.map((port) => listening(port, host)));
    try {
      const now = await handedOut(range);
      expect(taken.filter((port) => now.has(port))).toEqual([]);
      expect(now.size).toBe(before.size - taken.length);
    } finally {
      await Promise.all(servers.map(closed));
    }
  });

  test('that another kernel’s libzmq has bound are passed over', async () => {
    const [port = 0] = await handedOut(range);
    const socket = new Router({ linger: 0 });
    await socket.bind(`tcp://127.0.0.1:${port}`);
    try {
      expect(await handedOut(range)).not.toContain(port);
    } finally {
      await socket.unbind(`tcp://127.0.0.1:${port}`);
      socket.close();
    }
  });

  test('may be handed out again once they are given back', async () => {
    const ports = await range.allocate();
    range.release(ports);
    range.release(ports);
    expect(await handedOut(range)).toContain(ports.shell);
  });

  test('are not said to be taken where the system gives no more sockets', async () => {
    const refusal = Object.assign(new Error('listen EMFILE'), { code: 'EMFILE' });
    let left = 4;
    const { listen } = Server.prototype;
    const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args) {
      left -= 1;
      if (left >= 0) return listen.apply(this, args);
      setImmediate(() => this.emit('error', refusal));
      return this;
    });
    await expect(range.allocate()).rejects.toBe(refusal);
    spy.mockRestore();
    // Nothing stays held: a whole block is there.
    expect((await handedOut(range)).size).toBe(249);
  });

  test('are never those of another harness that runs, though none of its kernels has bound them', async () => {
    const [one, other] = [opens(7), opens(7)];
    const [mine, theirs] = [await handedOut(one), await handedOut(other)];
    expect([...mine].filter((port) => theirs.has(port))).toEqual([]);
    expect([mine.size, theirs.size]).toEqual([249, 249]);
  });
});
