import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, type Outgoing } from './wire.ts';

const KEY = 'a0436f6c-1916-498b-8eb9-e81ab9368e84';
const DELIMITER = '<IDS|MSG>';
const HEADER = {
  msg_id: 'id-1',
  msg_type: 'execute_reply',
  session: 'kernel',
  username: 'kernel',
  date: '2026-11-28T22:00:00.123456Z',
  version: '5.4',
};

function hmac(key: string, frames: readonly (string | Buffer)[]): string {
  const digest = createHmac('sha256', key);
  for (const frame of frames) digest.update(frame);
  return digest.digest('hex');
}

/** Frames as a kernel sends them, rightly signed over whatever the JSON frames are. */
function signedFrames(json: readonly (string | Buffer)[], key = KEY): Buffer[] {
  return [DELIMITER, hmac(key, json), ...json].map((frame) => Buffer.from(frame as string));
}

const json = (parts: { header?: unknown; parent?: unknown; metadata?: unknown; content?: unknown } = {}) =>
  [parts.header ?? HEADER, parts.parent ?? {}, parts.metadata ?? {}, parts.content ?? {}].map((part) =>
    JSON.stringify(part),
  );

describe('a sound message', () => {
  test('is decoded with its parts and buffers, after any identities', () => {
    const frames = signedFrames(
      json({ parent: { msg_id: 'p' }, metadata: { m: 1 }, content: { status: 'ok' } }),
    );
    const decoded = decodeMessage(
      [Buffer.from('stream.stdout'), Buffer.from('peer'), ...frames, Buffer.from([0, 255])],
      KEY,
    );
    expect(decoded).toEqual({
      ok: true,
      message: {
        header: HEADER,
        parent_header: { msg_id: 'p' },
        metadata: { m: 1 },
        content: { status: 'ok' },
        buffers: [Buffer.from([0, 255])],
      },
      deviations: [],
    });
  });

  test('may have a buffer that looks like the delimiter', () => {
    const decoded = decodeMessage([...signedFrames(json()), Buffer.from(DELIMITER)], KEY);
    expect(decoded.ok && decoded.message.buffers).toEqual([Buffer.from(DELIMITER)]);
  });

  test('is known by the bytes received: white space and key order are the sender’s', () => {
    const header = ' {"msg_type" : "status",\n "msg_id":"x" } ';
    expect(decodeMessage(signedFrames([header, '{}', '{}', '{}']), KEY).ok).toBe(true);
  });

  test('needs no signature where the connection has no key', () => {
    const frames = [DELIMITER, '', ...json()].map((frame) => Buffer.from(frame));
    expect(decodeMessage(frames, '').ok).toBe(true);
    expect(decodeMessage(signedFrames(json()), '').ok).toBe(true);
  });

  test('agrees with the signature that jupyter_client makes', () => {
    // jupyter_client 8: Session(key=b'key').sign([b'{"msg_id":"a","msg_type":"b"}', b'{}', b'{}', b'{}'])
    const header = { msg_id: 'a', msg_type: 'b' };
    const frames = encodeMessage({ header, content: {} }, 'key');
    expect(frames[1]?.toString()).toBe('1d62c592d2a60517087ec50bdfd9de0f8aec80b7927c1a0bbdd439fe9e80b6ec');
  });
});

describe('a signature', () => {
  const frames = signedFrames(json({ content: { status: 'ok' } }));
  const withSignature = (signature: string | Buffer) => frames.with(1, Buffer.from(signature as string));
  const right = frames[1]?.toString() ?? '';

  test.each([
    ['empty', ''],
    ['one digit short', right.slice(0, -1)],
    ['one digit long', `${right}0`],
    ['one digit wrong', (right.startsWith('0') ? '1' : '0') + right.slice(1)],
    ['in capitals', right.toUpperCase()],
    ['not text', Buffer.alloc(64, 255)],
    ['of another key', hmac('other', frames.slice(2))],
    ['very long', 'a'.repeat(1 << 20)],
  ])('that is %s is not taken', (_what, signature) => {
    expect(decodeMessage(withSignature(signature), KEY)).toEqual({ ok: false, why: 'bad-signature' });
  });

  test('covers every byte of the four JSON frames', () => {
    for (let frame = 2; frame < 6; frame += 1) {
      const bytes = frames[frame] ?? Buffer.alloc(0);
      for (let at = 0; at < bytes.length; at += 1) {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ 1;
        expect(decodeMessage(frames.with(frame, altered), KEY)).toEqual({ ok: false, why: 'bad-signature' });
      }
    }
  });

  test('is judged before anything is parsed', () => {
    const unsigned = [DELIMITER, 'x', 'not json', '{}', '{}', '{}'].map((frame) => Buffer.from(frame));
    expect(decodeMessage(unsigned, KEY)).toEqual({ ok: false, why: 'bad-signature' });
  });

  test('does not cover bytes moved from one frame to the next: only the parse can tell', () => {
    const moved = signedFrames(['{"msg_id":"a","msg_type":"b"}{', '}', '{}', '{}']);
    expect(decodeMessage(moved, KEY)).toMatchObject({ ok: false, why: 'malformed' });
  });
});

