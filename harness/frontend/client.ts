import { randomUUID } from 'node:crypto';
import {
  type Channel,
  type Channels,
  type ChannelsMaker,
  type DocumentOutputs,
  KernelChannels,
} from '../transport/channels.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import type { Message, MessageHeader } from '../transport/message.ts';
import type { Decoded } from '../transport/wire.ts';
import { boundedContent } from './bounded-content.ts';
import { MessageTrace } from './message-trace.ts';
import { monotonicMs } from './precise-timer.ts';

/** Protocol version of what we send (jupyter_client, messaging.rst). */
const PROTOCOL_VERSION = '5.4';

/** The record of one shell request. Times are `monotonicMs`. */
export interface ShellRequest {
  /** 1-based, in the order sent. */
  readonly number: number;
  readonly msgId: string;
  readonly msgType: string;
  readonly header: MessageHeader;
  readonly sentAtMs: number;
  /** Whether the protocol requires a reply: `comm_msg` has none. */
  readonly hasReply: boolean;
  /** When the kernel said that it began the request: a busy status with this parent. */
  busyAtMs: number | null;
  replyAtMs: number | null;
  idleAtMs: number | null;
  /** When the traffic interrupted it, the last time. */
  interruptedAtMs: number | null;
  /** Content of the first reply. Overlong fields are cut. */
  reply: Readonly<Record<string, unknown>> | null;
  replies: number;
  /**
   * For a request without a reply: the kernel is known to have read it, and has published neither busy nor
   * idle for it. ipykernel 7.4.0 owes `comm_open`, `comm_msg` and `comm_close` nothing while a cell awaits.
   */
  isRead: boolean;
  /**
   * Whether it was sent to learn about earlier requests, and not as traffic. Such requests are counted apart.
   */
  readonly isWitness: boolean;
}

/**
 * Whether nothing more is to come. A request with a reply is settled by its reply and idle status, in either
 * order. A request without a reply is settled by its idle status alone, or once it was read if the kernel
 * publishes nothing for it.
 */
export function isSettled(request: ShellRequest): boolean {
  if (request.hasReply) return request.idleAtMs !== null && request.replyAtMs !== null;
  return request.idleAtMs !== null || request.isRead;
}

// A kernel may send any number of them, and only those since the last request matter.
const MAX_REFUSALS = 100;

/**
 * One client of one kernel, with a single session and shell peer. Every request has its own id and a record
 * of its answers. The client draws no conclusions and sends nothing by itself.
 */
export class KernelClient {
  readonly #channels: Channels;
  readonly #session = randomUUID();
  readonly #requests = new Map<string, ShellRequest>();
  readonly #unsettled = new Set<ShellRequest>();
  readonly #controlWaiters = new Map<string, (message: Message | null) => void>();
  readonly #byType: Record<string, number> = {};
  readonly #rejections: Record<string, number> = {};
  /** What was wrong with the first malformed message of each channel. */
  readonly #malformed = new Map<Channel, string>();
  readonly #deviations: Record<string, number> = {};
  /** Shell requests that other peers sent for this client, and whether the kernel said that it began each. */
  readonly #others = new Map<string, boolean>();
  /** The last shell messages that answered no request. The type is `null` when it cannot be told. */
  readonly #refusals: { readonly type: string | null; readonly atMs: number }[] = [];
  #replies = 0;
  #idles = 0;
  #refuse: (channel: Channel) => void = () => {};
  #refused: Channel | null = null;
  /** Resolves with the first channel whose connection was given up because a frame was too large. */
  readonly refusal = new Promise<Channel>((resolve) => {
    this.#refuse = resolve;
  });
  #iopubSeen = false;
  #startingSeen = false;
  #startedAtMs: number | null = null;
  #changed: (() => void) | null = null;
  #change: Promise<void> | null = null;
  /** Receives every verified iopub message. */
  onIopub: (message: Message) => void = () => {};
  /** The last messages, and the oracle's actions between them. */
  readonly trace = new MessageTrace();

  /** @param to the kernel's own sockets, or another way to the kernel */
  constructor(to: ConnectionInfo | ChannelsMaker) {
    const open: ChannelsMaker =
      typeof to === 'function' ? to : (session, receive) => new KernelChannels(to, session, receive);
    this.#channels = open(this.#session, (channel, decoded) => this.#receive(channel, decoded));
  }

