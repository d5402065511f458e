import { createHmac, timingSafeEqual } from 'node:crypto';
import { streamContent } from './long-stream.ts';
import { type Message, type MessageHeader, readParts } from './message.ts';
import { endOfText, parseWithNonFinite } from './non-finite-json.ts';

/**
 * Why a message was rejected. A rejected message is never repaired, which would erase evidence. `replayed`: a
 * message with the same signature came before. `oversized`: the frame is larger than `MAX_FRAME_BYTES`, or
 * the backlog is too large; the connection is given up.
 */
export type Rejection = 'malformed' | 'bad-signature' | 'replayed' | 'oversized';

export type Decoded =
  | {
      readonly ok: true;
      readonly message: Message;
      /** The message's departures from the protocol, each once, in the harness's own words; usually empty. */
      readonly deviations: readonly string[];
    }
  | {
      readonly ok: false;
      readonly why: Rejection;
      /** What is wrong with a `malformed` message, in the harness's own words. */
      readonly detail?: string;
    };

const DELIMITER = Buffer.from('<IDS|MSG>');
const JSON_FRAMES = 4;
// ipykernel's headers are far smaller. A header this large can only be an attack on the parser.
const MAX_HEADER_BYTES = 1 << 20;
// Python's json stops at its recursion limit of 1000. Deeper values would overflow the stack of code that serialises,
// copies or prints them here.
const MAX_DEPTH = 1000;
// Three bytes of `{},` become some sixty bytes of heap, so a frame of the largest size could ask for more
// heap than V8 has, which ends the process. The same number of different keys takes V8 six seconds. A figure
// of a million points has two or three million values.
const MAX_VALUES = 1 << 22;

/**
 * Longest accepted frame, bytes. Notebooks print and show 100 MB in one message. V8 cannot hold a string of
 * more than 512 Mi characters, and the frame, its text and its values are in memory together.
 */
export const MAX_FRAME_BYTES = 256 * 1024 * 1024;

const QUOTE = 0x22;
const PART_NAMES = ['header', 'parent_header', 'metadata', 'content'] as const;

/** Whether JSON nests deeper than `MAX_DEPTH` or has more than `MAX_VALUES` values, without parsing it. */
function isTooMuch(json: Buffer): boolean {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfText(json, at);
    } else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      values += 1;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    else if (byte === 0x2c) values += 1;
    if (depth > MAX_DEPTH + 1 || values > MAX_VALUES) return true;
  }
  return false;
}

function signature(key: string, frames: readonly Buffer[]): string {
  if (key === '') return '';
  const hmac = createHmac('sha256', key);
  for (const frame of frames) hmac.update(frame);
  return hmac.digest('hex');
}

/** The parts of an outgoing message. The caller chooses ids and dates. */
export interface Outgoing {
  readonly header: MessageHeader;
  readonly parentHeader?: Partial<MessageHeader>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly content: unknown;
  readonly buffers?: readonly Buffer[];
}

/** Frames of a message, for a socket that adds identities itself (DEALER). */
export function encodeMessage(message: Outgoing, key: string): Buffer[] {
  const json = [message.header, message.parentHeader ?? {}, message.metadata ?? {}, message.content].map(
    (part) => Buffer.from(JSON.stringify(part), 'utf8'),
  );
  return [DELIMITER, Buffer.from(signature(key, json), 'ascii'), ...json, ...(message.buffers ?? [])];
}

/**
 * Decode and verify. The signature is checked over the bytes as received, in constant time. An empty key
 * means that the connection is unsigned. JSON objects are plain data: `__proto__` keys stay keys. Bytes that
 * are not UTF-8 become U+FFFD, as in jupyter_client: ipykernel itself sends such bytes for a lone surrogate
 * in a string, and a signed reply that holds one is still the reply. The `text` of a `stream` message is a
 * `LongText` when it has more than 1 MiB.
 *
 * Otherwise it accepts what jupyter_client accepts (`readParts`), and reports each departure from the
 * protocol.
 *
 * Never throws. A message is `malformed` when it has no delimiter or fewer than four JSON frames; when a
 * frame is not JSON, nests deeper than 1000 or has more than 4 Mi values; or when the header is no object, is
 * larger than 1 MiB, or lacks `msg_id` or `msg_type`.
 */
export function decodeMessage(frames: readonly Buffer[], key: string): Decoded {
  const start = frames.findIndex((frame) => frame.equals(DELIMITER));
  const [received, ...rest] = start < 0 ? [] : frames.slice(start + 1);
  if (received === undefined) return malformed('it has no delimiter, or nothing after it');
  if (rest.length < JSON_FRAMES) return malformed(`it has ${rest.length} of ${JSON_FRAMES} JSON frames`);
  const json = rest.slice(0, JSON_FRAMES);
  if (key !== '') {
    const expected = Buffer.from(signature(key, json), 'ascii');
    if (received.length !== expected.length || !timingSafeEqual(received, expected)) {
      return { ok: false, why: 'bad-signature' };
    }
  }
  const parts: unknown[] = [];
  const nonFinite: string[] = [];
  for (const [index, frame] of json.entries()) {
    const name = PART_NAMES[index] ?? '';
    if (index < 2 && frame.length > MAX_HEADER_BYTES) return malformed(`its ${name} is beyond 1 MiB`);
    if (isTooMuch(frame)) return malformed(`its ${name} nests too deep or has too many values`);
    const isStream = index === 3 && (parts[0] as { msg_type?: unknown } | null)?.msg_type === 'stream';
    try {
      parts.push(isStream ? streamContent(frame) : JSON.parse(frame.toString('utf8')));
    } catch {
      try {
        parts.push(parseWithNonFinite(frame));
        nonFinite.push(`NaN or Infinity in ${name}`);
      } catch {
        return malformed(`its ${name} is no JSON`);
      }
    }
  }
  const [header, parentHeader, metadata, content] = parts;
  const read = readParts({ header, parentHeader, metadata, content }, rest.slice(JSON_FRAMES));
  if (!read.ok) return malformed(read.detail);
  return nonFinite.length === 0 ? read : { ...read, deviations: [...nonFinite, ...read.deviations] };
}

function malformed(detail: string): Decoded {
  return { ok: false, why: 'malformed', detail };
}

// jupyter_client remembers 65,536 signatures (`Session.digest_history_size`) and then forgets at random. This
// code remembers at least the last `REMEMBERED`, and keeps at most twice as many in memory.
const REMEMBERED = 1 << 15;

/**
 * Decodes the messages of one connection. A repeated signature means a repeated message, since every message
 * has its own id. Without this check, somebody who cannot sign could make an old message count twice.
 */
export class MessageDecoder {
  readonly #key: string;
  #recent = new Set<string>();
  #before = new Set<string>();

  constructor(key: string) {
    this.#key = key;
  }

  /** As `decodeMessage`, and `replayed` for a message that was accepted before. */
  decode(frames: readonly Buffer[]): Decoded {
    const decoded = decodeMessage(frames, this.#key);
    if (!decoded.ok || this.#key === '') return decoded;
    const digest = frames[frames.findIndex((frame) => frame.equals(DELIMITER)) + 1]?.toString('latin1') ?? '';
    if (this.#recent.has(digest) || this.#before.has(digest)) return { ok: false, why: 'replayed' };
    this.#recent.add(digest);
    if (this.#recent.size >= REMEMBERED) {
      this.#before = this.#recent;
      this.#recent = new Set();
    }
    return decoded;
  }
}
