import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { writeJournal } from '../report/fixtures/journal-text.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { readBaseline } from './baseline.ts';

const folder = temporaryFolder();

/** An experiment of 10 blocks that counted wedges. Of its control's runs, 3 died, 2 wedged and 1 has a slow cell. */
async function wedgeExperiment(name: string): Promise<string> {
  const journal = syntheticJournal({ blocks: 10 });
  let control = 0;
  const runs = journal.runs.map((run) => {
    if (run.arm !== 'control') return run;
    control += 1;
    const kind =
      control <= 3 ? ('died' as const) : control <= 5 ? ('wedged-stranded' as const) : ('completed' as const);
    return { ...run, cellMs: [control === 6 ? 900 : 20], outcome: { ...run.outcome, kind } };
  });
  const path = join(folder, name);
  await writeJournal(path, { ...journal, runs });
  return path;
}

test('a baseline of the same endpoint is counted as it was', async () => {
  const baseline = await readBaseline(await wedgeExperiment('same'), {});
  expect(baseline?.counts).toMatchObject({ wedged: 2, runs: 7 });
  expect(baseline?.counts).not.toHaveProperty('recountedFrom');
});

test.each([
  [{ endpoint: 'died' as const }, { wedged: 3, runs: 8 }],
  [
    { endpoint: 'slow' as const, slowAfterMs: 500 },
    { wedged: 1, runs: 5 },
  ],
])('a baseline of another endpoint is counted again by %j, and says so', async (rule, counts) => {
  const baseline = await readBaseline(await wedgeExperiment(rule.endpoint), rule);
  expect(baseline?.counts).toMatchObject({ ...counts, recountedFrom: { endpoint: 'wedged' } });
});

test('a baseline in which this endpoint was never looked for is refused', async () => {
  const path = await wedgeExperiment('unwatched');
  const error = await soakErrorOf(() => readBaseline(path, { endpoint: 'memory', memoryAboveBytes: 1 }));
  expect(error.code).toBe('bad-baseline');
  expect(error.message).toContain('in which the endpoint memory was observed');
});
