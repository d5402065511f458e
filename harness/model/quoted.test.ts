import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtCommand } from '../../tools/testing/built-command.ts';
import { packageRoot } from './package-root.ts';
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

test('no sentence for a person is made with JSON, which doubles the backslashes of a Windows path', () => {
  const folder = join(packageRoot(), 'harness');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.ts$/.test(name) && !/\.test\.ts$|\.fixture\.ts$|^testing|^bench/.test(name),
  );
  // A record is a line of its own; what is left stands in the middle of a sentence.
  const inSentence = /\$\{JSON\.stringify\([^`]*?\)\}[^`\n]*[^`\n\\]/;
  const found = sources.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => inSentence.test(line) && !/\$\{JSON\.stringify\(.*\)\}\\n`/.test(line))
      .map((line) => `${name}: ${line.trim()}`),
  );
  expect(found.filter((line) => !ALLOWED.some((allowed) => line.includes(allowed)))).toEqual([]);
});

// Not a word that anybody gave: the shape of an answer, or a key.
const ALLOWED = ['GitHub answered', 'executed-notebook.ts'];

test('a path that is wrong is named by the command as it was given', () => {
  const [file, ...args] = builtCommand(['run', '--arm', 'C:\\no\\arm', '--runs', '1']);
  let said = '';
  try {
    execFileSync(file, args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    said = (error as { stderr: string }).stderr;
  }
  expect(said).toContain('C:\\no\\arm');
  expect(said).not.toContain('C:\\\\no');
});
