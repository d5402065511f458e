import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJournal } from '../../harness/journal/read.ts';
import { writeJournal } from '../../harness/report/fixtures/journal-text.ts';
import { FIVE_ARMS, syntheticJournal } from '../../harness/report/fixtures/synthetic-journal.ts';
import { buildReport } from '../../harness/report/report.ts';
import { writeReport } from '../../harness/report/write-report.ts';

/**
 * `npm run bench:report`: seconds and memory of the report of a long journal, from the first byte read to the
 * last file written. Five arms of 20,000 runs unless another number of blocks is given.
 */

const blocks = Number(process.argv[2] ?? 20_000);
const folder = await mkdtemp(join(tmpdir(), 'kernel-soak-report-scale-'));
try {
  if (process.argv[3] === undefined) {
    // In a process of its own: what the journal is made with must not count as the report's memory.
    await writeJournal(folder, syntheticJournal({ blocks, arms: FIVE_ARMS }));
    const { status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', import.meta.filename, String(blocks), folder],
      { stdio: 'inherit' },
    );
    process.exitCode = status ?? 1;
  } else {
    await measure(process.argv[3]);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(journalFolder: string): Promise<void> {
  const startedMs = performance.now();
  const { journal } = await readJournal(journalFolder);
  const readMs = performance.now();
  const report = buildReport(journal);
  const analysedMs = performance.now();
  await writeReport(journalFolder, journal, report);
  const endedMs = performance.now();
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `${journal.runs.length} runs: read ${seconds(readMs - startedMs)}, analysis ${seconds(analysedMs - readMs)}, ` +
      `documents ${seconds(endedMs - analysedMs)}, together ${seconds(endedMs - startedMs)}; ` +
      `most memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
  );
}
