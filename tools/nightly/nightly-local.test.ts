import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import { ensureEnvironment } from '../../harness/kernel/environment/index.ts';
import { buildReport } from '../../harness/report/report.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { journalDifferences } from './journal-differences.ts';
import { runLocalNight } from './nightly-local.ts';

beforeAll(async () => {
  await ensureEnvironment({});
});

// `npm run nightly:local` in small: real processes, real kernels, kill -9.
test('shards that were killed, resumed and merged are the unsharded experiment', async () => {
  const folder = temporaryFolder();
  const progress: string[] = [];
  const night = await runLocalNight({
    folder,
    shards: 2,
    blocks: 4,
    kills: 1,
    seed: 1,
    timeoutSeconds: 30,
    onProgress: (line) => progress.push(line),
  });
  expect(night.differences).toEqual([]);
  expect(night).toMatchObject({ kills: 2, runs: 12 });
  expect(progress.filter((line) => line.includes('killed'))).toHaveLength(2);

  const { journal } = await readJournal(join(folder, 'night'));
  const reported = { journal, report: buildReport(journal) };
  const [first, ...others] = journal.runs;
  if (first === undefined) throw new Error('no run');
  const without = { journal: { ...journal, runs: others }, report: reported.report };
  expect(journalDifferences(reported, without)).toEqual([expect.stringContaining(`the run ${first.run} is`)]);
  expect(journalDifferences(without, reported)).toEqual([`the run ${first.run} is in the other alone`]);
  const otherSeed = { ...journal, runs: [{ ...first, seed: first.seed + 1 }, ...others] };
  expect(journalDifferences(reported, { ...reported, journal: otherSeed })).toHaveLength(1);
  const later = { ...journal, runs: journal.runs.map((run) => ({ ...run, at: '2030-01-01T00:00:00.000Z' })) };
  expect(journalDifferences(reported, { ...reported, journal: later })).toEqual([]);
});
