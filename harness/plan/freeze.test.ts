import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readNotebook } from '../frontend/notebook.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Protocol } from '../model/protocol.ts';
import { harnessVersion, protocolDifferences, protocolNotebook, runtimeHash } from './freeze.ts';

const PROTOCOL: Protocol = {
  arms: [],
  notebooks: [],
  traffic: ['widgets'],
  latency: { spec: 'none', sha256: null },
  pipelineDepth: 4,
  seed: 1,
  blocks: 20,
  concurrency: 1,
  timeoutMs: 10_000,
  startTimeoutMs: 60_000,
  suspectAfterMs: 1000,
  launch: 'spawn',
  decision: { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: null },
  harness: '0',
  runtimeSha256: '',
};

describe('protocolDifferences', () => {
  test('is empty for equal protocols, whatever the order of their keys', () => {
    const reordered = Object.fromEntries(Object.entries(PROTOCOL).reverse()) as Protocol;
    expect(protocolDifferences(PROTOCOL, structuredClone(PROTOCOL))).toEqual([]);
    expect(protocolDifferences(PROTOCOL, reordered)).toEqual([]);
  });

  test('names each key that differs, nested ones by the key that holds them', () => {
    const now: Protocol = { ...PROTOCOL, seed: 2, decision: { ...PROTOCOL.decision, alpha: 0.01 } };
    expect(protocolDifferences(PROTOCOL, now).sort()).toEqual(['decision', 'seed']);
  });

  test('names keys that only one of them has', () => {
    const { runtimeSha256: _gone, ...rest } = PROTOCOL;
    expect(protocolDifferences(PROTOCOL, rest as Protocol)).toEqual(['runtimeSha256']);
    expect(protocolDifferences(rest as Protocol, PROTOCOL)).toEqual(['runtimeSha256']);
  });
});

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
