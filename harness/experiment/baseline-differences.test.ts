import { expect, test } from 'vitest';
import type { Protocol } from '../model/protocol.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { type BaselineSide, baselineDifferences } from './baseline-differences.ts';

const { experiment } = syntheticJournal({ blocks: 1 });
const { environment } = experiment;

function side(protocol: Partial<Protocol> = {}, packages: Record<string, string> = {}): BaselineSide {
  return {
    protocol: { ...experiment.protocol, ...protocol },
    environment: { ...environment, packages: { ...environment.packages, ...packages } },
  };
}

const named = (earlier: BaselineSide, here: BaselineSide) =>
  baselineDifferences(earlier, 'control', here).map(({ what }) => what);

test('an experiment differs in nothing from another of the same settings, whatever its seed, size and level', () => {
  const decision = { ...experiment.protocol.decision, alpha: 0.001 };
  expect(named(side(), side({ seed: 99, blocks: 400, decision }))).toEqual([]);
});

test('an endpoint that is read from the same runs is no difference', () => {
  expect(named(side(), side({ endpoint: 'died' }))).toEqual([]);
  expect(named(side({ endpoint: 'slow', slowAfterMs: 5 }), side())).toEqual([]);
});

const [notebook] = experiment.protocol.notebooks;
const client = { name: 'nbclient' as const, cellTimeoutMs: 6000, versions: { nbclient: '0.11.0' } };

test.each<[string, Partial<Protocol>]>([
  ['notebook', { notebooks: [{ ...notebook, name: 'other.ipynb' } as Protocol['notebooks'][number]] }],
  [
    'length (code cells)',
    { notebooks: [{ ...notebook, codeCells: [1, 3] } as Protocol['notebooks'][number]] },
  ],
  ['traffic', { traffic: ['overlap'] }],
  ['latency', { latency: { spec: 'none', sha256: null } }],
  ['launch', { launch: 'fork' }],
  ['a stall of the client', { endpoint: 'stalled' }],
  ['deadline', { timeoutMs: 5 }],
  ['runs at once', { concurrency: 9 }],
  ['client', { client }],
  ['transport', { transport: { name: 'server', versions: { 'jupyter-server': '2.21.0' } } }],
  ['sockets', { sockets: { encryption: 'curve' } }],
  ['kernel-side runtime', { runtimeSha256: '0'.repeat(64) }],
])('%s is named', (what, protocol) => {
  expect(named(side(), side(protocol))).toContain(what);
  expect(named(side(protocol), side())).toContain(what);
});

test('the machine and each package are named, with both versions', () => {
  const here = side({}, { pyzmq: '26.4.0' });
  expect(baselineDifferences(side(), 'control', here)).toEqual([
    { what: 'pyzmq', earlier: '27.1.0', here: '26.4.0' },
  ]);
  expect(named(side(), { ...side(), environment: { ...environment, cpus: 64 } })).toEqual(['processors']);
});

test('what the arm asks for is the arm, and no difference beside it', () => {
  const arm = {
    name: 'newer',
    role: 'control' as const,
    description: 'x',
    patchSha256: null,
    treeSha256: 'a',
    engagement: null,
    environment: { requirements: ['ipykernel==7.4.0'], python: null, lockSha256: 'b', versions: {} },
  };
  const here = side({ arms: [arm] }, { ipykernel: '7.4.0', pyzmq: '26.4.0' });
  expect(named(side(), here)).toEqual(['pyzmq']);
});
