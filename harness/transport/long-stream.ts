import { randomUUID } from 'node:crypto';
import { LongText } from '../model/long-text.ts';

// A string longer than this many bytes stays in its frame. For shorter ones the extra work does not pay.
const LONG_BYTES = 1 << 20;
// Bytes decoded at once: few enough for the text to die in V8's nursery.
const PIECE_BYTES = 1 << 14;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const HEX_DIGITS = 4;

/**
 * The content of a `stream` message, as `JSON.parse` of the whole frame gives it, except that a long `text`
 * is checked and stays in the frame. A cell that prints 100 MB at once makes one message of it, which would
 * otherwise be in memory three times: as frame, as text and as parsed text.
 *
 * @throws SyntaxError as `JSON.parse` does
 */
export function streamContent(frame: Buffer): unknown {
  const literal = longLiteral(frame);
  if (literal === null) return JSON.parse(frame.toString('utf8'));
  const { from, end } = literal;
  const mark = randomUUID();
  const around = [frame.subarray(0, from), Buffer.from(mark), frame.subarray(end)];
  const content: unknown = JSON.parse(Buffer.concat(around).toString('utf8'));
  if (content === null || typeof content !== 'object' || (content as { text?: unknown }).text !== mark) {
    return JSON.parse(frame.toString('utf8'));
  }
  return { ...content, text: new FrameText(frame.subarray(from, end)) };
}

/** The inside of the only long string literal; `null` when there is none, or more than one. */
function longLiteral(frame: Buffer): { readonly from: number; readonly end: number } | null {
  let long: { from: number; end: number } | null = null;
  let from = frame.indexOf(QUOTE) + 1;
  while (from > 0) {
    const end = literalEnd(frame, from);
    if (end === frame.length) return null; // unterminated: JSON.parse reports it
    if (end - from > LONG_BYTES) {
      if (long !== null) return null;
      long = { from, end };
    }
    from = frame.indexOf(QUOTE, end + 1) + 1;
  }
  return long;
}

function literalEnd(frame: Buffer, from: number): number {
  for (let at = from; ; at += 1) {
    at = frame.indexOf(QUOTE, at);
    if (at < 0) return frame.length;
    if (isUnescaped(frame, from, at)) return at;
  }
}

/**
 * The inside of a JSON string literal, in UTF-8. Bytes that are not UTF-8 become U+FFFD, as in the rest of a
 * message.
 */
class FrameText extends LongText {
  readonly length: number;
  readonly #bytes: Buffer;

  /** @throws SyntaxError when it has a control character or an unknown escape */
  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
    let length = 0;
    for (const piece of this.pieces()) length += piece.length;
    this.length = length;
  }

  *pieces(): Generator<string> {
    const bytes = this.#bytes;
    for (let from = 0; from < bytes.length; ) {
      const to = from + PIECE_BYTES < bytes.length ? boundary(bytes, from, from + PIECE_BYTES) : bytes.length;
      yield JSON.parse(`"${bytes.toString('utf8', from, to)}"`) as string;
      from = to;
    }
  }
}

/**
 * Where to cut bytes that begin at `from`: at `wanted` or just before it, but never inside a character or an
 * escape.
 */
function boundary(bytes: Buffer, from: number, wanted: number): number {
  const isContinuation = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let to = wanted;
  while (isContinuation(to) && wanted - to < 3) to -= 1;
  // More than three continuation bytes in a row belong to no character. Each of them cannot be decoded.
  if (isContinuation(to)) return wanted;
  for (let start = to - 1; start >= Math.max(from, to - 1 - HEX_DIGITS); start -= 1) {
    if (bytes[start] !== BACKSLASH || !isUnescaped(bytes, from, start)) continue;
    const length = bytes[start + 1] === LETTER_U ? 2 + HEX_DIGITS : 2;
    return start + length > to ? start : to;
  }
  return to;
}

/** Whether the byte at `at` is not escaped itself. */
function isUnescaped(bytes: Buffer, from: number, at: number): boolean {
  let run = at;
  while (run > from && bytes[run - 1] === BACKSLASH) run -= 1;
  return (at - run) % 2 === 0;
}
