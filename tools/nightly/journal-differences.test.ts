import { expect, test } from 'vitest';
import type { RunRecord } from '../../harness/model/journal.ts';
import { syntheticJournal } from '../../harness/report/fixtures/synthetic-journal.ts';
import { buildReport } from '../../harness/report/report.ts';
import { journalDifferences } from './journal-differences.ts';

const ARMS = [{ name: 'control', role: 'control', hazard: 0 }] as const;

function reported(change: (run: RunRecord) => RunRecord) {
  const journal = syntheticJournal({ blocks: 3, cells: 4, arms: [...ARMS], change });
  return { journal, report: buildReport(journal) };
}

test('two records of one experiment may differ in what was measured, and in nothing else', () => {
  const first = reported((run) => run);
  const measured = reported((run) => ({
    ...run,
    cellMs: run.cellMs.map((ms) => ms + 1),
    loopStallMs: 30,
    stalledMs: { 2: 25.5 },
    memory: { measure: 'pss', peakBytes: 1_000_000, samples: 4 },
  }));
  expect(journalDifferences(first, measured)).toEqual([]);
  const other = reported((run) => ({ ...run, seed: run.seed + 1 }));
  expect(journalDifferences(first, other)).toHaveLength(3);
});
