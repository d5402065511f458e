import { describe, expect, test } from 'vitest';
import type { Protocol } from './protocol.ts';
import { protocolDifferences } from './protocol-differences.ts';

const PROTOCOL: Protocol = {
  arms: [
    {
      name: 'fix',
      role: 'treatment',
      description: 'a change',
      patchSha256: null,
      treeSha256: 'a'.repeat(64),
      engagement: null,
    },
  ],
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

  test('names what differs, with both values, down to the arm and the key', () => {
    const [fix] = PROTOCOL.arms;
    if (fix === undefined) throw new Error('no arm');
    const now: Protocol = {
      ...PROTOCOL,
      seed: 2,
      decision: { ...PROTOCOL.decision, alpha: 0.01 },
      arms: [{ ...fix, treeSha256: 'b'.repeat(64) }],
    };
    expect(protocolDifferences(PROTOCOL, now)).toEqual([
      { what: 'seed', first: '1', second: '2' },
      { what: 'decision.alpha', first: '0.05', second: '0.01' },
      { what: 'arm fix: treeSha256', first: `${'a'.repeat(23)}…`, second: `${'b'.repeat(23)}…` },
    ]);
  });

  test('names keys that only one of them has', () => {
    const { runtimeSha256: _gone, ...rest } = PROTOCOL;
    const what = (a: Protocol, b: Protocol) => protocolDifferences(a, b).map((each) => each.what);
    expect(what(PROTOCOL, rest as Protocol)).toEqual(['runtimeSha256']);
    expect(what(rest as Protocol, PROTOCOL)).toEqual(['runtimeSha256']);
    expect(what(PROTOCOL, { ...PROTOCOL, sockets: { encryption: 'curve' } })).toEqual(['sockets.encryption']);
  });
});
