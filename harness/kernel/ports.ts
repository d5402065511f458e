import { createServer, type Server } from 'node:net';
import pLimit from 'p-limit';
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
const BLOCK = 250;
const BLOCKS = 48;
const LAST_PORT = FIRST_PORT + BLOCKS * BLOCK - 1;

// Taken by another program, or reserved by Windows. Other errors, such as too many open files, are not about a port.
const TAKEN: ReadonlySet<string | undefined> = new Set(['EADDRINUSE', 'EACCES']);

function bind(port: number): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    // A connection that comes meanwhile, such as an earlier kernel's peer that retries, would keep it from closing.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (TAKEN.has(error.code)) resolve(null);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * The ports of one harness: blocks of the range, each claimed by holding its first port while the process lives. So two
 * harnesses never allot the same port, not even between the look and the kernel's bind. Otherwise a client could reach the
 * other's kernel and, as a new peer, revive it from a wedge. The system releases a claim when the process ends.
 */
export class PortRange {
  readonly #claims = new Map<number, Server>();
  readonly #ports: number[] = [];
  readonly #held = new Set<number>();
  // Two searches at once would each see too few free ports.
  readonly #oneByOne = pLimit(1);
  readonly #start: number;
  #next = 0;

  /** @param start first block to look at, which should differ between processes that start together */
  constructor(start: number) {
    this.#start = start;
  }

  /** @throws SoakError `no-ports`; Error of the system, where it gives no more sockets; DeadlinePassed */
  allocate(): Promise<KernelPorts> {
    // Each turn has the deadline: a search that hangs does not delay the next ones for longer.
    return this.#oneByOne(() =>
      withDeadline('allot-ports', this.#fivePorts(), { onLate: (late) => this.release(late) }),
    );
  }

  release(ports: KernelPorts): void {
    for (const port of Object.values(ports)) this.#held.delete(port as number);
  }

  /** Release the claims of a range that ends before its process. */
  async close(): Promise<void> {
    await Promise.all([...this.#claims.values()].map(close));
  }

  async #fivePorts(): Promise<KernelPorts> {
    const servers = new Map<number, Server>();
    try {
      while (servers.size < 5) {
        const free = await this.#nextFree();
        if (free !== null) servers.set(free.port, free.server);
        else if (!(await this.#claimBlock())) break;
      }
    } catch (error) {
      for (const port of servers.keys()) this.#held.delete(port);
      throw error;
    } finally {
      await Promise.all([...servers.values()].map(close));
    }
    const [shell, iopub, stdin, control, hb] = servers.keys();
    if (
      shell === undefined ||
      iopub === undefined ||
      stdin === undefined ||
      control === undefined ||
      hb === undefined
    ) {
      for (const port of servers.keys()) this.#held.delete(port);
      throw new SoakError(
        'no-ports',
        `A kernel needs five free ports, and none were found between ${FIRST_PORT} and ${LAST_PORT} on 127.0.0.1.`,
        {
          remedy: `End the programs that use them, or lower --concurrency. Each running harness takes at least ${BLOCK} of them.`,
          exitCode: EXIT_CODES.environment,
        },
      );
    }
    return { shell, iopub, stdin, control, hb };
  }

  /** Hold the next port after the last one that is free; the longest unused come first. */
  async #nextFree(): Promise<{ port: number; server: Server } | null> {
    for (let looked = 0; looked < this.#ports.length; looked += 1) {
      const port = this.#ports[this.#next % this.#ports.length] ?? 0;
      this.#next = (this.#next + 1) % this.#ports.length;
      if (this.#held.has(port)) continue;
      const server = await bind(port);
      if (server === null) continue;
      this.#held.add(port);
      return { port, server };
    }
    return null;
  }

  async #claimBlock(): Promise<boolean> {
    for (let step = 0; step < BLOCKS; step += 1) {
      const first = FIRST_PORT + ((this.#start + step) % BLOCKS) * BLOCK;
      if (this.#claims.has(first)) continue;
      const claim = await bind(first);
      if (claim === null) continue;
      claim.unref();
      this.#claims.set(first, claim);
      this.#next = this.#ports.length;
      for (let port = first + 1; port < first + BLOCK; port += 1) this.#ports.push(port);
      return true;
    }
    return false;
  }
}

const range = new PortRange(process.pid);

/**
 * Find five free loopback ports at once. All are bound together before any is released. Neither this process, until
 * `releasePorts`, nor another harness (`PortRange`) hands one out again. Another program can still take one before the
 * kernel binds it. The kernel then reports EADDRINUSE, which is a harness fault, never a verdict.
 *
 * @throws SoakError `no-ports`; Error of the system, where it gives no more sockets; DeadlinePassed
 */
export function allocatePorts(): Promise<KernelPorts> {
  return range.allocate();
}

/** Release ports once their kernel has ended. */
export function releasePorts(ports: KernelPorts): void {
  range.release(ports);
}