describe('frames that are no message', () => {
  test.each([
    ['none', []],
    ['no delimiter', json()],
    ['the delimiter alone', [DELIMITER]],
    ['three JSON frames', [DELIMITER, '', ...json().slice(0, 3)]],
    ['a delimiter with more in its frame', [`${DELIMITER} `, '', ...json()]],
  ])('%s', (_what, frames) => {
    const buffers = frames.map((frame) => Buffer.from(frame));
    expect(decodeMessage(buffers, KEY)).toMatchObject({ ok: false, why: 'malformed' });
  });

  test.each([
    ['a header that is no JSON', ['{', '{}', '{}', '{}'], 'its header is no JSON'],
    ['an empty header', ['', '{}', '{}', '{}'], 'its header is no JSON'],
    ['empty metadata', ['{}', '{}', '', '{}'], 'its metadata is no JSON'],
    ['a header that is a list', ['[]', '{}', '{}', '{}'], 'the header is a list'],
    ['a header that is null', ['null', '{}', '{}', '{}'], 'the header is null'],
    ['a header that is a string', ['"header"', '{}', '{}', '{}'], 'the header is a text'],
    ['no msg_id', json({ header: { msg_type: 'status' } }), 'the header has no msg_id'],
    ['no msg_type', json({ header: { msg_id: 'a' } }), 'the header has no msg_type'],
    [
      'a msg_id that only the prototype could give',
      ['{"__proto__":{"msg_id":"a","msg_type":"b"}}', '{}', '{}', '{}'],
      'the header has no msg_id',
    ],
    ['content with a number that nobody writes', json().with(3, '{"x": +NaN}'), 'its content is no JSON'],
    [
      'a header beyond a megabyte',
      json({ header: { ...HEADER, x: 'y'.repeat(1 << 20) } }),
      'its header is beyond 1 MiB',
    ],
    [
      'a parent beyond a megabyte',
      json({ parent: { x: 'y'.repeat(1 << 20) } }),
      'its parent_header is beyond 1 MiB',
    ],
  ])('rightly signed, but with %s', (_what, parts, reason) => {
    expect(decodeMessage(signedFrames(parts), KEY)).toEqual({ ok: false, why: 'malformed', detail: reason });
  });
});

describe('what jupyter_client takes is taken as it came, and named', () => {
  const { date: _date, session: _session, ...bare } = HEADER;
  test.each<[string, string[], string[]]>([
    ['a msg_id that is a number', json({ header: { ...HEADER, msg_id: 1 } }), ['header.msg_id is a number']],
    [
      'a msg_type that is a list',
      json({ header: { ...HEADER, msg_type: [] } }),
      ['header.msg_type is a list'],
    ],
    [
      'a header without date and session',
      json({ header: bare }),
      ['header without session', 'header without date'],
    ],
    [
      'a date without a zone',
      json({ header: { ...HEADER, date: '2026-11-28T22:00:00' } }),
      ['header.date without a time zone'],
    ],
    [
      'a date that is none',
      json({ header: { ...HEADER, date: 'yesterday' } }),
      ['header.date is not ISO 8601'],
    ],
    ['a parent that is null', json().with(1, 'null'), ['parent_header is null']],
    [
      'a parent whose session is null',
      json({ parent: { session: null } }),
      ['parent_header.session is null'],
    ],
    ['metadata that is null', json().with(2, 'null'), ['metadata is null']],
    ['metadata that is a number', json().with(2, '1'), ['metadata is a number']],
    ['content that is a list', json().with(3, '[]'), ['content is a list']],
    ['a count that is a text', json({ content: { execution_count: '3' } }), ['execution_count is a text']],
    ['a number that JSON does not have', json().with(3, '{"x": NaN}'), ['NaN or Infinity in content']],
  ])('%s', (_what, parts, deviations) => {
    const decoded = decodeMessage(signedFrames(parts), KEY);
    expect(decoded).toMatchObject({ ok: true, deviations });
  });

  test('numbers that JSON does not have keep their values, and texts that look like them their letters', () => {
    const content =
      '{"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \\" Infinity", "__proto__": {"d": NaN}}';
    const decoded = decodeMessage(signedFrames(json().with(3, content)), KEY);
    const got = decoded.ok ? decoded.message.content : {};
    expect(got).toMatchObject({ a: Number.NaN, b: [-Infinity, Infinity, 1], c: 'NaN " Infinity' });
    expect(Object.getOwnPropertyDescriptor(got, '__proto__')?.value).toEqual({ d: Number.NaN });
  });

  test('a stream of NaNs too, whose text may be long', () => {
    const header = JSON.stringify({ ...HEADER, msg_type: 'stream' });
    const content = `{"name": "stdout", "text": "${'NaN '.repeat(500_000)}", "cost": NaN}`;
    const decoded = decodeMessage(signedFrames([header, '{}', '{}', content]), KEY);
    expect(decoded).toMatchObject({ ok: true, deviations: ['NaN or Infinity in content'] });
  });
});

