import { randomUUID } from 'node:crypto';
import {
  type Kernel,
  KernelConnection,
  type KernelMessage,
  type ServerConnection,
} from '@jupyterlab/services';
import { Dealer } from 'zeromq';
import { withDeadline } from '../model/deadlines.ts';
import {
  type Channels,
  DEALER_OPTIONS,
  heartbeatEchoes,
  type Receiver,
  readSocket,
  type ServerAccount,
} from './channels.ts';
import { type ConnectionInfo, curveOptions, endpoint } from './connection.ts';
import type { ShellPeer } from './fresh-peer.ts';
import { readParts } from './message.ts';
import { uninterrupted } from './uninterrupted.ts';
import { type Decoded, decodeMessage, encodeMessage, type Outgoing } from './wire.ts';

// The library asks kernel_info on each WebSocket; while the kernel is wedged it gets no answer.
const LIBRARY_PATIENCE_MS = 5_000;

/** A server's kernel, and the harness's other access to it. */
export interface ServedKernel {
  readonly settings: ServerConnection.ISettings;
  readonly model: Kernel.IModel;
  /**
   * The kernel's own sockets. Control and heartbeat are asked directly, so that a silent server is not taken
   * for a silent kernel. `null` when only the server reaches them: control then goes over the WebSocket, and
   * there is no heartbeat.
   */
  readonly connection: ConnectionInfo | null;
  /** Shell requests that the kernel has received, once it is at rest; `null`: it does not count them. */
  readonly delivered: () => Promise<number | null>;
  /** Called when the server reports that the kernel has ended or is being restarted. */
  readonly onGone?: () => void;
}

/** States in which the library's kernel is no longer the one that was started. */
const GONE: readonly Kernel.Status[] = ['dead', 'autorestarting', 'restarting', 'terminating'];

/**
 * A client's way to one kernel through a Jupyter Server: shell and iopub over the WebSocket of
 * @jupyterlab/services, control and heartbeat over the kernel's own sockets, which do not touch shell.
 */
export class ServerChannels implements Channels {
  readonly #served: ServedKernel;
  readonly #receive: Receiver;
  readonly #library: KernelConnection;
  /** `null`: control goes over the WebSocket. */
  readonly #control: { readonly socket: Dealer; readonly key: string } | null;
  readonly #reading: Promise<void>;
  /** Shell requests of the client. */
  readonly #own = new Set<string>();
  /** Control requests of the client over the WebSocket. */
  readonly #ownControl = new Set<string>();
  /** Shell requests that the library itself sent and that have no reply yet. */
  readonly #asked = new Set<string>();
  #sending: Promise<void> = Promise.resolve();
  #librarySent = 0;
  #connections = 0;
  #renewals = 0;
  #foreign = 0;
  #isUp = false;
  #failure: Error | null = null;
  #changed: () => void = () => {};

