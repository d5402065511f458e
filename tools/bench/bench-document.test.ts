import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { type BenchResult, benchMarkdown, targets } from './bench-document.ts';

const look = { seconds: 1, residentMiB: 100, peakMiB: 110, openFiles: 20 };
const ratio = { value: 0.5, low: 0.4, high: 0.6 };

const RESULT: BenchResult = {
  at: '2026-11-24T12:00:00.000Z',
  harness: '0.1.0',
  node: '20.0.0',
  cpus: 2,
  trips: { ours: [3], dealer: [3], blocking: [4] },
  runs: {
    oneAtATime: { spawn: [400], fork: [200], nbclient: [800], 'jupyter-execute': [1_200] },
    twoAtOnce: { spawn: [300], fork: [150], nbclient: [500] },
    inRow: { spawn: [380], fork: [180] },
    cpu: [{ harnessMs: 40, kernelMs: 400, harnessMiB: 150, kernelMiB: 60 }],
  },
  verdicts: [{ seconds: 30, runs: 33, verdict: 'fixes', strandMs: [1_120] }],
  floods: [{ what: 'a flood', seconds: 3, mostMiB: 250, kept: true }],
  scale: {
    runs: 1_000,
    early: look,
    late: { ...look, residentMiB: 105 },
    journalBytesPerRun: 650,
    earlyMs: 60,
    lateMs: 60,
    filesLeft: [],
  },
  ratios: {
    tripOverDealer: ratio,
    tripOverBlocking: ratio,
    spawnOverNbclient: ratio,
    forkOverNbclient: { ...ratio, value: 0.25 },
    spawnOverJupyter: ratio,
    forkOverJupyter: ratio,
    spawnOverNbclientTwo: ratio,
    forkOverNbclientTwo: ratio,
    spawnInRow: ratio,
    forkInRow: { ...ratio, value: 0.9 },
  },
};

test('every target is reached, or said not to be', () => {
  expect(benchMarkdown(RESULT)).not.toContain('not reached');
  expect(targets(RESULT).every(({ value, most }) => value <= most)).toBe(true);
  const worse: BenchResult = {
    ...RESULT,
    floods: [{ what: 'a flood', seconds: 3, mostMiB: 301, kept: false }],
    scale: { ...RESULT.scale, late: { ...look, residentMiB: 200 }, filesLeft: ['soak-x'] },
  };
  const missed = targets(worse).filter(({ value, most }) => value > most);
  expect(missed.map(({ what }) => what)).toEqual([
    'Resident memory at run 1000 over that at run 500 (or a tenth)',
    'Files left of it',
    'Memory under a flood, MiB',
    'Lost of the outputs of a flood (1: some)',
  ]);
  expect(benchMarkdown(worse).match(/\*\*not reached\*\*/g)).toHaveLength(4);
});

test('what an earlier measurement did not have is left out, and what was measured again is dated', () => {
  const { inRow: _, ...runs } = RESULT.runs;
  const cpu = [{ harnessMs: 40, kernelMs: 400 }];
  const text = benchMarkdown({ ...RESULT, runs: { ...runs, cpu }, floodsAt: '2026-11-25T12:00:00.000Z' });
  expect(text).not.toMatch(/NaN|undefined|In a row/);
  expect(text).toContain('its kernel 400 ms.');
  expect(text).toContain('Measured again, 2026-11-25.');
});

test('runs a minute follow from the times', () => {
  const text = benchMarkdown(RESULT);
  expect(text).toContain('| kernel-soak, fork | 200 | 300 | 150 | 400 |');
  expect(text).toContain('| nbclient, a loop in one warm process | 800 | 75 | 500 | 120 |');
  expect(text).toContain('median 1.12 s of 1 wedges');
  expect(text).toContain('fork 180 ms, 0.90 (0.40 to 0.60).');
  expect(text).toContain('its kernel 60 MiB');
});

test('the committed figures are those of the committed measurement', () => {
  const folder = join(packageRoot(), 'reports', 'bench');
  const result = JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8')) as BenchResult;
  expect(readFileSync(join(folder, 'bench.md'), 'utf8')).toBe(benchMarkdown(result));
});