describe('hostile content', () => {
  test('__proto__, constructor and prototype stay plain keys', () => {
    const content = '{"__proto__": {"polluted": true}, "constructor": 1, "prototype": 2}';
    const decoded = decodeMessage(signedFrames(json().with(3, content)), KEY);
    expect(decoded.ok).toBe(true);
    const got = decoded.ok ? decoded.message.content : {};
    expect(Object.keys(got)).toEqual(['__proto__', 'constructor', 'prototype']);
    expect((got as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('%s nested within Python’s limit are taken, deeper ones are malformed', (_what, open, close) => {
    const nested = (depth: number) =>
      json().with(3, `{"x":${open.repeat(depth)}${open === '[' ? '' : '1'}${close.repeat(depth)}}`);
    expect(decodeMessage(signedFrames(nested(990)), KEY).ok).toBe(true);
    expect(decodeMessage(signedFrames(nested(1_002)), KEY).ok).toBe(false);
    expect(decodeMessage(signedFrames(nested(200_000)), KEY).ok).toBe(false);
  });

  test('what is taken can be serialised again without a full stack', () => {
    const depth = 900;
    const parts = json().with(3, `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    const decoded = decodeMessage(signedFrames(parts), KEY);
    expect(decoded.ok && JSON.stringify(decoded.message.content)).toHaveLength(depth * 2 + 6);
  });

  test('bytes that are not UTF-8 become U+FFFD, as in jupyter_client', () => {
    const content = Buffer.concat([
      Buffer.from('{"text":"'),
      Buffer.from([0xed, 0xb0, 0x80, 0xff]),
      Buffer.from('"}'),
    ]);
    const [header = '', parent = '', metadata = ''] = json();
    const decoded = decodeMessage(signedFrames([header, parent, metadata, content]), KEY);
    expect(decoded.ok && decoded.message.content['text']).toMatch(/^\uFFFD+$/);
  });

  test('a frame of 32 MiB is decoded', () => {
    const text = 'x'.repeat(32 << 20);
    const decoded = decodeMessage(signedFrames(json({ content: { text } })), KEY);
    expect(decoded.ok && (decoded.message.content['text'] as string).length).toBe(text.length);
  });
});

const record = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
const outgoing: fc.Arbitrary<Outgoing> = fc.record({
  header: fc
    .tuple(record, fc.string(), fc.string())
    .map(([rest, msg_id, msg_type]) => ({ ...rest, msg_id, msg_type })),
  parentHeader: record,
  metadata: record,
  content: record,
  buffers: fc.array(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  ),
});

describe('for any message and any frames', () => {
  test('what was encoded is decoded', () => {
    fc.assert(
      fc.property(outgoing, fc.string(), (message, key) => {
        const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
        const decoded = decodeMessage(encodeMessage(message, key), key);
        if (!decoded.ok) throw new Error(decoded.why);
        expect(decoded.message).toEqual({
          header: plain(message.header),
          parent_header: plain(message.parentHeader),
          metadata: plain(message.metadata),
          content: plain(message.content),
          buffers: message.buffers,
        });
      }),
    );
  });

  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const part = fc.oneof(
    bytes,
    fc.json().map(Buffer.from),
    fc.constant(Buffer.from(DELIMITER)),
    fc.constant(Buffer.from('{}')),
  );

  test('random frames are refused or decoded, and never throw', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), fc.constantFrom('', KEY), (frames, key) => {
        expect(typeof decodeMessage(frames, key).ok).toBe('boolean');
      }),
      { numRuns: 1000 },
    );
  });

  test('random JSON frames with a right signature never throw', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 4, maxLength: 6 }), (frames) => {
        const [a, b, c, d] = frames;
        if (!a || !b || !c || !d) return;
        expect(typeof decodeMessage(signedFrames([a, b, c, d]), KEY).ok).toBe('boolean');
      }),
      { numRuns: 1000 },
    );
  });
});
