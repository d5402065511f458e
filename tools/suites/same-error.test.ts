import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import { codeNotebookText, PYTHON_METADATA } from '../testing/code-notebook.ts';
import { runSoak } from '../testing/run-soak.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';

test('a notebook that raises in every arm stops the experiment after its first block, and --resume goes on', async () => {
  const folder = temporaryFolder();
  const notebook = join(folder, 'raises.ipynb');
  const out = join(folder, 'out');
  const cells = ['1 + 1', 'import a_package_that_is_not_there'];
  writeFileSync(notebook, codeNotebookText(cells, PYTHON_METADATA));
  const chosen = ['--arms', 'control,fix', '--notebook', notebook, '--runs', '3', '--concurrency', '1'];

  const stopped = await runSoak([...chosen, '--out', out]);
  expect(stopped.code).toBe(3);
  expect(stopped.stdout).toMatch(
    /^Stopped early: cell 1 raised ModuleNotFoundError in every arm, so no run could show whether it would wedge\./m,
  );
  expect(stopped.stdout).toMatch(
    /^The error, at cell 1 \(counted from 0\): ModuleNotFoundError: No module named 'a_package_that_is_not_there'$/m,
  );
  expect(stopped.stdout).toContain('To go on all the same: npm run soak -- --resume');
  const { journal } = await readJournal(out);
  expect(journal.runs).toHaveLength(2);
  expect(journal.sessions.at(-1)).toMatchObject({
    event: 'same-error',
    reason: 'cell 1 raised ModuleNotFoundError in every arm',
  });

  const [run] = journal.runs;
  const explained = await runSoak(['explain', out, run?.run ?? '']);
  expect(explained.stdout).toMatch(/: a cell raised ModuleNotFoundError$/m);
  expect(explained.stdout).toMatch(/ModuleNotFoundError: No module named\s+'a_package_that_is_not_there'/);

  const resumed = await runSoak(['--resume', out]);
  expect(resumed.code).toBe(3);
  expect(resumed.stdout).not.toContain('Stopped early');
  expect((await readJournal(out)).journal.runs).toHaveLength(6);
  expect((await runSoak(['verify', out])).stdout).toMatch(/^\S+: verified\. /m);
}, 300_000);
