import { describe, expect, it } from 'vitest';
import { armRuns, protocolOf, runOf } from '../../tools/testing/stats.ts';
import type { ProtocolArm } from '../model/arm.ts';
import type { RunRecord } from '../model/journal.ts';
import { runRecordSchema } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import { protocolSchema } from '../model/protocol.ts';
import { analyseExperiment } from './analysis.ts';

const THREE = [
  ['control', 'control'],
  ['sham', 'sham'],
  ['fix', 'treatment'],
] as const;

/** Three arms of 20 runs, as many wedged as given. */
const threeArms = (control: number, sham: number, fix: number, runs = 20) => [
  ...armRuns('control', control, runs),
  ...armRuns('sham', sham, runs),
  ...armRuns('fix', fix, runs),
];

const wordOf = (runs: readonly RunRecord[], decision = {}) =>
  analyseExperiment(protocolOf(THREE, decision), runs).verdicts[0]?.word;

/** Every number in it, with its path. */
function numbers(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => numbers(inner, `${path}.${key}`));
}

describe('analyseExperiment', () => {
  it('is given what the model accepts', () => {
    expect(protocolSchema.safeParse(protocolOf(THREE)).success).toBe(true);
    expect(runRecordSchema.safeParse(runOf('fix', 3, { kind: 'wedged-mute' })).success).toBe(true);
  });

  it.each([
    ['no run', []],
    ['one run', [runOf('control', 0)]],
    [
      'an arm of invalid runs',
      [
        ...armRuns('control', 1, 3),
        ...armRuns('sham', 1, 3),
        ...[0, 1, 2].map((b) => runOf('fix', b, { kind: 'died' })),
      ],
    ],
    ['PR 1529', threeArms(6, 5, 0)],
    ['all wedged', threeArms(20, 20, 20)],
    [
      'a run without counters or cells',
      [
        runOf('control', 0, { kernel: null, cellMs: [] }),
        runOf('sham', 0, { replies: 0 }),
        runOf('fix', 0, { kind: 'wedged-mute', replies: 0 }),
      ],
    ],
  ])('is plain JSON without NaN, infinity or undefined: %s', (_, runs) => {
    for (const test of ['boschloo', 'e-process'] as const) {
      const analysis = analyseExperiment(protocolOf(THREE, { test }), runs);
      expect(JSON.parse(JSON.stringify(analysis))).toStrictEqual(analysis);
      for (const [path, value] of numbers(analysis)) expect(Number.isFinite(value), path).toBe(true);
    }
  });

  it('does not depend on the order in which runs were recorded', () => {
    const runs = threeArms(6, 5, 1);
    const protocol = protocolOf(THREE);
    expect(analyseExperiment(protocol, [...runs].reverse())).toEqual(analyseExperiment(protocol, runs));
  });

  it('refuses a run of an unknown arm and a second run of one block and arm', () => {
    const protocol = protocolOf(THREE);
    expect(() => analyseExperiment(protocol, [runOf('other', 0)])).toThrow(/other/);
    expect(() => analyseExperiment(protocol, [runOf('fix', 0), runOf('fix', 0)])).toThrow(/already/);
  });

  it('analyses 100,000 runs in about a second of processor time', () => {
    const runs = threeArms(10_000, 9_000, 0, 33_334);
    const protocol = protocolOf(THREE, { test: 'e-process', alpha: 0.001 });
    analyseExperiment(protocol, runs);
    const before = process.cpuUsage();
    const analysis = analyseExperiment(protocol, runs);
    // Boschloo's values are remembered from the first time, so this is all but them.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2500);
    expect(analysis.verdicts[0]?.word).toBe('fixes');
  });
});

