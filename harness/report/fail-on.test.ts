import { describe, expect, it } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { plainLine } from './document.ts';
import { assertCanFail, failRules, failures, failureWords } from './fail-on.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { verdictLines } from './sections/verdict.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

function reasons(rules: string, arms: readonly SyntheticArm[]): string[] {
  return failures(failRules(rules), buildReport(syntheticJournal({ arms }))).map(failureWords);
}

describe('a rule of --fail-on', () => {
  it('is never met by a control or a sham that wedged, not even in every run', () => {
    const wedging = [
      { ...CONTROL, hazard: 1 },
      { ...SHAM, hazard: 1 },
    ];
    expect(reasons('treatment-wedged,worse,invalid>0', [...wedging, FIX])).toEqual([]);
  });

  it('names the treatment that wedged, and how often', () => {
    expect(reasons('treatment-event', [CONTROL, { ...FIX, hazard: 1 }])).toEqual([
      'treatment-event: fix wedged in 20 of 20 runs.',
    ]);
    expect(reasons('treatment-wedged', [CONTROL, { ...FIX, hazard: 1 }])).toEqual([
      'treatment-wedged: fix wedged in 20 of 20 runs.',
    ]);
  });

  it('speaks of the endpoint that is counted', () => {
    const died = syntheticJournal({
      arms: [{ ...CONTROL, hazard: 0 }, FIX],
      protocol: { endpoint: 'died' },
      change: (run) =>
        run.arm === 'fix' ? { ...run, outcome: { ...run.outcome, kind: 'died', cell: 3 } } : run,
    });
    expect(
      failures(failRules('treatment-event,event:control>0,worse,competing>0'), buildReport(died)).map(
        failureWords,
      ),
    ).toEqual(['treatment-event: fix died in 20 of 20 runs.', 'worse: fix died more often than control.']);
  });

  it('takes worse for what the verdict says', () => {
    expect(
      reasons('worse', [
        { ...CONTROL, hazard: 0 },
        { ...FIX, hazard: 1 },
      ]),
    ).toHaveLength(1);
    expect(
      reasons('worse', [
        { ...CONTROL, hazard: 1 },
        { ...FIX, hazard: 1 },
      ]),
    ).toEqual([]);
  });

  it('names the arm that is in the place of the control', () => {
    const kernels: SyntheticArm[] = [
      { name: 'first', role: 'control', hazard: 0 },
      { name: 'second', role: 'treatment', hazard: 1 },
    ];
    expect(reasons('worse', kernels)).toEqual(['worse: second wedged more often than first.']);
    const words = verdictLines(buildReport(syntheticJournal({ arms: kernels }))).map(plainLine);
    expect(words[0]).toMatch(/^second is worse than first: it wedged in 20 of 20 runs/);
    const none = verdictLines(
      buildReport(syntheticJournal({ arms: kernels.map((arm) => ({ ...arm, hazard: 0 })) })),
    ).map(plainLine);
    expect(none[0]).toMatch(/^Inconclusive for second: first never wedged/);
  });

  it('looks at the harness faults of each arm, so that no arm hides among the others', () => {
    const arms = [
      { ...CONTROL, hazard: 0 },
      { ...SHAM, hazard: 0 },
      { ...FIX, invalid: 1 },
    ];
    expect(reasons('invalid>0.5', arms)).toEqual(['invalid>0.5: 20 of 20 runs of fix are harness faults.']);
    expect(reasons('competing>0', arms)).toEqual([]);
  });

  it('has a rule of its own for runs that ended otherwise, which treatment-event does not see', () => {
    const arms = [CONTROL, SHAM, { ...FIX, competing: 1 }];
    expect(reasons('treatment-event,invalid>0', arms)).toEqual([]);
    expect(reasons('competing>0.1', arms)).toEqual([
      'competing>0.1: 20 of 20 runs of fix ended otherwise (20 cell-error).',
    ]);
    expect(reasons('competing:control>0.1', arms)).toEqual([]);
    expect(reasons('competing:fix>0.99', arms)).toHaveLength(1);
  });

  it('may name an arm, a control too', () => {
    const arms = [
      { ...CONTROL, hazard: 1 },
      { ...SHAM, hazard: 1 },
      { ...FIX, hazard: 1 },
    ];
    expect(reasons('event:control>0.5', arms)).toEqual([
      'event:control>0.5: control wedged in 20 of 20 runs.',
    ]);
    expect(reasons('event:fix>0,worse:fix', arms)).toEqual(['event:fix>0: fix wedged in 20 of 20 runs.']);
  });

  it('can ask for a decision', () => {
    const quiet = [
      { ...CONTROL, hazard: 0 },
      { ...FIX, hazard: 0 },
    ];
    expect(reasons('inconclusive', quiet)).toEqual(['inconclusive: the verdict for fix is inconclusive.']);
    expect(reasons('inconclusive', [{ ...CONTROL, hazard: 1 }, FIX])).toEqual([]);
  });

  it.each([
    '',
    'wedged',
    'invalid',
    'invalid>',
    'invalid>2',
    'invalid>-1',
    'invalid>10%',
    'worse;worse',
    'worse,,',
    'worse>0.1',
    'event',
    'event:>0',
    'competing:fix',
  ])('is refused when it is none: %j', async (text) => {
    const error = await soakErrorOf(() => failRules(text));
    expect(error.code).toBe('bad-option');
    expect(error.exitCode).toBe(2);
    expect(error.remedy).toContain('treatment-event');
  });

  it('is refused when it could never be met, before a run is made', async () => {
    const { protocol } = syntheticJournal({ arms: [CONTROL, SHAM] }).experiment;
    for (const rule of [
      'treatment-event',
      'treatment-wedged',
      'invalid>0.1,worse',
      'inconclusive',
      'event:fix>0',
      'worse:control',
      'competing>1',
      'invalid>1',
    ]) {
      expect((await soakErrorOf(() => assertCanFail(failRules(rule), protocol))).code).toBe('bad-option');
    }
    assertCanFail(failRules('invalid>0.1,competing>0,event:control>0.5'), protocol);
  });
});
