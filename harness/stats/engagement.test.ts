import { describe, expect, test } from 'vitest';
import type { ProtocolArm } from '../model/arm.ts';
import type { RunRecord } from '../model/journal.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { engagementWords } from '../report/words.ts';
import { engagementSummary } from './engagement.ts';

const CHANGE = { files: ['a.py', 'b.py'], modules: [], functions: ['a.py f', 'b.py g'] };

function summaryOf(arm: Partial<ProtocolArm>, change: (run: RunRecord) => RunRecord) {
  const { experiment, runs } = syntheticJournal({
    blocks: 20,
    arms: [{ name: 'change', role: 'treatment', hazard: 0, engagement: arm.engagement ?? null }],
    change,
  });
  const [made] = experiment.protocol.arms;
  return engagementSummary({ ...(made as ProtocolArm), ...arm }, runs);
}

describe('without a counter', () => {
  test('kernels that loaded and executed the change are said to have', () => {
    const summary = summaryOf({ change: CHANGE }, (run) => ({ ...run, change: {} }));
    expect(summary).toMatchObject({
      neverIn: null,
      partly: null,
      change: { runs: 20, loaded: 20, executed: 20 },
    });
    expect(engagementWords(summary)).toBe(
      'no counter for this patch; all 20 kernels loaded its files, all 20 executed the change',
    );
  });

  test('a change whose functions no kernel called was never in, one whose files none loaded neither', () => {
    const uncalled = summaryOf({ change: CHANGE }, (run) => ({
      ...run,
      change: { notCalled: CHANGE.functions },
    }));
    expect(uncalled.neverIn).toBe('not-called');
    const unloaded = summaryOf({ change: CHANGE }, (run) => ({
      ...run,
      change: { notLoaded: CHANGE.files, notCalled: CHANGE.functions },
    }));
    expect(unloaded.neverIn).toBe('not-loaded');
  });

  test('a change that 18 of 20 completed runs executed was in for too few of them', () => {
    const summary = summaryOf({ change: CHANGE }, (run) => ({
      ...run,
      change: run.block < 2 ? { notCalled: CHANGE.functions } : {},
    }));
    expect(summary.partly).toEqual({ engaged: 18, opportunities: 20, of: 'runs' });
    expect(summary.neverIn).toBeNull();
  });

  test('a function that no run called is named where another one was', () => {
    const summary = summaryOf({ change: CHANGE }, (run) => ({ ...run, change: { notCalled: ['b.py g'] } }));
    expect(summary).toMatchObject({ neverIn: null, change: { neverCalled: ['b.py g'] } });
  });

  test('nothing is said to be engaged or not where kernels did not say', () => {
    const summary = summaryOf({ change: CHANGE }, (run) => run);
    expect(summary).toMatchObject({ neverIn: null, partly: null });
    expect(engagementWords(summary)).toContain(
      'no counter for this patch; not recorded whether 20 kernels executed it',
    );
  });

  test('only an arm without a patch is called that', () => {
    const control = summaryOf({ patchSha256: null }, (run) => run);
    expect(engagementWords(control)).toContain('no patch');
  });
});

describe('with a counter', () => {
  const engaged = (share: number, blocks = 20) =>
    summaryOf({ engagement: 'rearms' }, (run) => {
      const { kernel } = run;
      if (kernel === null || run.block >= blocks) return run;
      return { ...run, kernel: { ...kernel, rearms: Math.floor(kernel.replies * share) } };
    });

  test('one that stayed at zero means that the change was never in', () => {
    expect(engaged(0).neverIn).toBe('counter-zero');
  });

  test('a completed run with less than 95 % is said, with its counts', () => {
    expect(engaged(0.5, 1)).toMatchObject({
      neverIn: null,
      partly: { engaged: 13, opportunities: 26, of: 'replies' },
    });
    expect(engaged(0.97).partly).toBeNull();
  });
});