describe('the verdict', () => {
  it('follows the contract', () => {
    expect(wordOf(threeArms(6, 5, 0))).toBe('fixes');
    expect(wordOf(threeArms(14, 14, 2))).toBe('reduces');
    expect(wordOf(threeArms(1, 1, 9))).toBe('worse');
    expect(wordOf(threeArms(10, 10, 9))).toBe('no-difference');
    expect(wordOf(threeArms(0, 0, 0))).toBe('inconclusive');
    expect(wordOf(threeArms(3, 3, 1))).toBe('inconclusive');
  });

  it('does not take a difference from control alone for the effect of the change', () => {
    expect(wordOf(threeArms(12, 0, 0))).not.toBe('fixes');
    const shams = analyseExperiment(protocolOf(THREE), threeArms(12, 0, 0)).shams;
    expect(shams[0]).toMatchObject({ reference: 'control', arm: 'sham', differs: true });
  });

  it('is inconclusive, with what it could have seen, when control never wedged', () => {
    const [verdict] = analyseExperiment(protocolOf(THREE), threeArms(0, 0, 0)).verdicts;
    expect(verdict?.conditions).toMatchObject({ controlNeverWedged: true, claimHolds: false });
    expect(verdict?.couldSee.smallestDrop).toBeNull();
    expect(verdict?.couldSee.runsStillNeeded).toBeNull();
    expect(verdict?.couldSee.smallestControlRate).toBeGreaterThan(0.2);
    expect(verdict?.upper95).toBeCloseTo(1 - 0.05 ** (1 / 20), 12);
  });

  it('says how many runs are still needed', () => {
    const [verdict] = analyseExperiment(protocolOf(THREE), threeArms(2, 2, 0, 10)).verdicts;
    const couldSee = verdict?.couldSee;
    expect(couldSee?.runsNeeded).toBeGreaterThan(20);
    expect(couldSee?.runsStillNeeded).toBe((couldSee?.runsNeeded ?? 0) - 10);
  });

  it('does not exist when an arm has no valid run, and says which', () => {
    const runs = [
      ...armRuns('control', 6, 9),
      ...armRuns('sham', 5, 9),
      ...armRuns('fix', 0, 9).map((run) => runOf('fix', run.block, { kind: 'start-failed' })),
    ];
    const analysis = analyseExperiment(protocolOf(THREE), runs);
    expect(analysis.armsWithoutValidRun).toEqual(['fix']);
    expect(analysis.verdicts[0]).toMatchObject({
      word: 'no-verdict',
      gate: { reason: 'no-valid-run', arms: ['fix'] },
      p: null,
    });
    expect(analysis.arms[2]?.counts).toMatchObject({
      runs: 9,
      valid: 0,
      competing: 9,
      invalid: 0,
      competingByKind: { 'start-failed': 9 },
    });
    expect(analysis.arms[2]?.rate).toBeNull();
  });

  it('adjusts two treatments by Holm', () => {
    const arms: [string, ProtocolArm['role']][] = [
      ['control', 'control'],
      ['fix', 'treatment'],
      ['flush', 'treatment'],
    ];
    const runs = [...armRuns('control', 6, 20), ...armRuns('fix', 1, 20), ...armRuns('flush', 1, 20)];
    const verdicts = analyseExperiment(protocolOf(arms, { alpha: 0.03 }), runs).verdicts;
    for (const verdict of verdicts) {
      expect(verdict.p).toBeLessThan(0.03);
      expect(verdict.pHolm).toBeCloseTo(2 * (verdict.p ?? 0), 12);
    }
    expect(verdicts.map(({ word }) => word)).not.toContain('reduces');
  });

  it('calls nothing fixed that wedged in a block that does not count', () => {
    const runs = [...threeArms(6, 5, 0), runOf('fix', 20, { kind: 'wedged-stranded' })];
    const analysis = analyseExperiment(protocolOf(THREE), runs);
    expect(analysis.arms[2]).toMatchObject({ wedged: 0, runs: 20, counts: { wedged: 1, runs: 21 } });
    expect(analysis.verdicts[0]?.word).toBe('reduces');
  });
});

