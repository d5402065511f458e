import { describe, expect, it } from 'vitest';
import { protocolOf, runOf } from '../../tools/testing/stats.ts';
import type { Environment, ExperimentRecord, Source } from '../model/journal.ts';
import type { Shard } from '../model/shard.ts';
import { analyseExperiment } from './analysis.ts';
import { boschlooLess } from './boschloo.ts';
import { logEPath } from './e-process.ts';
import { seededUniform } from './random.ts';
import { stratifiedDifference } from './risk-difference.ts';
import { type StratumLayout, strataOf } from './strata.ts';
import { type Stratum, stratifiedLess } from './stratified.ts';

const ENVIRONMENT: Environment = {
  key: 'k',
  platform: 'linux',
  arch: 'x64',
  osRelease: '6',
  cpus: 2,
  memoryBytes: 1,
  node: '20',
  zeromqJs: '6',
  libzmq: '4',
  python: 'CPython 3.13',
  kernelLibzmq: '4',
  eventLoop: 'asyncio',
  ipykernel: '7.3.0',
  packages: {},
};

const source = (id: string, at: string, shard?: Shard, environment: Partial<Environment> = {}): Source => ({
  id,
  at,
  shard,
  environment: { ...ENVIRONMENT, ...environment },
  command: '',
  baseline: null,
  journals: ['0'],
  torn: false,
});

const quarter = (index: number): Shard => ({ index, count: 4 });

function strata(...sources: Source[]): string[][] {
  const record = { protocol: protocolOf([['control', 'control']]), sources } as unknown as ExperimentRecord;
  return strataOf(record).map((stratum) => [stratum.name, ...stratum.sources.map(({ id }) => id ?? '')]);
}

describe('strata', () => {
  const night = (day: number) => `2026-01-0${day}T02:00:00.000Z`;

  it('are one where shards divide the blocks on hosts of one kind, whatever their memory', () => {
    expect(
      strata(
        source('b', night(1), quarter(2), { memoryBytes: 2, osRelease: '6.1' }),
        source('a', night(1), quarter(1)),
      ),
    ).toEqual([['', 'a', 'b']]);
  });

  it('are apart by kind of host', () => {
    expect(
      strata(
        source('a', night(1), quarter(1)),
        source('b', night(1), quarter(2), { platform: 'win32' }),
        source('c', night(1), quarter(3), { python: 'CPython 3.14' }),
        source('d', night(1), quarter(4), { packages: { pyzmq: '27' } }),
      ),
    ).toEqual([
      ['linux-1', 'a'],
      ['win32-1', 'b'],
      ['linux-2', 'c'],
      ['linux-3', 'd'],
    ]);
  });

  it('are apart by night, and where the same blocks were done again', () => {
    expect(
      strata(
        source('a', night(1), quarter(1)),
        source('b', night(2), quarter(2)),
        source('c', night(2), quarter(2)),
        source('d', night(2)),
      ),
    ).toEqual([
      ['linux-1', 'a'],
      ['linux-2', 'b'],
      ['linux-3', 'c'],
      ['linux-4', 'd'],
    ]);
  });
});

const PROTOCOL_ARMS = [
  ['control', 'control'],
  ['fix', 'treatment'],
] as const;

/** Two strata of `counts` wedges in 20 blocks: [control, fix] of each. */
function analysisOf(
  counts: readonly (readonly [number, number])[],
  test: 'boschloo' | 'e-process' = 'boschloo',
) {
  const layout: StratumLayout[] = counts.map((_, i) => ({
    name: `linux-${i + 1}`,
    sources: [{ id: String(i), blocks: { first: 0, end: 20 } }],
  }));
  const runs = counts.flatMap((wedged, i) =>
    (['control', 'fix'] as const).flatMap((arm, a) =>
      Array.from({ length: 20 }, (_, block) => ({
        ...runOf(arm, block, {
          kind: (block * 7) % 20 < (wedged[a] ?? 0) ? 'wedged-stranded' : 'completed',
        }),
        source: String(i),
      })),
    ),
  );
  const alpha = test === 'boschloo' ? 0.05 : 0.001;
  return analyseExperiment(protocolOf(PROTOCOL_ARMS, { test, alpha }), runs, { strata: layout });
}

