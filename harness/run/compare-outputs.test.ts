import { expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { runRecord } from '../journal/journal.fixture.ts';
import type { RunRecord } from '../model/journal.ts';
import { cellListings, OutputComparison } from './compare-outputs.ts';

const notebook = codeNotebook('lines.ipynb', ['print(1)', 'print(2)']);

function shown(...texts: readonly (string | null)[]) {
  const cells = notebook.cells.map((cell, index) => {
    const text = texts[index] ?? null;
    const outputs = text === null ? [] : [{ output_type: 'stream', name: 'stdout', text }];
    return { ...cell, outputs };
  });
  return { ...notebook, cells };
}

const expected = cellListings(shown('1\n', '2\n'), []);

function lossesOf(change: Partial<RunRecord>, ...texts: readonly (string | null)[]) {
  const record = { ...runRecord(0, 'control'), ...change };
  const comparison = new OutputComparison({ rules: [], listings: [expected] }, []);
  return comparison.compared(record, { cells: shown(...texts).cells }, notebook).record.losses;
}

const completed: RunRecord['outcome'] = { ...runRecord(0, 'control').outcome, kind: 'completed', cell: null };

// Under a command there are no times of cells. Counting by them would compare nothing, and every loss would be no event.
test('a completed run has all its cells compared, although a command leaves no times of them', () => {
  const run = { outcome: completed, cellMs: [] };
  expect(lossesOf(run, '1\n', '2\n')).toEqual([]);
  expect(lossesOf(run, null, '2\n')).toEqual([{ loss: 'missing', cell: 0, output: 'stdout' }]);
});

test('of a run that ended at a cell, that cell and those after it are not compared', () => {
  const outcome: RunRecord['outcome'] = { ...completed, kind: 'died', cell: 1 };
  expect(lossesOf({ outcome, cellMs: [5] }, '1\n', null)).toEqual([]);
  expect(lossesOf({ outcome, cellMs: [5] }, null, null)).toMatchObject([{ loss: 'missing', cell: 0 }]);
});