describe('blocks', () => {
  it('counts complete blocks up to the first gap, and lists the rest', () => {
    const runs = threeArms(6, 5, 0).filter((run) => run.run !== 'b012-sham');
    const analysis = analyseExperiment(protocolOf(THREE), runs);
    expect(analysis.blocks).toMatchObject({ planned: 20, complete: 19, counted: 12 });
    expect(analysis.blocks.notCounted[0]).toEqual({ block: 12, missing: ['sham'] });
    expect(analysis.blocks.notCounted[1]).toEqual({ block: 13, missing: [] });
    expect(analysis.comparisons[0]?.counts.reference.runs).toBe(12);
    expect(analysis.arms[0]?.counts.runs).toBe(20);
  });

  it('gives the e-process only blocks in which both runs are valid', () => {
    const runs = threeArms(20, 20, 0).map((run) =>
      run.run === 'b003-fix' ? runOf('fix', 3, { kind: 'harness-fault' }) : run,
    );
    const analysis = analyseExperiment(protocolOf(THREE, { test: 'e-process', alpha: 0.001 }), runs);
    const pair = analysis.comparisons.find(({ kind }) => kind === 'treatment-control');
    expect(pair?.eProcess.blocks).toBe(19);
    expect(pair?.eProcess.pathBlocks).not.toContain(3);
    // Every block alike: E needs eight of them, and one of the first nine is missing.
    expect(pair?.eProcess).toMatchObject({ reachedAtBlock: 8, reachedAfter: 8 });
    expect(analysis.decidedAtBlock).toBe(8);
    expect(analysis.verdicts[0]?.word).toBe('fixes');
  });
});

describe('an A/A experiment', () => {
  const AA: [string, ProtocolArm['role']][] = [
    ['control', 'control'],
    ['again', 'control'],
  ];

  it('has no verdict to give and does not decide', () => {
    const runs = [...armRuns('control', 6, 20), ...armRuns('again', 7, 20)];
    const analysis = analyseExperiment(protocolOf(AA, { test: 'e-process' }), runs);
    expect(analysis.verdicts).toEqual([]);
    expect(analysis.aa).toMatchObject([
      { reference: 'control', arm: 'again', differs: false, decided: false },
    ]);
    expect(analysis.decidedAtBlock).toBeNull();
  });
});

describe('each arm', () => {
  const cells = (kind: 'wedged-stranded' | 'wedged-mute', cell: number | null) => ({
    kind,
    cell,
    replies: 2,
  });

  it('has exposure, positions and engagement of its runs', () => {
    const runs = [
      runOf('fix', 0, { replies: 5 }),
      runOf('fix', 1, { ...cells('wedged-stranded', 2), kernel: { replies: 2, rearms: 1 } }),
      runOf('fix', 2, { ...cells('wedged-mute', 4), kernel: { replies: 3, rearms: 1 } }),
      runOf('fix', 3, { replies: 5, kernel: { replies: 5, rearms: 4 } }),
      runOf('fix', 4, { kernel: null }),
    ];
    const arm = analyseExperiment(protocolOf([['fix', 'treatment']]), runs).arms[0];
    expect(arm?.hazard).toMatchObject({ wedges: 2, replies: 5 + 2 + 3 + 5 + 5, perReply: 0.1 });
    expect(arm?.engagement).toMatchObject({
      counter: 'rearms',
      runsWithCounters: 4,
      runsWithoutCounters: 1,
      // One short is the reply in flight at a verdict; two short, or one in a completed run, is not.
      notEngaged: ['b002-fix', 'b003-fix'],
    });
    expect(arm?.engagement.totals.rearms).toBe(5 + 1 + 1 + 4);
    expect(arm?.positions.cells.map(({ exposed, wedges }) => [exposed, wedges])).toEqual([
      [5, 0],
      [5, 0],
      [5, 1],
      [4, 0],
    ]);
    expect(arm?.positions.afterLastCell).toBe(1);
    expect(arm?.counts.wedgedByKind).toEqual({ 'wedged-stranded': 1, 'wedged-mute': 1 });
    expect(arm?.slowestCellMs).toBe(30);
    expect(arm?.startMedianMs).toBe(400);
  });
});

