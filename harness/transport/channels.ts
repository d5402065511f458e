import { Dealer, Request, Subscriber } from 'zeromq';
import type { ConnectionInfo } from './connection.ts';
import { type Decoded, decodeMessage, encodeMessage, type Outgoing } from './wire.ts';

export type Channel = 'shell' | 'control' | 'iopub';

/** Called for every message, in arrival order per channel. What it throws becomes the channels' `failure`. */
export type Receiver = (channel: Channel, decoded: Decoded) => void;

// libzmq's default of 100 ms would add 50 ms on average to each start-up: we connect before the kernel binds.
const RECONNECT_MS = 5;

/** Ends when the socket is closed: zeromq.js then rejects the pending receive with this code. */
function isClosed(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === 'EBADF' || code === 'ENOTSOCK' || code === 'ETERM';
}

/**
 * The client's sockets to one kernel over ZeroMQ: exactly one shell peer, one control peer, one iopub
 * subscription. One reader a socket and one send at a time (zeromq.js allows no more); a bad frame is
 * counted and never ends a reader.
 */
export class KernelChannels {
  readonly #shell: Dealer;
  readonly #control: Dealer;
  readonly #iopub: Subscriber;
  readonly #key: string;
  readonly #connection: ConnectionInfo;
  readonly #receive: Receiver;
  #sending: Record<'shell' | 'control', Promise<void>> = {
    shell: Promise.resolve(),
    control: Promise.resolve(),
  };
  readonly #readers: Promise<unknown>[];
  #failure: Error | null = null;

  constructor(connection: ConnectionInfo, identity: string, receive: Receiver) {
    this.#connection = connection;
    this.#key = connection.key;
    this.#receive = receive;
    const options = {
      linger: 0,
      reconnectInterval: RECONNECT_MS,
      sendHighWaterMark: 0,
      receiveHighWaterMark: 0,
    };
    this.#shell = new Dealer({ ...options, routingId: identity });
    this.#control = new Dealer({ ...options, routingId: identity });
    this.#iopub = new Subscriber({ linger: 0, reconnectInterval: RECONNECT_MS, receiveHighWaterMark: 0 });
    this.#iopub.subscribe();
    this.#iopub.connect(this.#address(connection.iopub_port));
    this.#control.connect(this.#address(connection.control_port));
    this.#shell.connect(this.#address(connection.shell_port));
    this.#readers = [
      this.#read(this.#shell, 'shell'),
      this.#read(this.#control, 'control'),
      this.#read(this.#iopub, 'iopub'),
    ];
  }

  /** The first error of a socket of ours: what was observed after it says nothing of the kernel. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Queue a message; resolves when libzmq has taken it. A failure is kept in `failure`. */
  send(channel: 'shell' | 'control', message: Outgoing): Promise<void> {
    const frames = encodeMessage(message, this.#key);
    const socket = channel === 'shell' ? this.#shell : this.#control;
    this.#sending[channel] = this.#sending[channel]
      .then(() => socket.send(frames))
      .catch((error: unknown) => {
        if (!socket.closed) this.#failure ??= error as Error;
      });
    return this.#sending[channel];
  }

  /**
   * Send one heartbeat and wait for its echo, on a socket of its own.
   *
   * @returns whether the echo came within `timeoutMs`
   */
  async heartbeat(timeoutMs: number): Promise<boolean> {
    const socket = new Request({ linger: 0, receiveTimeout: timeoutMs, sendTimeout: timeoutMs });
    try {
      socket.connect(this.#address(this.#connection.hb_port));
      await socket.send('ping');
      const [echo] = await socket.receive();
      return echo?.toString() === 'ping';
    } catch {
      return false; // no echo in time is the answer, not an error
    } finally {
      socket.close();
    }
  }

  /** Close every socket and wait for the readers to end. */
  async close(): Promise<void> {
    this.#shell.close();
    this.#control.close();
    this.#iopub.close();
    await Promise.all(this.#readers);
  }

  #address(port: number): string {
    return `tcp://${this.#connection.ip}:${port}`;
  }

  async #read(socket: Dealer | Subscriber, channel: Channel): Promise<void> {
    while (!socket.closed) {
      let frames: Buffer[];
      try {
        frames = await socket.receive();
      } catch (error) {
        if (!socket.closed && !isClosed(error)) this.#failure ??= error as Error;
        return;
      }
      try {
        this.#receive(channel, decodeMessage(frames, this.#key));
      } catch (error) {
        // A reader that ended here would make every later answer look like the kernel's silence.
        this.#failure ??= error as Error;
      }
    }
  }
}
