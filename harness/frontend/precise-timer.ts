import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { isDoneWithin } from '../model/deadlines.ts';

/** Monotonic milliseconds with nanosecond resolution, equal in every thread of the process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Rounds to microseconds, which is as precise as the clock is. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

// Node's timers have a resolution of a millisecond, and a loop that spins until a moment takes a core from
// the measured kernel. A thread that sleeps in Atomics.wait does neither. It wakes for new requests and posts
// the ids of those that are due.
const SLEEPER = `
const { workerData, receiveMessageOnPort } = require('node:worker_threads');
const { port, shared } = workerData;
const signal = new Int32Array(shared);
const pending = [];
const now = () => Number(process.hrtime.bigint()) / 1e6;
for (;;) {
  const seen = Atomics.load(signal, 0);
  let stop = false;
  for (let item; (item = receiveMessageOnPort(port)); ) {
    if (item.message === null) stop = true;
    else {
      let at = pending.length;
      while (at > 0 && pending[at - 1].dueMs <= item.message.dueMs) at -= 1;
      pending.splice(at, 0, item.message);
    }
  }
  if (stop) break;
  while (pending.length > 0 && pending[pending.length - 1].dueMs <= now()) port.postMessage(pending.pop().id);
  const next = pending[pending.length - 1];
  Atomics.wait(signal, 0, seen, next === undefined ? Infinity : Math.max(0, next.dueMs - now()));
}
port.close();
`;

/** Waits to a fraction of a millisecond without stalling the event loop or burning a core. */
export class PreciseTimer {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #signal: Int32Array;
  readonly #waiting = new Map<number, () => void>();
  #nextId = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const shared = new SharedArrayBuffer(4);
    this.#port = port1;
    this.#signal = new Int32Array(shared);
    this.#worker = new Worker(SLEEPER, {
      eval: true,
      workerData: { port: port2, shared },
      transferList: [port2],
    });
    this.#worker.unref();
    port1.on('message', (id: number) => {
      const resolve = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) port1.unref();
      resolve?.();
    });
    port1.unref();
  }

  /**
   * Resolve at a moment of `monotonicMs`, never before it; at once if it has passed. Equal moments resolve in
   * call order.
   */
  at(dueMs: number): Promise<void> {
    if (dueMs <= monotonicMs()) return Promise.resolve();
    return new Promise((resolve) => {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#waiting.set(id, resolve);
      this.#port.ref();
      this.#post({ id, dueMs });
    });
  }

  /** End the thread; whatever still waits never resolves. */
  async close(): Promise<void> {
    this.#waiting.clear();
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.ref();
    this.#post(null);
    if (!(await isDoneWithin('timer-stop', ended))) this.#worker.unref();
    this.#port.close();
  }

  #post(message: { id: number; dueMs: number } | null): void {
    this.#port.postMessage(message);
    Atomics.add(this.#signal, 0, 1);
    Atomics.notify(this.#signal, 0);
  }
}