describe('an experiment of several strata', () => {
  it('is judged by the exact stratified test, not by added counts', () => {
    const [pair] = analysisOf([
      [12, 2],
      [6, 1],
    ]).comparisons;
    const expected = stratifiedLess([
      { name: '', reference: { wedged: 12, runs: 20 }, treatment: { wedged: 2, runs: 20 } },
      { name: '', reference: { wedged: 6, runs: 20 }, treatment: { wedged: 1, runs: 20 } },
    ]);
    expect(pair?.stratified?.less).toBe(expected);
    expect(expected).not.toBeCloseTo(boschlooLess({ wedged: 18, runs: 40 }, { wedged: 3, runs: 40 }), 6);
    const [verdict] = analysisOf([
      [12, 2],
      [6, 1],
    ]).verdicts;
    expect(verdict).toMatchObject({ p: expected, word: 'reduces' });
  });

  it('multiplies what E came to in each, and takes no greatest value on the way for it', () => {
    // Control wedges in the first half of each night, the treatment in the second: E rises and falls.
    const wedges = { control: (block: number) => block < 10, fix: (block: number) => block >= 10 };
    const layout: StratumLayout[] = ['a', 'b'].map((id) => ({
      name: id,
      sources: [{ id, blocks: { first: 0, end: 20 } }],
    }));
    const runs = ['a', 'b'].flatMap((id) =>
      (['control', 'fix'] as const).flatMap((arm) =>
        Array.from({ length: 20 }, (_, block) => ({
          ...runOf(arm, block, { kind: wedges[arm](block) ? 'wedged-stranded' : 'completed' }),
          source: id,
        })),
      ),
    );
    const protocol = protocolOf(PROTOCOL_ARMS, { test: 'e-process', alpha: 0.05 });
    const analysis = analyseExperiment(protocol, runs, { strata: layout });
    const [pair] = analysis.comparisons;
    const blocks = Array.from({ length: 20 }, (_, block) => block);
    const path = logEPath(blocks.map(wedges.control), blocks.map(wedges.fix), 'neutral');
    const end = path.at(-1) ?? 0;
    expect(pair?.stratified?.logE).toBeCloseTo(2 * end, 12);
    expect(pair?.eProcess.path).toHaveLength(40);
    expect(pair?.eProcess.path.at(-1)).toBeCloseTo(2 * end, 12);
    expect(Math.max(...path)).toBeGreaterThan(Math.log(20));
    expect(analysis.verdicts[0]?.p).toBe(1);
    expect(analysis.decidedAtBlock).toBeNull();
  });

  it('adds nights up to what none says alone', () => {
    const words = [1, 2, 3].map(
      (nights) => analysisOf(Array(nights).fill([8, 0]), 'e-process').verdicts[0]?.word,
    );
    expect(words).toEqual(['inconclusive', 'fixes', 'fixes']);
    expect(
      analysisOf(
        [
          [8, 0],
          [8, 0],
        ],
        'e-process',
      ).comparisons[0]?.stratified?.logE,
    ).toBeCloseTo(
      2 *
        (analysisOf(
          [
            [8, 0],
            [0, 0],
          ],
          'e-process',
        ).comparisons[0]?.stratified?.logE ?? 0),
      9,
    );
  });

  it('names the strata whose effect and whose rates differ', () => {
    const analysis = analysisOf([
      [14, 1],
      [2, 13],
    ]);
    expect(analysis.comparisons[0]?.stratified?.heterogeneity.p).toBeLessThan(0.001);
    expect(analysis.heterogeneity).toMatchObject([
      { arm: 'control', differs: true },
      { arm: 'fix', differs: true },
    ]);
    expect(analysis.strata?.[1]).toMatchObject({
      name: 'linux-2',
      sources: ['1'],
      blocks: { planned: 20, complete: 20, counted: 20 },
      arms: [
        { arm: 'control', wedged: 2, runs: 20 },
        { arm: 'fix', wedged: 13, runs: 20 },
      ],
    });
  });

  it('does not call two hosts without a wedge a difference, nor a host that differs in both arms', () => {
    expect(
      analysisOf([
        [0, 0],
        [0, 0],
      ]).verdicts[0]?.word,
    ).toBe('inconclusive');
    expect(
      analysisOf([
        [19, 19],
        [1, 1],
      ]).verdicts[0]?.p,
    ).toBeGreaterThan(0.5);
  });
});