  constructor(served: ServedKernel, session: string, receive: Receiver) {
    this.#served = served;
    this.#receive = receive;
    const { connection } = served;
    if (connection === null) {
      this.#control = null;
      this.#reading = Promise.resolve();
    } else {
      // Not the session: the server's own control peer uses that as its identity.
      const socket = new Dealer({
        ...DEALER_OPTIONS,
        ...curveOptions(connection),
        routingId: randomUUID(),
      });
      uninterrupted(() => socket.connect(endpoint(connection, 'control')));
      this.#control = { socket, key: connection.key };
      this.#reading = readSocket(
        socket,
        (frames) => receive('control', decodeMessage(frames, connection.key)),
        (error) => this.#failed(error),
      );
    }
    this.#library = new KernelConnection({
      model: served.model,
      serverSettings: served.settings,
      clientId: session,
      username: 'kernel-soak',
      handleComms: false,
    });
    this.#library.anyMessage.connect((_sender, { msg, direction }) => this.#seen(msg, direction));
    this.#library.connectionStatusChanged.connect((_sender, status) => {
      if (status === 'connected') this.#connections += 1;
    });
    this.#library.statusChanged.connect((_sender, status) => {
      if (GONE.includes(status)) served.onGone?.();
    });
    // Rejected when the connection is disposed of before the kernel has answered.
    this.#library.info.catch(() => {});
  }

  get failure(): Error | null {
    return this.#failure;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get foreign(): number {
    return this.#foreign;
  }

  get server(): ServerAccount {
    return {
      library: this.#librarySent,
      reconnects: Math.max(0, this.#connections - 1 - this.#renewals),
      ...(this.#served.connection === null ? { elsewhere: true as const } : {}),
    };
  }

  /** Record a message that the library could not handle. */
  malformed(): void {
    this.#receive('shell', { ok: false, why: 'malformed' });
  }

  send(channel: 'shell' | 'control', message: Outgoing): Promise<void> {
    if (channel === 'shell') {
      this.#sendShell(message);
      return Promise.resolve();
    }
    const control = this.#control;
    if (control === null) {
      this.#sendControl(message);
      return Promise.resolve();
    }
    const frames = encodeMessage(message, control.key);
    this.#sending = this.#sending
      .then(() => control.socket.send(frames))
      .catch((error: unknown) => {
        if (!control.socket.closed) this.#failed(error as Error);
      });
    return this.#sending;
  }

  #sendShell(outgoing: Outgoing): void {
    const { header } = outgoing;
    this.#own.add(header.msg_id);
    const message = librarysMessage('shell', outgoing) as KernelMessage.IShellMessage;
    this.#handOver(() => this.#library.sendShellMessage(message, header.msg_type.endsWith('_request'), true));
  }

  #sendControl(outgoing: Outgoing): void {
    this.#ownControl.add(outgoing.header.msg_id);
    const message = librarysMessage('control', outgoing) as KernelMessage.IControlMessage;
    this.#handOver(() => this.#library.sendControlMessage(message, true, true));
  }

  #handOver(send: () => { readonly done: Promise<unknown> }): void {
    try {
      send().done.catch(() => {}); // rejected when the connection is disposed of
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  heartbeat(timeoutMs: number): Promise<boolean | null> {
    const { connection } = this.#served;
    return connection === null ? Promise.resolve(null) : heartbeatEchoes(connection, timeoutMs);
  }

  /**
   * Open the WebSocket again, as a front end does when its page is reopened. The server then nudges by
   * itself.
   */
  async renew(): Promise<void> {
    this.#renewals += 1;
    try {
      await withDeadline('server-reconnect', this.#library.reconnect());
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.#libraryAnswered();
    const delivered = await this.#served.delivered();
    // Without the kernel's own count, only the requests that the library was seen to send are known.
    this.#foreign = delivered === null ? this.#librarySent : Math.max(0, delivered - this.#own.size);
  }

  async close(): Promise<void> {
    this.#library.dispose();
    this.#control?.socket.close();
    await withDeadline('close-socket', this.#reading);
  }

  #failed(error: Error): void {
    this.#failure ??= error;
  }

  #libraryAnswered(): Promise<void> {
    if (this.#asked.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LIBRARY_PATIENCE_MS);
      this.#changed = () => {
        if (this.#asked.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #seen(msg: KernelMessage.IMessage, direction: 'send' | 'recv'): void {
    if (direction === 'send') {
      if (msg.channel === 'shell' && !this.#own.has(msg.header.msg_id)) {
        this.#librarySent += 1;
        this.#asked.add(msg.header.msg_id);
      }
      return;
    }
    const parent = (msg.parent_header as { msg_id?: string } | null)?.msg_id ?? '';
    if (msg.channel === 'shell' && this.#asked.delete(parent)) {
      // The server forwards nothing before the kernel has answered its nudge, and now the library's request
      // is answered too. Otherwise our request would arrive while that reply goes out.
      this.#isUp = true;
      this.#changed();
      return;
    }
    const isOurs = msg.channel === 'shell' || msg.channel === 'iopub' || this.#ownControl.has(parent);
    if (!isOurs || msg.channel === 'stdin') return;
    try {
      this.#receive(msg.channel, decoded(msg));
    } catch (error) {
      this.#failed(error as Error);
    }
  }
}

function librarysMessage(
  channel: 'shell' | 'control',
  { header, parentHeader, metadata, content }: Outgoing,
): unknown {
  return {
    channel,
    header,
    parent_header: parentHeader ?? {},
    metadata: metadata ?? {},
    content,
    buffers: [],
  };
}

/**
 * Another WebSocket to a kernel. The server joins the kernel's shell channel again for it, and the library
 * asks.
 */
export class ServerPeer implements ShellPeer {
  readonly #library: KernelConnection;
  #answered = false;

  constructor({ settings, model }: Pick<ServedKernel, 'settings' | 'model'>) {
    this.#library = new KernelConnection({
      model,
      serverSettings: settings,
      clientId: randomUUID(),
      username: 'kernel-soak',
      handleComms: false,
    });
    const answered = () => {
      this.#answered = true;
    };
    this.#library.info.then(answered, () => {}); // rejected when it leaves unanswered
  }

  get answered(): boolean {
    return this.#answered;
  }

  ask(): void {} // the library asks kernel_info on each WebSocket by itself

  close(): Promise<void> {
    this.#library.dispose();
    return Promise.resolve();
  }
}

function decoded(msg: KernelMessage.IMessage): Decoded {
  const read = readParts(
    { header: msg.header, parentHeader: msg.parent_header, metadata: msg.metadata, content: msg.content },
    (msg.buffers ?? []).map((buffer) =>
      ArrayBuffer.isView(buffer)
        ? Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
        : Buffer.from(buffer),
    ),
  );
  return read.ok ? read : { ok: false, why: 'malformed', detail: read.detail };
}
