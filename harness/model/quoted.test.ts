import { expect, test } from 'vitest';
import { quoted } from './quoted.ts';

test.each([
  ['C:\\Users\\ada\\arm', '"C:\\Users\\ada\\arm"'],
  ['\\\\server\\share', '"\\\\server\\share"'],
  ['a "b"', '"a \\"b\\""'],
  ['red \u001b[31m\n', '"red \\u001b[31m\\u000a"'],
  ['', '""'],
])('%j is shown as it was given', (text, shown) => {
  expect(quoted(text)).toBe(shown);
});
