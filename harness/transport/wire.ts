import { createHmac, timingSafeEqual } from 'node:crypto';
import { streamContent } from './long-stream.ts';

/** Header of a Jupyter message (jupyter_client, messaging.rst, "General message format"). */
export interface MessageHeader {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session?: string;
  readonly [key: string]: unknown;
}

/** A message, decoded and verified. */
export interface Message {
  readonly header: MessageHeader;
  /** Empty object when the message has no parent. */
  readonly parent_header: Partial<MessageHeader>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
  readonly buffers: readonly Buffer[];
}

/** Why a message was not taken: kept, because a repaired message would erase evidence. */
export type Rejection = 'malformed' | 'bad-signature';

export type Decoded =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly why: Rejection };

const DELIMITER = Buffer.from('<IDS|MSG>');
const JSON_FRAMES = 4;
// ipykernel's own messages are far below; a header this large can only be an attack on the parser.
const MAX_HEADER_BYTES = 1 << 20;
// Python's json, which wrote it and would read it, stops at its recursion limit of 1000; what is deeper
// would overflow the stack of whoever serialises, copies or prints it here.
const MAX_DEPTH = 1000;

/** Whether a parsed value nests deeper than `MAX_DEPTH`; without recursion, by layers. */
function isTooDeep(value: unknown): boolean {
  let layer = [value];
  for (let depth = 0; layer.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    const next: unknown[] = [];
    for (const outer of layer) {
      for (const inner of Object.values(outer as object)) {
        if (inner !== null && typeof inner === 'object') next.push(inner);
      }
    }
    layer = next;
  }
  return false;
}

function signature(key: string, frames: readonly Buffer[]): string {
  if (key === '') return '';
  const hmac = createHmac('sha256', key);
  for (const frame of frames) hmac.update(frame);
  return hmac.digest('hex');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The parts of an outgoing message; ids and dates are the caller's. */
export interface Outgoing {
  readonly header: MessageHeader;
  readonly parentHeader?: Partial<MessageHeader>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly content: unknown;
  readonly buffers?: readonly Buffer[];
}

/** Frames of a message for a socket that adds identities itself (DEALER). */
export function encodeMessage(message: Outgoing, key: string): Buffer[] {
  const json = [message.header, message.parentHeader ?? {}, message.metadata ?? {}, message.content].map(
    (part) => Buffer.from(JSON.stringify(part), 'utf8'),
  );
  return [DELIMITER, Buffer.from(signature(key, json), 'ascii'), ...json, ...(message.buffers ?? [])];
}

/**
 * Decode and verify. The signature is checked over the bytes as received, in constant time; an empty
 * key means that the connection is unsigned. JSON objects are plain data: `__proto__` keys stay keys.
 * Bytes that are not UTF-8 become U+FFFD, as in jupyter_client: ipykernel itself sends such bytes for a
 * lone surrogate in a string, and a signed reply that holds one is still the reply. The `text` of a `stream`
 * message is a `LongText` where it has more than 1 MiB.
 *
 * Never throws. `malformed`: no delimiter, fewer than four JSON frames, a frame that is no JSON object, one
 * nested deeper than 1000, a header beyond 1 MiB or without textual `msg_id` and `msg_type`.
 */
export function decodeMessage(frames: readonly Buffer[], key: string): Decoded {
  const start = frames.findIndex((frame) => frame.equals(DELIMITER));
  const [received, ...rest] = start < 0 ? [] : frames.slice(start + 1);
  if (received === undefined || rest.length < JSON_FRAMES) return { ok: false, why: 'malformed' };
  const json = rest.slice(0, JSON_FRAMES);
  if (key !== '') {
    const expected = Buffer.from(signature(key, json), 'ascii');
    if (received.length !== expected.length || !timingSafeEqual(received, expected)) {
      return { ok: false, why: 'bad-signature' };
    }
  }
  const parts: Record<string, unknown>[] = [];
  for (const [index, frame] of json.entries()) {
    if (index < 2 && frame.length > MAX_HEADER_BYTES) return { ok: false, why: 'malformed' };
    let part: unknown;
    try {
      const isStream = index === 3 && parts[0]?.['msg_type'] === 'stream';
      part = isStream ? streamContent(frame) : JSON.parse(frame.toString('utf8'));
    } catch {
      return { ok: false, why: 'malformed' };
    }
    if (!isRecord(part) || isTooDeep(part)) return { ok: false, why: 'malformed' };
    parts.push(part);
  }
  const [header, parentHeader, metadata, content] = parts;
  if (typeof header?.['msg_id'] !== 'string' || typeof header['msg_type'] !== 'string') {
    return { ok: false, why: 'malformed' };
  }
  return {
    ok: true,
    message: {
      header: header as unknown as MessageHeader,
      parent_header: (parentHeader ?? {}) as Partial<MessageHeader>,
      metadata: metadata ?? {},
      content: content ?? {},
      buffers: rest.slice(JSON_FRAMES),
    },
  };
}