describe('sensitivity', () => {
  const withFaults = (faults: number, kind: OutcomeKind, wedged = 6) => [
    ...threeArms(wedged, wedged, 0).filter((run) => run.arm !== 'fix' || run.block < 20 - faults),
    ...Array.from({ length: faults }, (_, i) => runOf('fix', 20 - faults + i, { kind })),
  ];

  it('takes a claim away that more than a tenth of an arm, unobserved by the harness, could have decided', () => {
    const analysis = analyseExperiment(protocolOf(THREE), withFaults(3, 'harness-fault'));
    const { exclusions } = analysis.sensitivity;
    expect(exclusions).toMatchObject({ changedRuns: 3, unchanged: false, manyExcluded: ['fix'] });
    expect(analysis.verdicts[0]).toMatchObject({
      word: 'inconclusive',
      withheld: [{ reason: 'exclusions', arms: ['fix'], worst: 'inconclusive' }],
    });
  });

  it('lets two of twenty harness faults decide nothing, though the word would change at their worst', () => {
    const analysis = analyseExperiment(protocolOf(THREE), withFaults(2, 'harness-fault'));
    expect(analysis.sensitivity.exclusions).toMatchObject({ unchanged: false, manyExcluded: [] });
    expect(analysis.verdicts[0]).toMatchObject({ word: 'fixes', withheld: [] });
  });

  it('does not take competing events for exclusions, and tells what they are at their worst', () => {
    const analysis = analyseExperiment(protocolOf(THREE), withFaults(2, 'died', 14));
    const { exclusions, competing } = analysis.sensitivity;
    expect(exclusions).toMatchObject({ changedRuns: 0, unchanged: true, manyExcluded: [] });
    expect(competing).toMatchObject({ changedRuns: 2, unchanged: false });
    expect(competing.verdicts[0]?.word).toBe('reduces');
    expect(analysis.verdicts[0]).toMatchObject({ word: 'fixes', withheld: [] });
  });

  it('turns the verdict when only the deadline tells slow from wedged', () => {
    const runs = threeArms(6, 6, 0).map((run) =>
      run.arm === 'fix' && run.block < 6 ? runOf('fix', run.block, { cellMs: [20, 6000] }) : run,
    );
    const analysis = analyseExperiment(protocolOf(THREE), runs);
    expect(analysis.verdicts[0]?.word).toBe('fixes');
    expect(analysis.sensitivity.deadline).toMatchObject({
      halfDeadlineMs: 5000,
      changedRuns: 6,
      unchanged: false,
    });
    expect(analysis.sensitivity.exclusions).toMatchObject({ changedRuns: 0, unchanged: true });
  });

  it('notices a control whose rate moved', () => {
    // All wedges of control come first.
    const { drift } = analyseExperiment(protocolOf(THREE), threeArms(8, 5, 0)).sensitivity;
    expect(drift).toMatchObject({
      arm: 'control',
      firstHalf: { wedged: 8, runs: 10 },
      secondHalf: { wedged: 0, runs: 10 },
      drifted: true,
    });
  });

  it('sets a baseline beside every arm without letting it decide', () => {
    const analysis = analyseExperiment(protocolOf([['fix', 'treatment']]), armRuns('fix', 0, 20), {
      baseline: { wedged: 6, runs: 20 },
    });
    expect(analysis.baseline[0]).toMatchObject({
      arm: 'fix',
      counts: { reference: { wedged: 6, runs: 20 } },
    });
    expect(analysis.verdicts[0]).toMatchObject({ word: 'no-verdict', gate: { reason: 'no-control-arm' } });
  });
});
