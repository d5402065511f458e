import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakProgram } from '../../harness/commands/program.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { optionReference } from './option-reference.ts';

test('docs/options.md is in step with the table of options (UPDATE_DOCS=1 writes it anew)', () => {
  const file = join(packageRoot(), 'docs', 'options.md');
  const text = optionReference(
    soakProgram({
      version: '0',
      write: () => {},
      interruption: () => new AbortController().signal,
      onExit: () => {},
    }),
  );
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
});