describe('the stratified difference', () => {
  const stratum = (x1: number, n1: number, x2: number, n2: number): Stratum => ({
    name: '',
    reference: { wedged: x1, runs: n1 },
    treatment: { wedged: x2, runs: n2 },
  });

  it.each([
    // The restricted likelihood maximised, and the score inverted, numerically by SciPy 1.17.
    [6, 20, 0, 20, -0.52171288, -0.11228237],
    [6, 20, 1, 20, -0.48342518, -0.01354827],
    [12, 20, 2, 18, -0.70658508, -0.18989922],
    [5, 40, 9, 35, -0.0473808, 0.31721504],
    [19, 25, 20, 24, -0.16274403, 0.30291976],
  ])(
    'is Miettinen and Nurminen’s interval with one stratum: %i/%i against %i/%i',
    (x1, n1, x2, n2, low, high) => {
      const { interval95 } = stratifiedDifference([stratum(x1, n1, x2, n2)]);
      expect(interval95[0]).toBeCloseTo(low, 7);
      expect(interval95[1]).toBeCloseTo(high, 7);
    },
  );

  it('keeps a width where nothing wedged, and says nothing without a run', () => {
    const { difference, interval95 } = stratifiedDifference([stratum(0, 10, 0, 10), stratum(0, 5, 0, 5)]);
    expect(difference).toBe(0);
    expect(interval95[0]).toBeLessThan(-0.1);
    expect(interval95[1]).toBeGreaterThan(0.1);
    expect(stratifiedDifference([stratum(0, 0, 1, 2)])).toEqual({ difference: null, interval95: [-1, 1] });
  });

  it('is not moved by strata of different rates', () => {
    // 80 % and 20 %, unequally filled: added counts differ by 36 points where nothing does.
    const { difference } = stratifiedDifference([stratum(16, 20, 4, 5), stratum(1, 5, 4, 20)]);
    expect(difference).toBeCloseTo(0, 12);
  });

  it.each([
    [3, 20, 0.5, 0.1],
    [12, 5, 0.5, 0.1],
    [30, 2, 0.6, 0.2],
    [60, 1, 0.4, 0.1],
  ])('covers the truth: %i strata of %i blocks, %f against %f', (count, blocks, p1, p2) => {
    const uniform = seededUniform(5, `coverage ${count} ${blocks}`);
    const simulations = 600;
    let covered = 0;
    for (let i = 0; i < simulations; i += 1) {
      const drawn = (p: number) => Array.from({ length: blocks }, () => uniform() < p).filter(Boolean).length;
      // Each host with a rate of its own, the difference the same.
      const list = Array.from({ length: count }, () => {
        const shift = (uniform() - 0.5) * 0.2;
        return stratum(drawn(p1 + shift), blocks, drawn(p2 + shift), blocks);
      });
      const [low, high] = stratifiedDifference(list).interval95;
      if (low <= p2 - p1 && p2 - p1 <= high) covered += 1;
    }
    // Five standard errors below 95 %.
    expect(covered / simulations).toBeGreaterThan(0.905);
  });
});
