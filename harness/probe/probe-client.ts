import { randomUUID } from 'node:crypto';
import { Dealer } from 'zeromq';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { withDeadline } from '../model/deadlines.ts';
import { DEALER_OPTIONS, KernelChannels, readSocket } from '../transport/channels.ts';
import { type ConnectionInfo, curveOptions, endpoint } from '../transport/connection.ts';
import type { Message } from '../transport/message.ts';
import { uninterrupted } from '../transport/uninterrupted.ts';
import { type Decoded, encodeMessage, MessageDecoder } from '../transport/wire.ts';

export type ProbeChannel = 'shell' | 'control' | 'iopub' | 'stdin';

/** A message that came. */
interface Heard {
  readonly atMs: number;
  readonly channel: ProbeChannel;
  readonly message: Message;
}

// A kernel that floods must not fill the memory: what a probe asks for is answered by some dozens of messages.
const MAX_HEARD = 20_000;
const PROTOCOL_VERSION = '5.4';

/**
 * A client that asks, and keeps everything that comes with its time and channel. It draws no conclusion. Unlike the
 * client of a run, it has a stdin channel, and a request may stay unanswered.
 */
export class ProbeClient {
  readonly #session = randomUUID();
  readonly #channels: KernelChannels;
  readonly #stdin: Dealer;
  readonly #reading: Promise<void>;
  readonly #key: string;
  readonly #heard: Heard[] = [];
  readonly #sentAtMs = new Map<string, number>();
  /** How messages departed from the protocol, including those that were not taken. */
  readonly deviations: Record<string, number> = {};
  #failure: Error | null = null;
  #waiting: (() => void)[] = [];

  constructor(connection: ConnectionInfo) {
    this.#key = connection.key;
    this.#channels = new KernelChannels(connection, this.#session, (channel, decoded) =>
      this.#hear(channel, decoded),
    );
    const decoder = new MessageDecoder(connection.key);
    this.#stdin = new Dealer({
      ...DEALER_OPTIONS,
      ...curveOptions(connection),
      // A kernel asks the sender of the request, so the identity is that of the shell channel.
      routingId: this.#session,
    });
    uninterrupted(() => this.#stdin.connect(endpoint(connection, 'stdin')));
    this.#reading = readSocket(
      this.#stdin,
      (frames) => this.#hear('stdin', decoder.decode(frames)),
      (error) => {
        this.#failure ??= error;
      },
    );
  }

  /** First error of a socket of ours. */
  get failure(): Error | null {
    return this.#failure ?? this.#channels.failure;
  }

  /** Send a message. @returns its id */
  send(channel: 'shell' | 'control' | 'stdin', msgType: string, content: object = {}): string {
    const header = {
      msg_id: randomUUID(),
      msg_type: msgType,
      session: this.#session,
      username: 'kernel-soak',
      date: new Date().toISOString(),
      version: PROTOCOL_VERSION,
    };
    this.#sentAtMs.set(header.msg_id, monotonicMs());
    if (channel === 'stdin') {
      this.#stdin.send(encodeMessage({ header, content }, this.#key)).catch((error: unknown) => {
        if (!this.#stdin.closed) this.#failure ??= error as Error;
      });
    } else void this.#channels.send(channel, { header, content });
    return header.msg_id;
  }

  /** Send an `execute_request`. @returns its id */
  execute(code: string, options: { readonly stopOnError?: boolean } = {}): string {
    return this.send('shell', 'execute_request', {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: options.stopOnError ?? true,
    });
  }

  heartbeat(timeoutMs: number): Promise<boolean> {
    return this.#channels.heartbeat(timeoutMs);
  }

  /** Wait for a condition on what has been heard. @returns whether it came to be within `timeoutMs` */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const dueMs = monotonicMs() + timeoutMs;
    while (!condition()) {
      const leftMs = dueMs - monotonicMs();
      if (leftMs <= 0) return false;
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => this.#waiting.push(resolve)),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, leftMs);
        }),
      ]);
      clearTimeout(timer);
    }
    return true;
  }

  /** Every message that has come, or those with this parent. */
  heard(channel: ProbeChannel, parent?: string): readonly Heard[] {
    return this.#heard.filter(
      (heard) =>
        heard.channel === channel && (parent === undefined || heard.message.parent_header.msg_id === parent),
    );
  }

  /** The answer on the request's own channel; `undefined`: none has come. */
  reply(id: string, channel: 'shell' | 'control' = 'shell'): Heard | undefined {
    return this.heard(channel, id)[0];
  }

  /** The status of that state with that parent. */
  status(id: string, state: 'busy' | 'idle'): Heard | undefined {
    return this.heard('iopub', id).find(
      ({ message }) => message.header.msg_type === 'status' && message.content['execution_state'] === state,
    );
  }

  /** Whether a message of that type was published for that request. */
  published(id: string, msgType: string): boolean {
    return this.heard('iopub', id).some(({ message }) => message.header.msg_type === msgType);
  }

  /** When a message was sent, `monotonicMs`. */
  sentAtMs(id: string): number {
    return this.#sentAtMs.get(id) ?? Number.NaN;
  }

  async close(): Promise<void> {
    this.#stdin.close();
    await this.#channels.close();
    await withDeadline('close-socket', this.#reading);
  }

  #hear(channel: ProbeChannel, decoded: Decoded): void {
    const odd = decoded.ok ? decoded.deviations : [`not taken: ${decoded.detail ?? decoded.why}`];
    for (const word of odd) this.deviations[word] = (this.deviations[word] ?? 0) + 1;
    if (decoded.ok && this.#heard.length < MAX_HEARD) {
      this.#heard.push({ atMs: monotonicMs(), channel, message: decoded.message });
    }
    for (const tell of this.#waiting.splice(0)) tell();
  }
}
