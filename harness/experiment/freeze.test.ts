import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runtimeHash } from '../arms/runtime-hash.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { harnessVersion } from '../model/harness-version.ts';
import { packageRoot } from '../model/package-root.ts';
import { protocolNotebook } from './freeze.ts';

test('the version is the package’s', async () => {
  const manifest = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8'));
  expect(await harnessVersion()).toBe(manifest.version);
});

test('the runtime has one hash, which does not depend on byte code beside it', async () => {
  const hash = await runtimeHash();
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(await runtimeHash()).toBe(hash);
});

test('a notebook in the protocol has its name without folders, its hash and its executed cells', async () => {
  const notebook = await readNotebook(join(packageRoot(), 'notebooks', 'plain.ipynb'));
  const entry = protocolNotebook(notebook);
  expect(entry.name).toBe('plain.ipynb');
  expect(entry.sha256).toBe(notebook.sha256);
  expect(entry.codeCells).toHaveLength(notebook.codeCells.length);
  expect(entry.codeCells).toEqual([...entry.codeCells].sort((a, b) => a - b));
});
