import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { readLines } from './bounded-lines.ts';

test('lines are whole however they come, and one without measure is left out and not kept', () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, 10, (line) => lines.push(line));
  const say = (text: string) => stream.emit('data', Buffer.from(text));
  for (const text of ['a', 'b\nc\n\n', '0123456789\n', '01234', '567890', 'x'.repeat(1_000), '\nlast\nrest'])
    say(text);
  expect(lines).toEqual(['ab', 'c', '', '0123456789', 'last']);

  const before = process.memoryUsage().rss;
  const chunk = Buffer.alloc(1 << 20, 'x');
  for (let mib = 0; mib < 500; mib += 1) stream.emit('data', chunk);
  say('\nafter\n');
  expect(lines.at(-1)).toBe('after');
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
});
