import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BISECT_JOURNAL, readBisect } from '../../harness/bisect/journal.ts';
import { verifyBisect } from '../../harness/bisect/write-bisect.ts';
import { JOURNAL_FILE, readJournal } from '../../harness/journal/read.ts';
import { localisation, PATHS, pathOf } from '../../harness/locate/localisation.ts';
import { locateMarkdown } from '../../harness/locate/locate-document.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { verifyReport } from '../../harness/report/verify.ts';

const reports = join(packageRoot(), 'reports');
const files = readdirSync(reports, { recursive: true, encoding: 'utf8' });
const foldersWith = (journal: string) =>
  files
    .filter((path) => basename(path) === journal)
    .map((path) => dirname(join(reports, path)))
    .map((folder) => [relative(reports, folder), folder] as const);
const experiments = foldersWith(JOURNAL_FILE);
const bisects = foldersWith(BISECT_JOURNAL);

test('there is evidence to verify', () => {
  expect(experiments.length).toBeGreaterThan(0);
  expect(bisects.length).toBeGreaterThan(0);
});

describe.each(experiments)('%s', (_name, folder) => {
  test('follows from its journal', async () => {
    const { differences } = await verifyReport(folder);
    expect(differences).toEqual([]);
  });

  test('is of an experiment that finished', async () => {
    expect((await readJournal(folder)).journal.sessions.at(-1)?.event).toBe('finished');
    expect(existsSync(join(folder, 'resume.json'))).toBe(false);
  });
});

test.each(bisects)('%s follows from its journal, and finished', async (_name, folder) => {
  const { differences, journal } = await verifyBisect(folder);
  expect(differences).toEqual([]);
  expect(journal.sessions.at(-1)?.event).toBe('finished');
  expect((await readBisect(folder)).journal.torn).toBe(false);
  expect(existsSync(join(folder, 'resume.json'))).toBe(false);
});

test.each(foldersWith('locate.md'))('%s follows from the journals of its paths', async (_name, folder) => {
  // `rest` is taken only where it is asked for.
  const taken = PATHS.filter((path) => path !== 'rest');
  const named = await Promise.all(
    taken.map(async (path) => ({ path, journal: (await readJournal(join(folder, path))).journal })),
  );
  expect(named.map(({ journal }) => pathOf(journal))).toEqual(taken);
  expect(readFileSync(join(folder, 'locate.md'), 'utf8')).toBe(locateMarkdown(localisation(named)));
});
