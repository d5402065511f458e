import { createServer, type Server } from 'node:net';
import { withDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';

/** The five ports of a connection file. */
export interface KernelPorts {
  readonly shell: number;
  readonly iopub: number;
  readonly stdin: number;
  readonly control: number;
  readonly hb: number;
}

// Below every platform's ephemeral range (Linux from 32768, macOS and Windows from 49152): there, an
// outgoing connection of any process could take the port between our release and the kernel's bind.
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 400;

/** Ports handed out by this process and not yet given back. */
const held = new Set<number>();
// Where this process starts to look: processes that start together look in different places.
let next = FIRST_PORT + ((process.pid * 97) % (LAST_PORT - FIRST_PORT));

function bind(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    // Whoever connects meanwhile, such as an earlier kernel's peer that tries again, would keep it from closing.
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * Find five free loopback ports at once: all are bound together before any is released, and none is
 * handed out twice by this process until `releasePorts`. Another process can still take one before
 * the kernel binds it; the kernel then says EADDRINUSE, which is the harness's fault, never a verdict.
 *
 * @throws SoakError `no-ports`; DeadlinePassed
 */
export function allocatePorts(): Promise<KernelPorts> {
  return withDeadline('allot-ports', freePorts(), { onLate: releasePorts });
}

async function freePorts(): Promise<KernelPorts> {
  const servers: { port: number; server: Server }[] = [];
  try {
    for (let attempt = 0; servers.length < 5 && attempt < ATTEMPTS; attempt += 1) {
      const port = next;
      next = next >= LAST_PORT ? FIRST_PORT : next + 1;
      if (held.has(port)) continue;
      const server = await bind(port);
      if (server !== null) {
        held.add(port);
        servers.push({ port, server });
      }
    }
  } finally {
    await Promise.all(servers.map(({ server }) => close(server)));
  }
  const [shell, iopub, stdin, control, hb] = servers.map(({ port }) => port);
  if (
    shell === undefined ||
    iopub === undefined ||
    stdin === undefined ||
    control === undefined ||
    hb === undefined
  ) {
    for (const { port } of servers) held.delete(port);
    throw new SoakError(
      'no-ports',
      `No five free ports were found between ${FIRST_PORT} and ${LAST_PORT} on 127.0.0.1.`,
      {
        remedy: 'End what holds them, or lower --concurrency.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  return { shell, iopub, stdin, control, hb };
}

/** Give ports back, once their kernel is gone. */
export function releasePorts(ports: KernelPorts): void {
  for (const port of Object.values(ports)) held.delete(port as number);
}
