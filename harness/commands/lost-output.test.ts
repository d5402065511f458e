import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LOSSES, losingNotebook } from '../../tools/testing/losing-notebook.ts';
import { runSoak } from '../../tools/testing/run-soak.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readJournal } from '../journal/read.ts';
import { canonicalJson } from '../model/canonical.ts';
import { verifyReport } from '../report/verify.ts';
import { writeReport } from '../report/write-report.ts';

test.each([
  ['the harness', ['--traffic', 'sequential', '--latency', 'none']],
  ['nbclient', ['--client', 'nbclient']],
])(
  'the output of a thread that is under the next cell is lost, as %s shows it',
  async (_, client) => {
    const folder = temporaryFolder();
    const notebook = join(folder, 'late.ipynb');
    const out = join(folder, 'out');
    await writeFile(notebook, losingNotebook());
    const arms = ['--arms', 'control', '--runs', '1', '--seed', '1', '--endpoint', 'lost-output'];
    const soaked = await runSoak([...arms, '--notebook', notebook, ...client, '--out', out]);
    expect(soaked).toMatchObject({ code: 0, stderr: '' });

    const { runs, experiment } = (await readJournal(out)).journal;
    expect(runs.map(({ outcome, losses }) => [outcome.kind, losses])).toEqual([['completed', LOSSES]]);
    expect(experiment.protocol.expected?.kind).toBe('saved');
    expect(readdirSync(join(out, 'notebooks'))).toEqual(['b000-control-late.ipynb']);
    const page = readFileSync(join(out, 'outputs', 'b000-control.html'), 'utf8');
    expect(page).toContain('<li>stdout is under cell 1</li>');
    expect(page).toContain('<ins>of the thread\n</ins>');
    expect((await verifyReport(out)).differences).toEqual([]);

    // Who takes the loss away leaves the outputs that contradict it.
    const journal = join(out, 'journal.jsonl');
    const changed = readFileSync(journal, 'utf8').replace(JSON.stringify(LOSSES), '[]');
    await writeFile(journal, changed);
    await writeReport(out, (await readJournal(out)).journal);
    expect((await verifyReport(out)).differences).toEqual([
      {
        file: 'journal.jsonl',
        place: 'run b000-control, losses by its outputs',
        found: '[]',
        recomputed: canonicalJson(LOSSES),
      },
    ]);
  },
  120_000,
);
