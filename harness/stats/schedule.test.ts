import { describe, expect, test } from 'vitest';
import type { Protocol } from '../model/protocol.ts';
import type { Traffic } from '../model/traffic.ts';
import { blockOrders, runName } from './schedule.ts';

const BLOCKS = 6000;

function protocolOf(parts: {
  arms?: readonly string[];
  notebooks?: number;
  traffic?: Traffic[];
  seed?: number;
}): Protocol {
  const arms = parts.arms ?? ['control', 'sham', 'fix'];
  return {
    arms: arms.map((name) => ({
      name,
      role: 'control',
      description: name,
      patchSha256: null,
      treeSha256: '',
      engagement: null,
    })),
    notebooks: Array.from({ length: parts.notebooks ?? 1 }, (_, index) => ({
      name: `${index}.ipynb`,
      sha256: '',
      codeCells: [0],
    })),
    traffic: parts.traffic ?? ['widgets'],
    latency: { spec: 'none', sha256: null },
    pipelineDepth: 4,
    seed: parts.seed ?? 7,
    blocks: BLOCKS,
    concurrency: 1,
    timeoutMs: 10_000,
    startTimeoutMs: 60_000,
    suspectAfterMs: 1000,
    launch: 'spawn',
    decision: { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: null },
    harness: '0',
    runtimeSha256: '',
  };
}

/** The orders of arms, one string a block. */
function ordersOf(protocol: Protocol): string[] {
  return Array.from({ length: BLOCKS }, (_, block) =>
    blockOrders(protocol, block)
      .map(({ arm }) => arm)
      .join(' '),
  );
}

/** Chi-squared statistic of counts that should all be equal. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function tallied(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

describe('a block', () => {
  test('has every arm once, at consecutive positions, named by block and arm', () => {
    for (let block = 0; block < 200; block += 1) {
      const orders = blockOrders(protocolOf({ arms: ['a', 'b', 'c', 'd', 'e'] }), block);
      expect(orders.map(({ arm }) => arm).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(orders.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4]);
      for (const order of orders) expect(order.run).toBe(runName(block, order.arm));
    }
  });

  test('is the same for the same seed and another for another seed', () => {
    const again = ordersOf(protocolOf({ seed: 11 }));
    expect(ordersOf(protocolOf({ seed: 11 }))).toEqual(again);
    const other = ordersOf(protocolOf({ seed: 12 }));
    const equal = other.filter((order, block) => order === again[block]).length;
    // Independent orders of three arms agree in one block of six.
    expect(equal / BLOCKS).toBeGreaterThan(0.13);
    expect(equal / BLOCKS).toBeLessThan(0.21);
  });

  test('has one notebook and one traffic profile, and blocks cycle through the pairs', () => {
    const protocol = protocolOf({ notebooks: 3, traffic: ['widgets', 'overlap'] });
    const pairs = Array.from({ length: 12 }, (_, block) => {
      const ofBlock = new Set(blockOrders(protocol, block).map((o) => `${o.notebookIndex} ${o.traffic}`));
      expect(ofBlock.size).toBe(1);
      return [...ofBlock][0];
    });
    expect(pairs.slice(0, 6)).toEqual([
      '0 widgets',
      '1 widgets',
      '2 widgets',
      '0 overlap',
      '1 overlap',
      '2 overlap',
    ]);
    expect(pairs.slice(6)).toEqual(pairs.slice(0, 6));
  });
});

// Critical values of chi-squared at 1e-6, so that a right generator does not fail over any seed below.
const CHI_SQUARED_5 = 35.9;
const CHI_SQUARED_35 = 90.5;

describe.each([0, 7, 2 ** 32 - 1])('randomisation from seed %i', (seed) => {
  const orders = ordersOf(protocolOf({ seed }));

  test('gives the six orders of three arms about equally often', () => {
    const counts = tallied(orders);
    expect(counts.size).toBe(6);
    expect(chiSquared([...counts.values()])).toBeLessThan(CHI_SQUARED_5);
  });

  test.each([1, 2, 4, 8, 10, 16])('says nothing of the order %i blocks later', (lag) => {
    const pairs = orders.slice(lag).map((order, block) => `${orders[block]} | ${order}`);
    const counts = tallied(pairs);
    expect(counts.size).toBe(36);
    expect(chiSquared([...counts.values()])).toBeLessThan(CHI_SQUARED_35);
  });
});

describe('seeds of runs', () => {
  test('are distinct over a large experiment and exact integers', () => {
    const protocol = protocolOf({});
    const seeds = Array.from({ length: BLOCKS }, (_, block) => blockOrders(protocol, block)).flat();
    expect(new Set(seeds.map(({ seed }) => seed)).size).toBe(BLOCKS * 3);
    for (const { seed } of seeds) expect(Number.isSafeInteger(seed) && seed >= 0).toBe(true);
  });

  test('belong to the place and not to the arm that has it', () => {
    const one = blockOrders(protocolOf({ arms: ['control', 'fix'] }), 3);
    const other = blockOrders(protocolOf({ arms: ['zulu', 'alpha'] }), 3);
    expect(one.map(({ seed }) => seed)).toEqual(other.map(({ seed }) => seed));
  });
});

test('names of runs sort in block order up to a thousand blocks', () => {
  expect(runName(7, 'fix')).toBe('b007-fix');
  expect(runName(1234, 'fix')).toBe('b1234-fix');
});
