import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { assertCanFail, failRules, failures, failureWords } from './fail-on.ts';
import { explainFailures, failedRuns } from './failed-rules.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';

const [CONTROL, , FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];
const folder = temporaryFolder();

async function explained(
  rules: string,
  arms: readonly SyntheticArm[],
  variables: Record<string, string> = {},
) {
  const report = buildReport(syntheticJournal({ arms }));
  const path = join(folder, `${Math.random()}.md`);
  const written: string[] = [];
  const environment = { GITHUB_STEP_SUMMARY: path, ...variables };
  await explainFailures(report, failRules(rules), { folder: 'night', environment }, (words) =>
    written.push(words),
  );
  return { report, written: written.join(''), summary: await readFile(path, 'utf8').catch(() => null) };
}

test('a failed build names the rule, the runs, the artifact and the next step', async () => {
  const { report, written, summary } = await explained(
    'treatment-event,invalid>0.5',
    [CONTROL, { ...FIX, hazard: 1 }],
    { KERNEL_SOAK_ARTIFACT: 'kernel-soak-ubuntu-latest-3.13' },
  );
  const wedged = report.runs.filter(({ arm, outcome }) => arm === 'fix' && outcome.kind.startsWith('wedged'));
  const first = wedged[0]?.run ?? '';
  expect(wedged).toHaveLength(20);
  expect(written).toContain(
    `treatment-event: ${wedged
      .slice(0, 5)
      .map(({ run }) => run)
      .join(', ')} and 15 more runs`,
  );
  expect(written).toContain(
    `Next: download the artifact kernel-soak-ubuntu-latest-3.13, then npm run soak -- explain FOLDER ${first}\n`,
  );
  const here = await explained('treatment-event', [CONTROL, { ...FIX, hazard: 1 }]);
  expect(here.written).toContain(`Next: npm run soak -- explain night ${first}\n`);
  expect(here.summary).toContain('The evidence is the report folder.');
  expect(summary).toContain('**The job fails**, because a rule of `--fail-on` was met:');
  expect(summary).toMatch(/\| `treatment-event` *\| fix wedged in 20 of 20 runs\. *\|/);
  expect(summary).toContain('The evidence is the artifact `kernel-soak-ubuntu-latest-3.13`.');
  expect(summary).toContain(`npm run soak -- explain FOLDER ${first}`);
  expect(summary).not.toContain('invalid>0.5');
});

test('where no rule was met, nothing is said', async () => {
  const { written, summary } = await explained('treatment-event', [CONTROL, { ...FIX, hazard: 0 }]);
  expect({ written, summary }).toEqual({ written: '', summary: null });
});

test('the runs are those that the rule is about', () => {
  const arms = [
    { ...CONTROL, hazard: 1 },
    { ...FIX, hazard: 0, invalid: 1 },
  ];
  const report = buildReport(syntheticJournal({ arms }));
  const met = failures(failRules('invalid>0.5,event:control>0'), report);
  expect(met.map(({ arm }) => arm)).toEqual(['fix', 'control']);
  for (const failure of met) {
    const named = failedRuns(failure, report);
    expect(named).toHaveLength(20);
    expect(named.every((run) => run.endsWith(`-${failure.arm}`))).toBe(true);
  }
});

test('a rule about the event looks at the only arm, whatever its role', async () => {
  for (const role of ['control', 'treatment'] as const) {
    const arms = [{ ...CONTROL, role, hazard: 1 }];
    const journal = syntheticJournal({ arms });
    for (const rule of ['event>0', 'treatment-event', 'event:control>0']) {
      assertCanFail(failRules(rule), journal.experiment.protocol);
      expect(failures(failRules(rule), buildReport(journal)).map(failureWords)).toEqual([
        `${rule}: control wedged in 20 of 20 runs.`,
      ]);
    }
  }
  const two = syntheticJournal({ arms: [CONTROL, { ...CONTROL, name: 'again' }] });
  const refused = await soakErrorOf(() => assertCanFail(failRules('event>0'), two.experiment.protocol));
  expect(refused.remedy).toBe('Name the arm to be judged: event:control>0 or event:again>0.');
});
