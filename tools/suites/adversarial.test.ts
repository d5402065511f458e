import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import type { Journal, RunRecord } from '../../harness/model/journal.ts';
import type { Protocol } from '../../harness/model/protocol.ts';
import { buildReport } from '../../harness/report/report.ts';
import { verdictParagraph } from '../../harness/report/summary.ts';
import { analyseExperiment, type VerdictAnalysis } from '../../harness/stats/analysis.ts';
import { runSoak } from '../testing/run-soak.ts';
import { ADVERSARIAL_ARMS, DEADLINE_SECONDS, writeAdversarialArms } from './adversarial-arms.ts';

// Real kernels: one experiment of all arms. Whether control wedges in six runs of a busy machine is not left to chance:
// each run of control and of the sham is judged as if it had wedged at this cell, so that the figures alone give every
// arm that does not wedge the word `fixes`.
const WEDGED_AT = 20;
const SHIPPED = ['control', 'sham', 'fix', 'flush', 'stream'];
const RUNS = 6;
const MINUTES_30 = 30 * 60_000;

let folder = '';
let journal: Journal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-adversarial-'));
  const arms = await writeAdversarialArms(join(folder, 'arms'));
  const { code, stderr, stdout } = await runSoak([
    'run',
    ...['--arms', [...SHIPPED, ...arms].join(',')],
    ...['--runs', String(RUNS), '--seed', '1529', '--concurrency', '3', '--launch', 'fork'],
    ...[
      '--notebook',
      'notebooks/widgets.ipynb',
      '--latency',
      'uniform:0-20ms',
      '--timeout',
      String(DEADLINE_SECONDS),
    ],
    ...['--out', join(folder, 'report')],
  ]);
  // 3: some arms have no run that shows whether they wedge, since all of theirs ended otherwise.
  expect(`${code} ${stderr}`, stdout).toMatch(/^3 /);
  ({ journal } = await readJournal(join(folder, 'report')));
}, MINUTES_30);

afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

const FIXED: Protocol['decision'] = { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: null };
const UNTIL_DECIDED: Protocol['decision'] = { ...FIXED, stopping: 'until-decided', test: 'e-process' };

/** A run as it would be recorded if its kernel had wedged. */
function wedgedRun(run: RunRecord): RunRecord {
  const cellMs = run.cellMs.slice(0, WEDGED_AT);
  const outcome = { ...run.outcome, kind: 'wedged-stranded' as const, cell: cellMs.length };
  return { ...run, cellMs, outcome };
}

/**
 * A run of a treatment that wedged by chance, as another of its runs that did not: whether an arm that only makes the
 * wedge rarer shows none in six runs is not what is asked here.
 */
function asCompleted(run: RunRecord, completed: RunRecord | undefined): RunRecord {
  if (completed === undefined || !run.outcome.kind.startsWith('wedged')) return run;
  const { outcome, cellMs, exposure, client, kernel, notebookMs } = completed;
  return { ...run, outcome, cellMs, exposure, client, kernel, notebookMs };
}

/** The same runs as an experiment of control, sham and one treatment: Holm over many would hide a false word. */
function judgedAlone(
  arm: string,
  decision: Protocol['decision'],
): { part: Journal; verdict: VerdictAnalysis } {
  const { experiment, runs } = journal;
  const names = ['control', 'sham', arm];
  const protocol = {
    ...experiment.protocol,
    arms: experiment.protocol.arms.filter(({ name }) => names.includes(name)),
    decision,
  };
  const completed = runs.find((run) => run.arm === arm && run.outcome.kind === 'completed');
  const part = {
    ...journal,
    experiment: { ...experiment, protocol },
    runs: runs
      .filter((run) => names.includes(run.arm))
      .map((run) => (run.arm === arm ? asCompleted(run, completed) : wedgedRun(run))),
  };
  const [verdict] = analyseExperiment(protocol, part.runs).verdicts;
  return { part, verdict: verdict as VerdictAnalysis };
}

describe.each([
  ['in an experiment of a fixed size', FIXED],
  ['under --until-decided', UNTIL_DECIDED],
])('%s', (_name, decision) => {
  test.each(ADVERSARIAL_ARMS)('$name has no claim: $description', ({ name, withheld }) => {
    const { part, verdict } = judgedAlone(name, decision);
    expect(['fixes', 'reduces']).not.toContain(verdict.word);
    const reasons = verdict.withheld.map(({ reason }) => reason);
    if (withheld === 'never-in') {
      expect(verdict).toMatchObject({ word: 'no-verdict', gate: { reason: 'never-in' } });
      expect(verdictParagraph(buildReport(part))).toContain('so the change never took effect');
    } else if (withheld !== 'competing-events') {
      // The figures alone would have given the word.
      expect(verdict.conditions).toMatchObject({ claimHolds: true });
      expect(verdict.word).toBe('inconclusive');
      expect(reasons).toContain(withheld);
      expect(verdictParagraph(buildReport(part))).toMatch(/took the traffic away|needs 95 %/);
    }
  });

  test.each(['fix', 'flush', 'stream'])('%s, which mends it, keeps its word', (arm) => {
    const { part, verdict } = judgedAlone(arm, decision);
    expect(verdict).toMatchObject({ word: 'fixes', withheld: [] });
    expect(part.runs.filter((run) => run.arm === arm).every(({ change }) => change !== undefined)).toBe(true);
  });

  test('the sham, which mends nothing, is not said to be short or out', () => {
    const { part } = judgedAlone('fix', decision);
    expect(verdictParagraph(buildReport(part))).not.toContain('cannot serve as a reference');
  });
});
