import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import type { Journal } from '../model/journal.ts';
import { FIVE_ARMS, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { writeReport } from './write-report.ts';

// There, links need a privilege.
const HAS_LINKS = process.platform !== 'win32';

/** Control's runs of the first blocks lose output. */
function losing(blocks: number): Journal {
  return syntheticJournal({
    arms: FIVE_ARMS.slice(0, 1).map((arm) => ({ ...arm, hazard: 0 })),
    protocol: {
      endpoint: 'lost-output',
      expected: { kind: 'saved', outputs: [[]], rulesSha256: '' },
    },
    change: (run) => ({
      ...run,
      losses: run.block < blocks ? [{ loss: 'missing', cell: 3, output: 'stdout' }] : [],
      outputs: [],
    }),
  });
}

test('a page that the report no longer has is removed, and nothing else', async () => {
  const folder = temporaryFolder();
  const outputs = join(folder, 'outputs');
  const pages = () => readdirSync(outputs).sort();
  await writeReport(folder, losing(3));
  expect(pages()).toEqual(['b000-control.html', 'b001-control.html', 'b002-control.html']);
  const page = readFileSync(join(outputs, 'b002-control.html'));
  // A page under another name, somebody's own page under the name of a run, a link, a folder.
  writeFileSync(join(outputs, 'kept.html'), page);
  writeFileSync(join(outputs, 'b001-control.html'), '<!doctype html>\n<html lang="en"><title>Mine</title>');
  writeFileSync(join(folder, 'elsewhere.html'), page);
  if (HAS_LINKS) symlinkSync(join(folder, 'elsewhere.html'), join(outputs, 'b009-control.html'));
  mkdirSync(join(outputs, 'b010-control.html'));
  await writeReport(folder, losing(1));
  expect(pages()).toEqual([
    'b000-control.html',
    'b001-control.html',
    ...(HAS_LINKS ? ['b009-control.html'] : []),
    'b010-control.html',
    'kept.html',
  ]);
  expect(readFileSync(join(folder, 'elsewhere.html'))).toEqual(page);
});

test('a report without pages, where there is no folder of them, removes nothing', async () => {
  const folder = temporaryFolder();
  await writeReport(folder, losing(0));
  expect(readdirSync(folder)).not.toContain('outputs');
});
