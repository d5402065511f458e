import { randomUUID } from 'node:crypto';
import { jsonCharacters } from '../model/json-characters.ts';
import { type Channel, type Channels, type ChannelsMaker, KernelChannels } from '../transport/channels.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import type { Message, MessageHeader } from '../transport/message.ts';
import type { Decoded } from '../transport/wire.ts';
import { MessageTrace } from './message-trace.ts';
import { monotonicMs } from './precise-timer.ts';

/** Protocol version of what we send (jupyter_client, messaging.rst). */
const PROTOCOL_VERSION = '5.4';

/** What was observed of one shell request; times are `monotonicMs`. */
export interface ShellRequest {
  /** 1-based, in the order sent. */
  readonly number: number;
  readonly msgId: string;
  readonly msgType: string;
  readonly header: MessageHeader;
  readonly sentAtMs: number;
  /** Whether the protocol gives it a reply: `comm_msg` has none. */
  readonly hasReply: boolean;
  /** The kernel said that it began: busy status with this parent. */
  busyAtMs: number | null;
  replyAtMs: number | null;
  idleAtMs: number | null;
  /** Content of the first reply, without what is too long in it to be needed. */
  reply: Readonly<Record<string, unknown>> | null;
  replies: number;
  /**
   * Of a request without a reply: the kernel is known to have read it, and has published neither busy nor idle for it.
   * ipykernel 7.4.0 owes `comm_open`, `comm_msg` and `comm_close` nothing while a cell awaits.
   */
  isRead: boolean;
  /** Whether it was sent to learn of those before it, and not as traffic: it is counted apart. */
  readonly isWitness: boolean;
}

/**
 * Whether nothing more is to come: reply and idle, in either order. Of a request without a reply idle alone, or that
 * it was read where the kernel publishes nothing for it.
 */
export function isSettled(request: ShellRequest): boolean {
  if (request.hasReply) return request.idleAtMs !== null && request.replyAtMs !== null;
  return request.idleAtMs !== null || request.isRead;
}

/** Characters of one field of a reply that are kept, for as long as the run: a traceback may be of any length. */
const MAX_FIELD_CHARACTERS = 64 * 1024;

// A kernel may send as many as it likes; only those since the last request matter.
const MAX_REFUSALS = 100;

function bounded(content: Message['content']): Message['content'] {
  const fields = Object.entries(content).flatMap(([name, value]): [string, unknown][] => {
    if (name.length > MAX_FIELD_CHARACTERS) return [];
    if (jsonCharacters(value) <= MAX_FIELD_CHARACTERS) return [[name, value]];
    // By way of bytes: a slice would keep alive what it was cut from.
    const start = typeof value === 'string' ? value.slice(0, MAX_FIELD_CHARACTERS) : null;
    return start === null ? [] : [[name, Buffer.from(start, 'utf16le').toString('utf16le')]];
  });
  return Object.fromEntries(fields);
}

/** How a front end is told of what a kernel publishes. */
export type IopubListener = (message: Message) => void;

/**
 * One client of one kernel: a single session and shell peer, every request with an id of its own and
 * an account of what came back. It draws no conclusion and sends nothing by itself.
 */
export class KernelClient {
  readonly #channels: Channels;
  readonly #session = randomUUID();
  readonly #requests = new Map<string, ShellRequest>();
  readonly #unsettled = new Set<ShellRequest>();
  readonly #controlWaiters = new Map<string, (message: Message | null) => void>();
  readonly #byType: Record<string, number> = {};
  readonly #rejections: Record<string, number> = {};
  /** By channel, what was wrong with the first malformed message of it. */
  readonly #malformed = new Map<Channel, string>();
  readonly #deviations: Record<string, number> = {};
  /** Shell requests that other peers sent for this client, and whether the kernel said that it began them. */
  readonly #others = new Map<string, boolean>();
  /** The last shell messages that answered no request, the type `null` where it cannot be told. */
  readonly #refusals: { readonly type: string | null; readonly atMs: number }[] = [];
  #replies = 0;
  #idles = 0;
  #refuse: (channel: Channel) => void = () => {};
  #refused: Channel | null = null;
  /** Resolves with the first channel whose connection was given up, for a frame beyond what is taken. */
  readonly refusal = new Promise<Channel>((resolve) => {
    this.#refuse = resolve;
  });
  #iopubSeen = false;
  #startingSeen = false;
  #startedAtMs: number | null = null;
  #changed: (() => void) | null = null;
  #change: Promise<void> | null = null;
  /** Receives every verified iopub message. */
  onIopub: IopubListener = () => {};
  /** The last messages, and what the oracle did between them. */
  readonly trace = new MessageTrace();

