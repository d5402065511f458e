import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Router } from 'zeromq';
import { allocatePorts, type KernelPorts, releasePorts } from './ports.ts';

const held: KernelPorts[] = [];
const numbers = (ports: KernelPorts): number[] => Object.values(ports) as number[];

async function allocated(): Promise<KernelPorts> {
  const ports = await allocatePorts();
  held.push(ports);
  return ports;
}

afterEach(() => {
  for (const ports of held.splice(0)) releasePorts(ports);
});

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
    const ports = numbers(await allocated());
    expect(new Set(ports).size).toBe(5);
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(1024);
      expect(port).toBeLessThan(32_768);
    }
  });

  test('are not handed out twice while they are held, also when asked for at once', async () => {
    const all = (await Promise.all(Array.from({ length: 40 }, allocated))).flatMap(numbers);
    expect(new Set(all).size).toBe(200);
  });

  test('are free when they are handed out', async () => {
    for (const port of numbers(await allocated())) await closed(await listening(port, '127.0.0.1'));
  });

  // The ports after the last ones handed out are the next candidates: each is occupied in its way.
  test.each(['127.0.0.1', '0.0.0.0'])('that something listens on at %s are passed over', async (host) => {
    const last = Math.max(...numbers(await allocated()));
    const servers = await Promise.all([1, 2, 4, 7].map((step) => listening(last + step, host)));
    try {
      const ports = numbers(await allocated());
      for (const step of [1, 2, 4, 7]) expect(ports).not.toContain(last + step);
    } finally {
      await Promise.all(servers.map(closed));
    }
  });

  test('that another kernel’s libzmq has bound are passed over', async () => {
    const last = Math.max(...numbers(await allocated()));
    const socket = new Router({ linger: 0 });
    await socket.bind(`tcp://127.0.0.1:${last + 1}`);
    try {
      expect(numbers(await allocated())).not.toContain(last + 1);
    } finally {
      await socket.unbind(`tcp://127.0.0.1:${last + 1}`);
      socket.close();
    }
  });

  test('may be handed out again once they are given back', async () => {
    const ports = await allocatePorts();
    releasePorts(ports);
    releasePorts(ports);
    // The whole range has to be gone through, since the search goes on from the last port.
    const again = new Set<number>();
    for (let count = 0; count < 2500 && !again.has(ports.shell); count += 1) {
      const next = await allocatePorts();
      for (const port of numbers(next)) again.add(port);
      releasePorts(next);
    }
    expect(again).toContain(ports.shell);
  });
});
