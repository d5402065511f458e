import { expect, it } from 'vitest';
import { shardBlocks } from '../model/shard.ts';
import { evidenceMarkdown } from './evidence.ts';
import { syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { summaryLine } from './summary.ts';

const shard = { index: 2, count: 4 };

function shardJournal() {
  const whole = syntheticJournal();
  const { first, end } = shardBlocks(20, shard);
  return {
    ...whole,
    experiment: { ...whole.experiment, shard },
    runs: whole.runs.filter(({ block }) => block >= first && block < end),
  };
}

it('a shard counts its own blocks, is whole with them, and says first that it is a part', () => {
  const report = buildReport(shardJournal());
  expect(report.analysis.blocks).toMatchObject({ planned: 5, complete: 5, counted: 5, notCounted: [] });
  expect(report.analysis.arms.map(({ counts }) => counts.runs)).toEqual([5, 5, 5, 5, 5]);
  expect(report.progress.state).toBe('whole');
  expect(evidenceMarkdown(report)).toContain('> **Part of an experiment**: shard 2/4, blocks 5 to 9 of 20.');
  expect(summaryLine(report)).toContain(', shard 2/4, ');
});

it('a shard counts up to its first gap, as a whole experiment does', () => {
  const journal = shardJournal();
  const runs = journal.runs.filter(({ run }) => run !== 'b007-fix');
  expect(buildReport({ ...journal, runs }).analysis.blocks).toMatchObject({
    planned: 5,
    complete: 4,
    counted: 2,
    notCounted: [
      { block: 7, missing: ['fix'] },
      { block: 8, missing: [] },
      { block: 9, missing: [] },
    ],
  });
});

it('a run of a block that the shard was not to run is refused', () => {
  const journal = shardJournal();
  const stray = syntheticJournal().runs[0];
  if (stray === undefined) throw new Error('no run');
  expect(() => buildReport({ ...journal, runs: [...journal.runs, stray] })).toThrow(/not to be run there/);
});
