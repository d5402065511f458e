import { describe, expect, test } from 'vitest';
import { decodedCounts, type Exposure, encodedCounts } from '../model/exposure.ts';
import type { RunRecord } from '../model/journal.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { type ExposureComparison, exposureComparisons, shortKinds } from './exposure.ts';
import { seededUniform, type Uniform } from './random.ts';

const CELLS = 25;

interface Making {
  /** Mean of a kind by cell. */
  readonly perCell: number;
  /** Chance to wedge at each cell. */
  readonly hazard: number;
  readonly uniform: Uniform;
}

/** Poisson by Knuth's product: a stimulus that differs from run to run. */
function poisson(mean: number, uniform: Uniform): number {
  let count = 0;
  for (let product = uniform(); product > Math.exp(-mean); product *= uniform()) count += 1;
  return count;
}

function run(base: RunRecord, { perCell, hazard, uniform }: Making): RunRecord {
  let reach = 0;
  while (reach < CELLS && uniform() >= hazard) reach += 1;
  const isWhole = reach === CELLS;
  const sent = isWhole ? CELLS : reach + 1;
  const counts = Array.from({ length: sent }, () => poisson(perCell, uniform));
  const exposure: Exposure = { cells: sent, requests: { comm_msg: encodedCounts(counts) } };
  const kind = isWhole ? 'completed' : 'wedged-stranded';
  return {
    ...base,
    outcome: { ...base.outcome, kind, cell: isWhole ? null : reach },
    cellMs: new Array<number>(reach).fill(10),
    exposure,
  };
}

function compared(
  blocks: number,
  of: (arm: string) => Omit<Making, 'uniform'>,
  seed: number,
): ExposureComparison {
  const uniform = seededUniform(seed, 'exposure by simulation');
  const { experiment, runs } = syntheticJournal({
    blocks,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (each) => run(each, { ...of(each.arm), uniform }),
  });
  return exposureComparisons(experiment.protocol, 'control', runs)[0] as ExposureComparison;
}

function share(times: number, is: (seed: number) => boolean): number {
  return Array.from({ length: times }, (_, seed) => is(seed)).filter(Boolean).length / times;
}

test('counts by cell are kept run-length encoded and are the same again', () => {
  const counts = [0, 0, 3, 3, 3, 1, 0];
  expect(encodedCounts(counts)).toBe('0*2,3*3,1');
  expect(decodedCounts(encodedCounts(counts), 25)).toEqual([0, 0, 3, 3, 3, 1]);
  expect(encodedCounts([])).toBe('');
  expect(decodedCounts('', 25)).toEqual([]);
  // What a damaged journal says takes no more memory than its notebook has cells.
  expect(decodedCounts('1*999999,1*999999', 25)).toHaveLength(25);
});

describe('by simulation, with a stimulus that differs from run to run', () => {
  const alike = (perCell: number) => (arm: string) => ({ perCell, hazard: arm === 'control' ? 0.03 : 0 });

  // A stimulus of 0.2 a cell, 5 a run, crosses the ratio of 0.9 by chance alone again and again.
  test.each([10, 20, 40, 100])('without a difference, %i runs: at most 2 % are called short', (runs) => {
    const isShort = (seed: number) => shortKinds(compared(runs, alike(0.2), seed)).length > 0;
    expect(share(100, isShort)).toBeLessThanOrEqual(0.02);
  });

  test.each([
    [10, 0.95],
    [20, 0.95],
    [40, 0.95],
    [100, 0.95],
  ])('half of a stimulus of 54 a run is seen with %i runs', (runs, power) => {
    const half = (arm: string) => ({
      perCell: arm === 'control' ? 54 / CELLS : 27 / CELLS,
      hazard: arm === 'control' ? 0.03 : 0,
    });
    const isShort = (seed: number) => shortKinds(compared(runs, half, seed)).length > 0;
    expect(share(30, isShort)).toBeGreaterThanOrEqual(power);
  });

  test('a kind that a run in ten has by chance is not called short', () => {
    const rare = (arm: string) => ({ perCell: 0.1 / CELLS, hazard: arm === 'control' ? 0.03 : 0 });
    for (const runs of [10, 20, 40]) {
      const isShort = (seed: number) => shortKinds(compared(runs, rare, seed)).length > 0;
      expect(share(100, isShort)).toBeLessThanOrEqual(0.02);
    }
  });
});

test('a control in which every run wedges still compares, and longer runs of a cured arm do no harm', () => {
  const { kinds, by } = compared(8, (arm) => ({ perCell: 2, hazard: arm === 'control' ? 0.2 : 0 }), 1);
  expect(by).toBe('cells');
  const [begun] = kinds.filter(({ kind }) => kind === 'cells begun');
  expect(begun?.ratio).toBe(1);
  expect(begun?.referencePerRun).toBeLessThan(CELLS);
  expect(kinds.flatMap(({ short }) => short ?? [])).toEqual([]);
});

test('a stimulus that is gone is said with its numbers', () => {
  const gone = compared(8, (arm) => ({ perCell: arm === 'control' ? 2 : 0, hazard: 0 }), 1);
  const [kind] = shortKinds(gone);
  expect(kind).toMatchObject({ kind: 'comm_msg', armPerRun: 0, ratio: 0, short: 'gone' });
  expect(kind?.referencePerRun).toBeGreaterThan(40);
});

