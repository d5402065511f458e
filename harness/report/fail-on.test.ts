import { describe, expect, it } from 'vitest';
import { soakErrorOf } from '../testing/soak-error.ts';
import { plainLine } from './document.ts';
import { assertCanFail, failRules, failures } from './fail-on.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { verdictLines } from './sections/verdict.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

function reasons(rules: string, arms: readonly SyntheticArm[]): string[] {
  return failures(failRules(rules), buildReport(syntheticJournal({ arms })));
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
    expect(reasons('treatment-wedged', [CONTROL, { ...FIX, hazard: 1 }])).toEqual([
      'treatment-wedged: fix wedged in 20 of 20 valid runs.',
    ]);
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
    expect(reasons('worse', kernels)).toEqual(['worse: second wedged more than first.']);
    const words = verdictLines(buildReport(syntheticJournal({ arms: kernels }))).map(plainLine);
    expect(words[0]).toMatch(/^second is worse than first: it wedged in 20 of 20 runs/);
    const none = verdictLines(
      buildReport(syntheticJournal({ arms: kernels.map((arm) => ({ ...arm, hazard: 0 })) })),
    ).map(plainLine);
    expect(none[0]).toMatch(/^Inconclusive for second: first never wedged/);
  });

  it('looks at the invalid runs of each arm, so that no arm hides among the others', () => {
    const arms = [
      { ...CONTROL, hazard: 0 },
      { ...SHAM, hazard: 0 },
      { ...FIX, invalid: 1 },
    ];
    expect(reasons('invalid>0.5', arms)).toEqual(['invalid>0.5: 20 of 20 runs of fix are invalid.']);
    expect(reasons('invalid>1', arms)).toEqual([]);
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
  ])('is refused when it is none: %j', async (text) => {
    const error = await soakErrorOf(() => failRules(text));
    expect(error.code).toBe('bad-option');
    expect(error.exitCode).toBe(2);
    expect(error.remedy).toContain('treatment-wedged');
  });

  it('is refused when it could never be met, before a run is made', async () => {
    const { protocol } = syntheticJournal({ arms: [CONTROL, SHAM] }).experiment;
    for (const rule of ['treatment-wedged', 'invalid>0.1,worse']) {
      expect((await soakErrorOf(() => assertCanFail(failRules(rule), protocol))).code).toBe('bad-option');
    }
    assertCanFail(failRules('invalid>0.1'), protocol);
  });
});
