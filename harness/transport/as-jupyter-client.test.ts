import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testPython } from '../../tools/testing/test-python.ts';
import { decodeMessage } from './wire.ts';

const KEY = 'a key of the tests';

// jupyter_client's own word on each message: its frames, in base64, a line of standard input.
const DESERIALIZE = `
import base64, json, sys, warnings
from jupyter_client.session import Session
warnings.simplefilter("ignore")
session = Session(key=b"${KEY}", digest_history_size=0)
for line in sys.stdin:
    frames = [base64.b64decode(frame) for frame in json.loads(line)]
    try:
        _, rest = session.feed_identities(frames)
        session.deserialize(rest)
        print("taken")
    except Exception as error:
        print(f"refused: {error!r}"[:200])
`;

const HEADER = {
  msg_id: 'id-1',
  msg_type: 'execute_reply',
  session: 'kernel',
  username: 'kernel',
  date: '2026-11-28T22:00:00.123456Z',
  version: '5.4',
};
const ODD = [
  'null',
  '1',
  '"text"',
  '[]',
  '{}',
  'true',
  '{"x":NaN}',
  '[-Infinity]',
  '',
  '{',
  'NaN',
  '-NaN',
  '\ufeff{}',
];
const DATES = ['"2026-11-28T22:00:00"', '"2026-11-28"', '"yesterday"', '"2026-11-28T22:00:00+01:00"', ...ODD];

/** A header as JSON, with one field in most of them replaced or left out. */
const header = fc
  .record({
    field: fc.constantFrom(...(Object.keys(HEADER) as (keyof typeof HEADER)[])),
    value: fc.option(fc.constantFrom(...ODD, ...DATES), { nil: undefined }),
  })
  .map(({ field, value }) => {
    const fields = Object.entries(HEADER).flatMap(([name, text]) =>
      name !== field
        ? [`"${name}":${JSON.stringify(text)}`]
        : value === undefined
          ? []
          : [`"${name}":${value}`],
    );
    return `{${fields.join(',')}}`;
  });

const message = fc
  .record({
    header: fc.oneof({ weight: 4, arbitrary: header }, fc.constantFrom(JSON.stringify(HEADER), ...ODD)),
    parent: fc.constantFrom('{}', '{"msg_id":"p"}', '{"msg_id":1}', ...ODD),
    metadata: fc.constantFrom('{}', ...ODD),
    content: fc.constantFrom('{}', '{"status":"ok","execution_count":"1"}', '{"cost":NaN}', ...ODD),
    more: fc.array(fc.constantFrom('', 'buffer', '<IDS|MSG>'), { maxLength: 2 }),
    kept: fc.constantFrom(6, 6, 6, 6, 6, 5, 4, 1),
    signed: fc.constantFrom(true, true, true, true, false),
  })
  .map(({ header, parent, metadata, content, more, kept, signed }): Buffer[] => {
    const json = [header, parent, metadata, content].map((part) => Buffer.from(part));
    const hmac = createHmac('sha256', signed ? KEY : 'another key');
    for (const part of json) hmac.update(part);
    const frames = ['<IDS|MSG>', hmac.digest('hex')].map((part) => Buffer.from(part));
    return [
      Buffer.from('peer'),
      ...[...frames, ...json].slice(0, kept),
      ...more.map((part) => Buffer.from(part)),
    ];
  });

test('whatever jupyter_client takes is taken, and little else', async () => {
  const messages = fc.sample(message, { numRuns: 4_000, seed: 27 });
  const lines = messages.map((frames) => JSON.stringify(frames.map((frame) => frame.toString('base64'))));
  const words = execFileSync(await testPython(), ['-c', DESERIALIZE], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
  expect(words).toHaveLength(messages.length);

  const shown = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString()).join(' | ');
  const ours = messages.map((frames) => decodeMessage(frames, KEY));
  const taken = words.map((word) => word === 'taken');
  const missed = messages.filter((_, index) => taken[index] && !ours[index]?.ok).map(shown);
  expect(missed).toEqual([]);
  // Neither all nor nothing, or the comparison would be empty.
  expect(taken.filter(Boolean).length).toBeGreaterThan(200);
  expect(taken.filter((isTaken) => !isTaken).length).toBeGreaterThan(200);
  // What it stumbles over besides: a version that is no text, and what its adapter to protocol 4 does with odd content.
  const more = words.filter((word, index) => word !== 'taken' && ours[index]?.ok);
  expect(more.filter((word) => !/AttributeError|ValueError|TypeError|KeyError/.test(word))).toEqual([]);
  expect(
    more.filter((word) => /Signature|Unsigned|JSONDecode|at least 5|msg_id|msg_type/.test(word)),
  ).toEqual([]);
});