  /** Shell requests not yet settled, oldest first. */
  get unsettled(): readonly ShellRequest[] {
    return [...this.#unsettled];
  }

  /** Whether the traffic sent a shell request other than a cell between two moments (`monotonicMs`). */
  sentWithin(fromMs: number, toMs: number): boolean {
    return [...this.#requests.values()].some(
      ({ msgType, isWitness, sentAtMs }) =>
        msgType !== 'execute_request' && !isWitness && sentAtMs > fromMs && sentAtMs < toMs,
    );
  }

  /** Whether any message has come on iopub, which proves the subscription. */
  get iopubSeen(): boolean {
    return this.#iopubSeen;
  }

  /**
   * Whether the kernel published `starting`, or a server showed the same. The kernel listens on all its
   * channels by then.
   */
  get startingSeen(): boolean {
    return this.#startingSeen || this.#channels.isUp;
  }

  /**
   * Whether the kernel published `starting` after a request was sent to it: its process has then started the
   * kernel again. A server on the way also says that by itself, so behind a server it shows nothing.
   */
  startedSince(request: ShellRequest): boolean {
    return this.#channels.server === null && (this.#startedAtMs ?? 0) > request.sentAtMs;
  }

  /** Number of shell requests that this client sent itself. */
  get sent(): number {
    return this.#requests.size;
  }

  /** The first channel whose connection was given up because a frame was too large; `null`: none. */
  get refused(): Channel | null {
    return this.#refused;
  }

  /** First error of one of our sockets; `null` while there is none. */
  get failure(): Error | null {
    return this.#channels.failure;
  }

  /** The record of the run, as the journal stores it. */
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

  /** Whether the Jupyter Server connection was reconnected; `null`: there is no server. */
  get reconnected(): boolean | null {
    const { server } = this.#channels;
    return server === null ? null : server.reconnects > 0;
  }

  /** What a server's document shows of the cells sent so far, in order; `null`: no server keeps a document. */
  get document(): DocumentOutputs | null {
    return this.#channels.document?.() ?? null;
  }

  /** Count the requests that a server on the way has sent by itself. Every request must have been settled. */
  settle(): Promise<void> {
    return this.#channels.settle();
  }

  /**
   * Shell requests that the kernel must have received once it has read everything: those of this client, and
   * those of other peers that the kernel said it began. A peer that left may have taken its request with it,
   * so a request that the kernel never mentioned is not expected.
   */
  get expected(): number {
    return this.#requests.size + this.#othersBegun + this.#channels.foreign;
  }

  /** Of the requests sent after this one, how many the kernel has said it began, or has answered. */
  begunAfter({ number }: ShellRequest): { readonly begunAfter?: number } {
    if (!this.#isInOrder) return {};
    const begunAfter = [...this.#requests.values()].filter(
      (other) =>
        other.number > number &&
        (other.busyAtMs !== null || other.replyAtMs !== null || other.idleAtMs !== null),
    ).length;
    return begunAfter === 0 ? {} : { begunAfter };
  }

  /** Whether the kernel gets all shell requests in their order: cells that a server executes go another way. */
  get #isInOrder(): boolean {
    return this.#channels.document === undefined;
  }

  get #othersBegun(): number {
    return [...this.#others.values()].filter((begun) => begun).length;
  }

  /** Rejected messages, by channel and cause (`shell bad-signature`). */
  get rejections(): Readonly<Record<string, number>> {
    return { ...this.#rejections };
  }

  /** What was wrong with the first malformed message of each channel. */
  get malformed(): ReadonlyMap<string, string> {
    return this.#malformed;
  }

  /** Send a shell request. The returned record is updated as its answers arrive. */
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
      interruptedAtMs: null,
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

  /** Wait for nothing more from a request. Its later answers are recorded and decide nothing. */
  disregard(request: ShellRequest): void {
    this.#unsettled.delete(request);
  }

  /**
   * Record that the kernel is known to have read a request that has no reply, which settles it. Two kinds of
   * request stay as they are: one that the kernel said it began is still owed an idle status, and one that
   * has a reply is still owed the reply.
   */
  concludeRead(request: ShellRequest): void {
    if (request.hasReply || request.busyAtMs !== null || isSettled(request)) return;
    request.isRead = true;
    this.#unsettled.delete(request);
    this.#tellChange();
  }

  /**
   * Whether a shell message that was refused after the request was sent may have been its answer: a message
   * with its reply's type that names another parent, a message of another type that names it, or a malformed
   * message.
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

  /** Resolves at the next message that changes the record. */
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
    // Never take the next shell message for the reply: only its parent shows whose it is.
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
    request.reply = boundedContent(message.content);
    if (!request.isWitness) this.#replies += 1;
    if (isSettled(request)) this.#unsettled.delete(request);
  }

  /**
   * Our request that a message names as its parent. It is matched by its id, and by our session if the
   * message names one.
   */
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
   * A kernel reads one peer's requests in the order of sending, and publishes in the order of its work. So a
   * status of a later request shows that the earlier ones were read, and that no status of theirs is on the
   * way.
   */
  #readBefore(later: ShellRequest): void {
    if (!this.#isInOrder) return;
    for (const request of this.#unsettled) {
      if (request.number < later.number && !request.hasReply) this.concludeRead(request);
    }
  }
}
