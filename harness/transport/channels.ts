import { randomUUID } from 'node:crypto';
import { Dealer, Request, Subscriber } from 'zeromq';
import { withDeadline } from '../model/deadlines.ts';
import { type ConnectionInfo, curveOptions, endpoint } from './connection.ts';
import { collectGarbage } from './garbage.ts';
import { watchGivenUp } from './given-up.ts';
import { nudge } from './nudge.ts';
import { uninterrupted } from './uninterrupted.ts';
import { type Decoded, encodeMessage, MAX_FRAME_BYTES, MessageDecoder, type Outgoing } from './wire.ts';

export type Channel = 'shell' | 'control' | 'iopub';

/** Called for every message, in arrival order per channel. An error that it throws becomes the channels' `failure`. */
export type Receiver = (channel: Channel, decoded: Decoded) => void;

/** A client's way to one kernel: over ZeroMQ, or through a Jupyter Server. */
export interface Channels {
  /** The first error of the harness's own sockets. Observations after it say nothing about the kernel. */
  readonly failure: Error | null;
  /** Queue a message. Resolves when it is sent. An error is kept in `failure`. */
  send(channel: 'shell' | 'control', message: Outgoing): Promise<void>;
  /** Whether the kernel's heartbeat echoes within `timeoutMs`. `null`: there is no heartbeat here. */
  heartbeat(timeoutMs: number): Promise<boolean | null>;
  /**
   * Reconnect as a front end does when its page is reopened, with the nudge before its first request.
   * Resolves when that request may be sent.
   *
   * @param onShellRequest called with the id of each shell request that another peer sends for this client
   */
  renew(onShellRequest: (msgId: string) => void): Promise<void>;
  /**
   * Count the shell requests that a server and its library have sent since the last call. Every request of
   * the client must have been answered.
   */
  settle(): Promise<void>;
  /** Whether this connection itself shows that the kernel listens on all its channels. */
  readonly isUp: boolean;
  /** Shell requests that server and library had sent by themselves, as of the last `settle`. */
  readonly foreign: number;
  /** The account of a Jupyter Server; `null`: there is none. */
  readonly server: ServerAccount | null;
  close(): Promise<void>;
}

/** What @jupyterlab/services did by itself. */
export interface ServerAccount {
  /** Shell requests that the library itself sent: its `kernel_info`. */
  readonly library: number;
  /** WebSockets opened after the first, not counting those that the traffic opened. */
  readonly reconnects: number;
  /** The kernel's account and sockets are out of reach, for example on another machine. */
  readonly elsewhere?: true;
}

/** Opens the channels of one client, whose session is named. */
export type ChannelsMaker = (session: string, receive: Receiver) => Channels;

// We connect before the kernel binds. libzmq's default of 100 ms would add 50 ms on average to each start. Each attempt
// costs processor time: at 5 ms, the attempts of one start were a tenth of the harness's cost of a run.
const RECONNECT_MS = 12;

// A message of at least this many bytes is freed at once: see `collectGarbage`.
const LARGE_BYTES = 8 << 20;

export const DEALER_OPTIONS = {
  linger: 0,
  reconnectInterval: RECONNECT_MS,
  sendHighWaterMark: 0,
  receiveHighWaterMark: 0,
  maxMessageSize: MAX_FRAME_BYTES,
} as const;

// libzmq keeps unread messages in memory without a limit: with a high-water mark the kernel would drop
// messages, even idle statuses. Frames of 256 MiB arrive faster than they are parsed.
const MAX_BACKLOG_BYTES = 3 * 1024 ** 3;
// Memory is checked each time this many bytes have arrived: fewer cannot make such a backlog.
const LOOK_AT_MEMORY_EVERY_BYTES = 64 * 1024 ** 2;
// Largest accepted heartbeat: an echo is no longer than what we sent.
const MAX_HEARTBEAT_BYTES = 1_024;

/**
 * Whether the socket was closed, which ends the reader: zeromq.js then rejects the pending receive with this
 * code.
 */
function isClosed(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === 'EBADF' || code === 'ENOTSOCK' || code === 'ETERM';
}

/**
 * Pass on what a socket receives, until it is closed. A socket has one reader, since zeromq.js allows no
 * more.
 *
 * @param onFrames an error that it throws goes to `onFailure` and does not end the reader
 */
export async function readSocket(
  socket: Dealer | Subscriber,
  onFrames: (frames: Buffer[]) => void,
  onFailure: (error: Error) => void,
): Promise<void> {
  // A separate function: while this one waited for the next message, it would keep the last message alive.
  const readOne = async (): Promise<boolean> => {
    let frames: Buffer[];
    try {
      frames = await socket.receive();
    } catch (error) {
      if (!socket.closed && !isClosed(error)) onFailure(error as Error);
      return false;
    }
    try {
      onFrames(frames);
    } catch (error) {
      // If the reader ended here, every later answer would be missed, as if the kernel were silent.
      onFailure(error as Error);
    }
    if (frames.reduce((sum, { length }) => sum + length, 0) >= LARGE_BYTES) setImmediate(collectGarbage);
    return true;
  };
  while (!socket.closed && (await readOne()));
}

/**
 * Send one heartbeat and wait for its echo, on a socket of its own.
 *
 * @returns whether the echo came within `timeoutMs`
 */