  /** @param to the kernel's own sockets, or another way to it */
  constructor(to: ConnectionInfo | ChannelsMaker) {
    const open: ChannelsMaker =
      typeof to === 'function' ? to : (session, receive) => new KernelChannels(to, session, receive);
    this.#channels = open(this.#session, (channel, decoded) => this.#receive(channel, decoded));
  }

  /** Shell requests not yet settled, oldest first. */
  get unsettled(): readonly ShellRequest[] {
    return [...this.#unsettled];
  }

  /** Whether anything has come on iopub, which proves the subscription. */
  get iopubSeen(): boolean {
    return this.#iopubSeen;
  }

  /** Whether the kernel published `starting`, or a server showed as much: it listens on all its channels by then. */
  get startingSeen(): boolean {
    return this.#startingSeen || this.#channels.isUp;
  }

  /**
   * Whether the kernel published `starting` after a request was sent to it: its process has begun the kernel anew. A
   * server on the way says that of its own accord too, so that it shows nothing there.
   */
  startedSince(request: ShellRequest): boolean {
    return this.#channels.server === null && (this.#startedAtMs ?? 0) > request.sentAtMs;
  }

  /** Shell requests of this client's own. */
  get sent(): number {
    return this.#requests.size;
  }

  /** The first channel whose connection was given up for a frame beyond what is taken; `null`: none. */
  get refused(): Channel | null {
    return this.#refused;
  }

  /** First error of a socket of ours, `null` while all is well. */
  get failure(): Error | null {
    return this.#channels.failure;
  }

  /** The account of the run, as the journal has it. */
  get account() {
    const requests = [...this.#requests.values()];
    const witnesses = requests.filter(({ isWitness }) => isWitness).length;
    const unpublished = requests.filter((request) => isSettled(request) && request.idleAtMs === null).length;
    return {
      sent: this.#requests.size - witnesses,
      replies: this.#replies,
      idles: this.#idles,
      ...(unpublished === 0 ? {} : { unpublished }),
      ...(witnesses === 0 ? {} : { witnesses }),
      byType: { ...this.#byType },
      rejected: Object.values(this.#rejections).reduce((sum, count) => sum + count, 0),
      ...(Object.keys(this.#deviations).length === 0 ? {} : { deviations: { ...this.#deviations } }),
      ...this.#othersAccount,
    };
  }

  get #othersAccount() {
    const { server, foreign } = this.#channels;
    if (server !== null) return { others: { sent: foreign, begun: foreign }, server };
    return this.#others.size === 0 ? {} : { others: { sent: this.#others.size, begun: this.#othersBegun } };
  }

  /** Through a Jupyter Server, whether it was reconnected to; `null`: there is none on the way. */
  get reconnected(): boolean | null {
    const { server } = this.#channels;
    return server === null ? null : server.reconnects > 0;
  }

  /** Take account of what a server on the way has sent by itself; every request must have been settled. */
  settle(): Promise<void> {
    return this.#channels.settle();
  }

  /**
   * Shell requests that the kernel must have been given once it has read everything: those of this client,
   * and of other peers those that it said it began. A peer that left may have taken its request with it, so
   * what the kernel is silent about is not expected.
   */
  get expected(): number {
    return this.#requests.size + this.#othersBegun + this.#channels.foreign;
  }

  /** How many requests that were sent after this one the kernel has said it began, or answered. */
  begunAfter({ number }: ShellRequest): { readonly begunAfter?: number } {
    const begunAfter = [...this.#requests.values()].filter(
      (other) =>
        other.number > number &&
        (other.busyAtMs !== null || other.replyAtMs !== null || other.idleAtMs !== null),
    ).length;
    return begunAfter === 0 ? {} : { begunAfter };
  }

  get #othersBegun(): number {
    return [...this.#others.values()].filter((begun) => begun).length;
  }

  /** Messages that were not taken, by channel and cause (`shell bad-signature`). */
  get rejections(): Readonly<Record<string, number>> {
    return { ...this.#rejections };
  }

  /** What was wrong with the first malformed message of each channel. */
  get malformed(): ReadonlyMap<string, string> {
    return this.#malformed;
  }

  /** Send a shell request. The times of its answers appear in what is returned. */
  request(
    msgType: string,
    content: unknown,
    options: { parentHeader?: Partial<MessageHeader>; hasReply?: boolean; isWitness?: boolean } = {},
  ): ShellRequest {
    const header = this.#header(msgType);
    const request: ShellRequest = {
      number: this.#requests.size + 1,
      msgId: header.msg_id,
      msgType,
      header,
      sentAtMs: monotonicMs(),
      hasReply: options.hasReply ?? true,
      busyAtMs: null,
      replyAtMs: null,
      idleAtMs: null,
      reply: null,
      replies: 0,
      isRead: false,
      isWitness: options.isWitness ?? false,
    };
    this.#requests.set(request.msgId, request);
    this.#unsettled.add(request);
    if (!request.isWitness) this.#byType[msgType] = (this.#byType[msgType] ?? 0) + 1;
    this.trace.add({ what: 'sent', channel: 'shell', type: msgType, request: request.number, state: null });
    void this.#channels.send('shell', {
      header,
      content,
      ...(options.parentHeader ? { parentHeader: options.parentHeader } : {}),
    });
    return request;
  }

  /** Wait for nothing more of a request: what still comes of it is taken and decides nothing. */
  disregard(request: ShellRequest): void {
    this.#unsettled.delete(request);
  }

  /**
   * Say that the kernel is known to have read a request that has no reply: it is settled by that. One that the kernel
   * said it began is owed an idle status, and one that has a reply is owed that: both stay as they are.
   */
  concludeRead(request: ShellRequest): void {
    if (request.hasReply || request.busyAtMs !== null || isSettled(request)) return;
    request.isRead = true;
    this.#unsettled.delete(request);
    this.#tellChange();
  }

  /**
   * Whether a shell message was refused since a moment that may have been the answer to a request: one of its reply's
   * type that names another parent, one of another type that names it, or one that is not sound.
   */
  answerAstraySince(request: ShellRequest): boolean {
    const replyType = request.msgType.replace(/_request$/, '_reply');
    return (
      request.hasReply &&
      this.#refusals.some(
        ({ type, atMs }) => atMs >= request.sentAtMs && (type === null || type === replyType),
      )
    );
  }

  /** Send a control request; resolves with its reply, or `null` when none came within `timeoutMs`. */
  async control(msgType: string, content: unknown, timeoutMs: number): Promise<Message | null> {
    const header = this.#header(msgType);
    let timer: NodeJS.Timeout | undefined;
    const reply = new Promise<Message | null>((resolve) => {
      this.#controlWaiters.set(header.msg_id, resolve);
      timer = setTimeout(() => resolve(null), timeoutMs);
    });
    this.trace.add({ what: 'sent', channel: 'control', type: msgType, request: null, state: null });
    void this.#channels.send('control', { header, content });
    const result = await reply;
    clearTimeout(timer);
    this.#controlWaiters.delete(header.msg_id);
    return result;
  }

  /** Whether the heartbeat echoes within `timeoutMs`; `null` where it cannot be asked. */
  heartbeat(timeoutMs: number): Promise<boolean | null> {
    return this.#channels.heartbeat(timeoutMs);
  }

  /** Connect anew, nudge included; every request must have been settled. */
  renew(): Promise<void> {
    return this.#channels.renew((msgId) => {
      this.#others.set(msgId, false);
      this.trace.add({
        what: 'sent',
        channel: 'shell',
        type: 'kernel_info_request of a transient peer',
        request: null,
        state: null,
      });
    });
  }

  /** Resolves at the next message that changes anything. */
  changed(): Promise<void> {
    this.#change ??= new Promise((resolve) => {
      this.#changed = resolve;
    });
    return this.#change;
  }

  /** Close the sockets; control requests still waiting get `null`. */
  close(): Promise<void> {
    for (const resolve of this.#controlWaiters.values()) resolve(null);
    return this.#channels.close();
  }

  #header(msgType: string): MessageHeader {
    return {
      msg_id: randomUUID(),
      msg_type: msgType,
      session: this.#session,
      username: 'kernel-soak',
      date: new Date().toISOString(),
      version: PROTOCOL_VERSION,
    };
  }

  #receive(channel: Channel, decoded: Decoded): void {
    if (decoded.ok) {
      for (const deviation of decoded.deviations) {
        this.#deviations[deviation] = (this.#deviations[deviation] ?? 0) + 1;
      }
    }
    if (!decoded.ok) {
      if (decoded.detail !== undefined && !this.#malformed.has(channel)) {
        this.#malformed.set(channel, decoded.detail);
      }
      this.#reject(channel, decoded.why, null);
      if (channel === 'shell' && decoded.why !== 'replayed') this.#keepRefusal(null);
      if (decoded.why === 'oversized') {
        this.#refused ??= channel;
        this.#refuse(channel);
      }
    } else if (channel === 'iopub') {
      this.#iopubSeen = true;
      this.#receiveIopub(decoded.message);
    } else if (channel === 'control') {
      const { header, parent_header } = decoded.message;
      this.trace.add({ what: 'received', channel, type: header.msg_type, request: null, state: null });
      this.#controlWaiters.get(parent_header.msg_id ?? '')?.(decoded.message);
    } else {
      this.#receiveReply(decoded.message);
    }
    this.#tellChange();
  }

  #tellChange(): void {
    this.#changed?.();
    this.#change = null;
    this.#changed = null;
  }

  #reject(channel: Channel, cause: string, request: ShellRequest | null): void {
    const key = `${channel} ${cause}`;
    this.#rejections[key] = (this.#rejections[key] ?? 0) + 1;
    this.trace.add({ what: 'rejected', channel, type: cause, request: request?.number ?? null, state: null });
  }

  #keepRefusal(type: string | null): void {
    this.#refusals.push({ type, atMs: monotonicMs() });
    if (this.#refusals.length > MAX_REFUSALS) this.#refusals.shift();
  }

  #traceReceived(
    channel: Channel,
    message: Message,
    request: ShellRequest | undefined,
    state: unknown,
  ): void {
    this.trace.add({
      what: 'received',
      channel,
      type: message.header.msg_type,
      request: request?.number ?? null,
      state: typeof state === 'string' ? state : null,
    });
  }

  #receiveReply(message: Message): void {
    const request = this.#requestOf(message);
    // Never take the next shell message for the reply: only its parent says whose it is.
    if (request === undefined) {
      this.#reject('shell', 'foreign-parent', null);
      this.#keepRefusal(message.header.msg_type);
      return;
    }
    const replyType = request.hasReply ? request.msgType.replace(/_request$/, '_reply') : null;
    if (message.header.msg_type !== replyType) {
      this.#reject('shell', 'wrong-type', request);
      return;
    }
    request.replies += 1;
    if (request.replyAtMs !== null) {
      this.#reject('shell', 'second-reply', request);
      return;
    }
    this.#traceReceived('shell', message, request, message.content['status']);
    request.replyAtMs = monotonicMs();
    request.reply = bounded(message.content);
    if (!request.isWitness) this.#replies += 1;
    if (isSettled(request)) this.#unsettled.delete(request);
  }

  /** The request of ours that a message names as its parent, by its id and by our session where it names one. */
  #requestOf({ parent_header }: Message): ShellRequest | undefined {
    const { msg_id, session } = parent_header;
    return session === undefined || session === this.#session ? this.#requests.get(msg_id ?? '') : undefined;
  }

  #receiveIopub(message: Message): void {
    const request = this.#requestOf(message);
    const state = message.header.msg_type === 'status' ? message.content['execution_state'] : null;
    if (state === 'starting') {
      this.#startingSeen = true;
      this.#startedAtMs = monotonicMs();
    }
    const parent = message.parent_header.msg_id ?? '';
    if (state !== null && this.#others.has(parent)) this.#others.set(parent, true);
    if (state !== null) this.#traceReceived('iopub', message, request, state);
    if (request !== undefined && state !== null) {
      if (state === 'busy') request.busyAtMs ??= monotonicMs();
      if (state === 'idle' && request.idleAtMs === null) {
        request.idleAtMs = monotonicMs();
        if (!request.isWitness) this.#idles += 1;
      }
    }
    if (request !== undefined && (state === 'busy' || state === 'idle')) this.#readBefore(request);
    this.onIopub(message);
    if (request !== undefined && isSettled(request)) this.#unsettled.delete(request);
  }

  /**
   * One peer's requests are read in the order in which they were sent, and one kernel publishes in the order in which
   * it works: a status of a later request shows that those before it were read, and that no status of theirs is on the way.
   */
  #readBefore(later: ShellRequest): void {
    for (const request of this.#unsettled) {
      if (request.number < later.number && !request.hasReply) this.concludeRead(request);
    }
  }
}
