import { describe, expect, it } from 'vitest';
import { LongText } from '../model/long-text.ts';
import { seededUniform } from '../stats/random.ts';
import { streamContent } from './long-stream.ts';
import { decodeMessage, encodeMessage } from './wire.ts';

const MEBI = 1 << 20;

/** Text as JSON writes it, and as Python's json does with `ensure_ascii`, and with what is no UTF-8 in it. */
const PARTS = [
  'x'.repeat(99),
  '\\n',
  '\\r',
  '\\\\',
  '\\"',
  '\\u00e9',
  '\\ud83d\\ude00',
  '\\ud83d',
  'é',
  '漢',
  '😀',
]
  .map((part) => Buffer.from(part))
  .concat([Buffer.from([0x80]), Buffer.from([0xf0, 0x9f]), Buffer.alloc(7, 0xbf), Buffer.alloc(50, '\\')]);

function randomLiteral(seed: number, parts: readonly Buffer[]): Buffer {
  const uniform = seededUniform(seed, 'long stream');
  const chosen: Buffer[] = [];
  for (let size = 0; size < 1.5 * MEBI; size += chosen.at(-1)?.length ?? 0) {
    chosen.push(parts[Math.floor(uniform() * parts.length)] ?? Buffer.alloc(0));
  }
  return Buffer.concat(chosen);
}

function frameOf(literal: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"name": "stdout", "text": "'), literal, Buffer.from('"}')]);
}

describe('streamContent', () => {
  it.each([1, 2, 3, 4])('has the same text as JSON.parse, in short pieces (seed %i)', (seed) => {
    // Two parts alone bring the same place of each to every cut.
    const frame = frameOf(
      randomLiteral(seed, seed > 2 ? PARTS.slice(5 * (seed - 3), 5 * (seed - 2)) : PARTS),
    );
    const expected = JSON.parse(frame.toString('utf8')) as { text: string };
    const content = streamContent(frame) as { name: string; text: LongText };
    expect(content.text).toBeInstanceOf(LongText);
    expect(content.name).toBe('stdout');
    expect(content.text.length).toBe(expected.text.length);
    expect(String(content.text) === expected.text).toBe(true);
    expect(JSON.stringify(content) === JSON.stringify(expected)).toBe(true);
    for (const piece of content.text.pieces()) expect(piece.length).toBeLessThan(100_000);
  });

  it.each([
    ['a short text', '{"name":"stdout","text":"x"}'],
    ['a long text of another name', `{"name":"${'x'.repeat(2 * MEBI)}","text":"x"}`],
    ['two long texts', `{"name":"${'x'.repeat(2 * MEBI)}","text":"${'y'.repeat(2 * MEBI)}"}`],
    ['a long text further down', `{"name":"stdout","text":["${'x'.repeat(2 * MEBI)}"]}`],
    ['no object', `"${'x'.repeat(2 * MEBI)}"`],
    ['a text that a later one replaces', `{"text":"${'x'.repeat(2 * MEBI)}","text":"x"}`],
  ])('leaves %s to JSON.parse', (_what, json) => {
    expect(JSON.stringify(streamContent(Buffer.from(json))) === JSON.stringify(JSON.parse(json))).toBe(true);
  });

  const LONG = 'x'.repeat(2 * MEBI);
  it.each([
    ['a control character', `{"text":"${LONG}\n"}`],
    ['an escape that there is not', `{"text":"${LONG}\\x"}`],
    ['half an escape', `{"text":"${LONG}\\u12"}`],
    ['no end', `{"text":"${LONG}`],
    ['an escaped end', `{"text":"${LONG}\\"}`],
    ['more after its end', `{"text":"${LONG}"}}`],
  ])('refuses a text with %s, as JSON.parse does', (_what, json) => {
    expect(() => JSON.parse(json) as unknown).toThrow(SyntaxError);
    expect(() => streamContent(Buffer.from(json))).toThrow(SyntaxError);
  });
});

describe('decodeMessage', () => {
  const message = (text: string, type = 'stream') => ({
    header: { msg_id: '1', msg_type: type },
    content: { name: 'stdout', text },
  });

  it('verifies a long stream and leaves its text where it is', () => {
    const frames = encodeMessage(message('é\n'.repeat(MEBI)), 'key');
    const decoded = decodeMessage(frames, 'key');
    expect(decoded.ok && decoded.message.content['text']).toBeInstanceOf(LongText);
    const content = frames.at(-1);
    if (content !== undefined) content[content.length - 5] = 0x41;
    expect(decodeMessage(frames, 'key')).toEqual({ ok: false, why: 'bad-signature' });
    expect(decodeMessage(frames, '').ok).toBe(true);
    if (content !== undefined) content[content.length - 5] = 0x0a;
    expect(decodeMessage(frames, '')).toMatchObject({ ok: false, why: 'malformed' });
  });

  it('has the text of every other message as a string', () => {
    const decoded = decodeMessage(encodeMessage(message('x'.repeat(2 * MEBI), 'error'), 'key'), 'key');
    expect(decoded.ok && typeof decoded.message.content['text']).toBe('string');
  });
});