export async function heartbeatEchoes(connection: ConnectionInfo, timeoutMs: number): Promise<boolean> {
  const socket = new Request({
    linger: 0,
    receiveTimeout: timeoutMs,
    sendTimeout: timeoutMs,
    maxMessageSize: MAX_HEARTBEAT_BYTES,
    ...curveOptions(connection),
  });
  try {
    uninterrupted(() => socket.connect(endpoint(connection, 'hb')));
    await socket.send('ping');
    const [echo] = await socket.receive();
    return echo?.toString() === 'ping';
  } catch {
    return false; // no echo in time is the answer, not an error
  } finally {
    socket.close();
  }
}

/**
 * The client's sockets to one kernel over ZeroMQ: exactly one shell peer, one control peer and one iopub
 * subscription. Each socket has one reader and sends one message at a time (zeromq.js allows no more). A bad
 * frame is counted and never ends a reader.
 */
export class KernelChannels implements Channels {
  readonly isUp = false;
  readonly foreign = 0;
  readonly server = null;
  #shell: Dealer;
  readonly #control: Dealer;
  readonly #iopub: Subscriber;
  readonly #key: string;
  readonly #decoder: MessageDecoder;
  readonly #maxBacklogBytes: number;
  #unlookedBytes = 0;
  readonly #connection: ConnectionInfo;
  readonly #receive: Receiver;
  #sending: Record<'shell' | 'control', Promise<void>> = {
    shell: Promise.resolve(),
    control: Promise.resolve(),
  };
  readonly #readers: Promise<unknown>[];
  readonly #closed: Promise<void>;
  #close: () => void = () => {};
  #iopubWaiters: (() => void)[] = [];
  #failure: Error | null = null;

  /** @param maxBacklogBytes limit for memory in use outside the heap when large messages arrive */
  constructor(
    connection: ConnectionInfo,
    identity: string,
    receive: Receiver,
    maxBacklogBytes: number = MAX_BACKLOG_BYTES,
  ) {
    this.#maxBacklogBytes = maxBacklogBytes;
    this.#connection = connection;
    this.#key = connection.key;
    this.#decoder = new MessageDecoder(connection.key);
    this.#receive = receive;
    this.#closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    const curve = curveOptions(connection);
    this.#shell = new Dealer({ ...DEALER_OPTIONS, ...curve, routingId: identity });
    this.#control = new Dealer({ ...DEALER_OPTIONS, ...curve, routingId: identity });
    this.#iopub = new Subscriber({
      linger: 0,
      reconnectInterval: RECONNECT_MS,
      receiveHighWaterMark: 0,
      maxMessageSize: MAX_FRAME_BYTES,
      ...curve,
    });
    this.#iopub.subscribe();
    this.#readers = [
      this.#connect(this.#iopub, 'iopub'),
      this.#connect(this.#control, 'control'),
      this.#connect(this.#shell, 'shell'),
    ];
  }

  get failure(): Error | null {
    return this.#failure;
  }

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

  heartbeat(timeoutMs: number): Promise<boolean> {
    return heartbeatEchoes(this.#connection, timeoutMs);
  }

  /**
   * Leave the shell channel and join it as a new peer, with a nudge before the first request. As in
   * jupyter_server, the new peer connects before the transient peers do. Its first request then meets their
   * reply, and not its own connection. No request may be unanswered: a peer that leaves loses its answers.
   */
  async renew(onShellRequest: (msgId: string) => void): Promise<void> {
    this.#shell.close();
    const curve = curveOptions(this.#connection);
    this.#shell = new Dealer({ ...DEALER_OPTIONS, ...curve, routingId: randomUUID() });
    this.#readers.push(this.#connect(this.#shell, 'shell'));
    const iopub = new Promise<void>((resolve) => this.#iopubWaiters.push(resolve));
    const nudged = nudge(this.#connection, { onShellRequest, iopub, over: this.#closed }).catch(
      (error: unknown) => {
        this.#failure ??= error as Error;
      },
    );
    this.#readers.push(nudged);
    await nudged;
  }

  async settle(): Promise<void> {} // the client counts the peers of a nudge

  /** Close every socket and wait for the readers to end. @throws DeadlinePassed when a reader does not end */
  async close(): Promise<void> {
    this.#close();
    this.#shell.close();
    this.#control.close();
    this.#iopub.close();
    await withDeadline('close-socket', Promise.all(this.#readers));
  }

  /** Whether the kernel sends faster than the harness can read, and the backlog has passed its limit. */
  #isTooMuch(frames: readonly Buffer[]): boolean {
    for (const frame of frames) this.#unlookedBytes += frame.length;
    if (this.#unlookedBytes < LOOK_AT_MEMORY_EVERY_BYTES) return false;
    this.#unlookedBytes = 0;
    const { rss, heapTotal, external } = process.memoryUsage();
    return rss - heapTotal - external > this.#maxBacklogBytes;
  }

  /** Connect a socket and read it until it is closed. */
  #connect(socket: Dealer | Subscriber, channel: Channel): Promise<void> {
    const to = endpoint(this.#connection, channel);
    const refused = () => this.#receive(channel, { ok: false, why: 'oversized' });
    watchGivenUp(socket, {
      onRefused: refused,
      // Another process listened there. The kernel may still start, or report that its port is taken.
      onStranger: () => {
        uninterrupted(() => socket.disconnect(to));
        uninterrupted(() => socket.connect(to));
      },
    });
    uninterrupted(() => socket.connect(to));
    return readSocket(
      socket,
      (frames) => {
        if (this.#isTooMuch(frames)) {
          socket.close();
          refused();
          return;
        }
        if (channel === 'iopub') for (const tell of this.#iopubWaiters.splice(0)) tell();
        this.#receive(channel, this.#decoder.decode(frames));
      },
      (error) => {
        this.#failure ??= error;
      },
    );
  }
}