test.each([3, 4, 5])(
  'with %i runs an arm, too few for the level, a stimulus that is gone or halved is short',
  (runs) => {
    for (const perCell of [0, 1]) {
      const less = (arm: string) => ({ perCell: arm === 'control' ? 4 : perCell, hazard: 0 });
      expect(shortKinds(compared(runs, less, 1))).toMatchObject([{ kind: 'comm_msg' }]);
    }
  },
);

test('a client that sends fewer cells of a notebook and calls it completed is short of cells', () => {
  const { experiment, runs } = syntheticJournal({
    blocks: 8,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (each) => ({ ...each, exposure: { cells: each.arm === 'change' ? 10 : CELLS, requests: {} } }),
  });
  const [comparison] = exposureComparisons(experiment.protocol, 'control', runs);
  expect(shortKinds(comparison as ExposureComparison)).toMatchObject([
    { kind: 'cells begun', referencePerRun: 25, armPerRun: 10 },
  ]);
});

test('notebooks and traffics are compared each with itself', () => {
  const { experiment, runs } = syntheticJournal({
    blocks: 20,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (each) => {
      // Control has most of its runs on the notebook with widgets, the change most on the other.
      const isWidgets = each.block % 10 < (each.arm === 'control' ? 8 : 2);
      const requests: Exposure['requests'] = isWidgets ? { comm_msg: '2*25' } : {};
      return { ...each, notebook: isWidgets ? 0 : 1, exposure: { cells: CELLS, requests } };
    },
  });
  const [notebook] = experiment.protocol.notebooks;
  const protocol = { ...experiment.protocol, notebooks: notebook === undefined ? [] : [notebook, notebook] };
  const [comparison] = exposureComparisons(protocol, 'control', runs);
  expect(shortKinds(comparison as ExposureComparison)).toEqual([]);
});

test('of schema 1 the requests of completed runs are compared, and nothing where there are none', () => {
  const journal = (kind: 'completed' | 'wedged-mute') =>
    syntheticJournal({
      blocks: 8,
      arms: [
        { name: 'control', role: 'control', hazard: 0 },
        { name: 'change', role: 'treatment', hazard: 0 },
      ],
      change: (each) => ({
        ...each,
        outcome: { ...each.outcome, kind: each.arm === 'control' ? kind : 'completed' },
        client: {
          ...each.client,
          byType: { execute_request: 25, ...(each.arm === 'control' ? { comm_msg: 54 } : {}) },
        },
      }),
    });
  const completed = journal('completed');
  const [totals] = exposureComparisons(completed.experiment.protocol, 'control', completed.runs);
  expect(totals?.by).toBe('totals');
  expect(shortKinds(totals as ExposureComparison)).toMatchObject([
    { kind: 'comm_msg', referencePerRun: 54, armPerRun: 0 },
  ]);
  const wedged = journal('wedged-mute');
  const [none] = exposureComparisons(wedged.experiment.protocol, 'control', wedged.runs);
  expect(none).toMatchObject({ by: 'none', kinds: [] });
});

test('a journal of 100,000 runs is compared in about a second of processor time', () => {
  const { experiment, runs } = syntheticJournal({ blocks: 100, cells: CELLS });
  const many = Array.from({ length: 200 }, (_, i) =>
    runs.map((each) => ({
      ...each,
      block: each.block + 100 * i,
      exposure: {
        cells: CELLS,
        requests: { comm_msg: each.arm === 'fix' && each.block % 7 === 0 ? '1*25' : '2*25' },
      },
    })),
  ).flat();
  const before = process.cpuUsage();
  const found = exposureComparisons(experiment.protocol, 'control', many);
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(4_000);
  expect(found).toHaveLength(4);
});

test('fewer outputs are less exposure, unless lost output is the event', () => {
  const { experiment, runs } = syntheticJournal({
    blocks: 8,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (each) => ({
      ...each,
      losses: [],
      exposure: {
        cells: CELLS,
        requests: {},
        outputs: { stdout: `${each.arm === 'change' ? 1 : 2}*${CELLS}` },
      },
    }),
  });
  const short = (endpoint: 'slow' | 'lost-output') =>
    exposureComparisons({ ...experiment.protocol, endpoint }, 'control', runs).flatMap(shortKinds);
  expect(short('slow')).toMatchObject([{ kind: 'published stdout' }]);
  expect(short('lost-output')).toEqual([]);
});

test('what an interrupt cuts short is no exposure, and fewer interrupts are less of it', () => {
  const { experiment, runs } = syntheticJournal({
    blocks: 8,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (each) => {
      const isChange = each.arm === 'change';
      return {
        ...each,
        traffic: 'interrupt',
        exposure: {
          cells: CELLS,
          executed: isChange ? '' : `1*${CELLS}`,
          requests: {},
          actions: { interrupt: `${isChange ? 1 : 2}*${CELLS}` },
          outputs: isChange ? {} : { stdout: `1*${CELLS}` },
        },
      };
    },
  });
  expect(exposureComparisons(experiment.protocol, 'control', runs).flatMap(shortKinds)).toMatchObject([
    { kind: 'interrupt actions' },
  ]);
});
