import { expect, test } from 'vitest';
import { openDisplay } from '../commands/display.ts';
import type { RunRecord } from '../model/journal.ts';
import { comparisonDocument } from './compare.ts';
import { plainLine } from './document.ts';
import { evidenceMarkdown } from './evidence.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { probability } from './format-number.ts';
import { terminalDocument } from './render-terminal.ts';
import { buildReport } from './report.ts';
import { runExplained } from './run-explained.ts';
import { runStory } from './sections/runs.ts';
import { warningLines } from './sections/verdict.ts';
import { summaryLine, verdictParagraph } from './summary.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

/** A run that the harness could not observe, or that ended by a raising cell. */
const as =
  (kind: 'harness-fault' | 'cell-error', arm: string) =>
  (run: RunRecord): RunRecord =>
    run.arm !== arm
      ? run
      : {
          ...run,
          outcome: {
            ...run.outcome,
            kind,
            reason: 'a cell raised and is not marked raises-exception',
            cell: 0,
            observations: null,
            error:
              kind === 'cell-error'
                ? { ename: 'NameError', evalue: "name 'x' is not\u001b[31m defined" }
                : null,
          },
        };

test.each(['harness-fault', 'cell-error'] as const)(
  'that there is no verdict is said once, and rests on nothing, with an arm of nothing but %s',
  (kind) => {
    const report = buildReport(
      syntheticJournal({ arms: [{ ...CONTROL, hazard: 0.2 }, SHAM, FIX], change: as(kind, 'fix') }),
    );
    expect(report.analysis.verdicts.map(({ word }) => word)).toEqual(['no-verdict']);
    expect(verdictParagraph(report).match(/No verdict/g)).toHaveLength(1);
    expect(warningLines(report).map(plainLine).join(' ')).not.toContain('rests on');
    expect(evidenceMarkdown(report)).not.toContain('rests on the exclusions');
  },
);

test('that there is no verdict is said once of all changes together, with the reason of each arm', () => {
  const journal = syntheticJournal({ change: (run) => as('harness-fault', run.arm)(run) });
  const words = verdictParagraph(buildReport(journal));
  expect(words).toContain(
    'No verdict for fix, flush and stream: control, sham, fix, flush and stream have no valid run',
  );
  expect(words.match(/No verdict/g)).toHaveLength(1);
  const separate = verdictParagraph(
    buildReport(
      syntheticJournal({
        change: (run) => (['fix', 'flush'].includes(run.arm) ? as('harness-fault', run.arm)(run) : run),
      }),
    ),
  );
  expect(separate).toContain('No verdict for fix and flush: fix and flush have no valid run');
  expect(separate).toContain('stream fixes it');
});

test('the p-value of “worse” is that of a higher rate, in the line and in a comparison', () => {
  const worse = syntheticJournal({
    arms: [
      { ...CONTROL, hazard: 0 },
      { ...SHAM, hazard: 0 },
      { ...FIX, hazard: 0.2 },
    ],
  });
  const report = buildReport(worse);
  const [verdict] = report.analysis.verdicts;
  expect(verdict).toMatchObject({ word: 'worse' });
  expect(verdict?.pHolm).toBeGreaterThan(0.99);
  const p = probability(verdict?.pWorseHolm ?? null);
  expect(Number(p)).toBeLessThan(0.001);
  expect(summaryLine(report)).toContain(` worse, p ${p}, `);
  const named = { name: 'a', report };
  expect(terminalDocument(comparisonDocument(named, named))).toContain(`worse (p ${p})`);
});

test('how blocks and cells are counted is said once, and the same number names a block everywhere', () => {
  const journal = syntheticJournal({ arms: [{ ...CONTROL, hazard: 0.2 }, FIX] });
  const report = buildReport(journal);
  expect(evidenceMarkdown(report).match(/[Bb]locks and cells are counted from 0/g)).toHaveLength(1);
  const run = journal.runs.find(({ run: name }) => name === 'b007-control');
  if (run === undefined) throw new Error('no run');
  expect(
    runStory(run, report)
      .map((block) => JSON.stringify(block))
      .join(),
  ).toContain('"Block "},{"kind":"text","text":"7"}');
  expect(runExplained(journal, run).replaceAll('\n', ' ')).toContain(' block 7, ');
});

test('a row of a run whose cell raised names the error, cleaned', () => {
  const { experiment, runs } = syntheticJournal({
    arms: [CONTROL, FIX],
    blocks: 1,
    change: as('cell-error', 'fix'),
  });
  const lines: string[] = [];
  const display = openDisplay(experiment.protocol, [], (text) => lines.push(text), { isTerminal: false });
  for (const run of runs) display.events.onRun?.(run);
  display.close();
  const line = lines.find((each) => each.includes('-fix: cell-error'));
  expect(line).toMatch(/at cell 0 .*raises-exception \(NameError: name 'x' is not/);
  expect(line).not.toContain('\u001b');
});

test('messages that were not taken are in the evidence, by arm, with channel and cause where these were seen', () => {
  const change = (run: RunRecord): RunRecord => {
    if (run.arm !== 'control' || run.block > 2) return run;
    const { observations } = run.outcome;
    return {
      ...run,
      client: { ...run.client, rejected: 2 },
      outcome:
        observations == null
          ? run.outcome
          : { ...run.outcome, observations: { ...observations, rejections: { 'iopub bad-signature': 2 } } },
    };
  };
  const arms = [{ ...CONTROL, hazard: 1 }, FIX];
  const evidence = evidenceMarkdown(buildReport(syntheticJournal({ arms, change })));
  expect(evidence).toContain('**Messages not taken**: 6 messages in 3 runs of `control`.');
  expect(evidence).toContain('`iopub bad-signature` 6');
  expect(evidenceMarkdown(buildReport(syntheticJournal({ arms })))).not.toContain('Messages not taken');
});
