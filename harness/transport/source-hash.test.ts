import { expect, test } from 'vitest';
import { sourceHash } from './source-hash.ts';

// By `_source_hash` of jupyter_server_documents 0.3.3.
test.each([
  ['', '0'],
  ['a', '2456313694'],
  ['ab', '446775395'],
  ['abc', '324500635'],
  ['abcd', '646393889'],
  ['print(1)', '3626970123'],
  ['ünö 🚀', '2997999551'],
  ['x = 1\ny = 2\n', '2111659698'],
  ['€'.repeat(100), '3186565301'],
])('the hash of %j', (source, hash) => {
  expect(sourceHash(source)).toBe(hash);
});
