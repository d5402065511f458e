import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { productFiles } from '../house/rooms.ts';
import { builtCommand } from '../testing/built-command.ts';

test('no sentence for a person is made with JSON, which doubles the backslashes of a Windows path', () => {
  // A record is a line of its own; what is left stands in the middle of a sentence.
  const inSentence = /\$\{JSON\.stringify\([^`]*?\)\}[^`\n]*[^`\n\\]/;
  const found = productFiles().flatMap((name) =>
    readFileSync(join(packageRoot(), name), 'utf8')
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
