import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JOURNAL_FILE, readJournal } from '../journal/read.ts';
import { packageRoot } from '../model/package-root.ts';
import { verifyReport } from './verify.ts';

const reports = join(packageRoot(), 'reports');
const folders = readdirSync(reports, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith(JOURNAL_FILE))
  .map((path) => dirname(join(reports, path)));

test('there is evidence to verify', () => {
  expect(folders.length).toBeGreaterThan(0);
});

describe.each(folders.map((folder) => [relative(reports, folder), folder] as const))(
  '%s',
  (_name, folder) => {
    test('follows from its journal', async () => {
      const { differences } = await verifyReport(folder);
      expect(differences).toEqual([]);
    });

    test('is of an experiment that finished', async () => {
      expect((await readJournal(folder)).journal.sessions.at(-1)?.event).toBe('finished');
      expect(existsSync(join(folder, 'resume.json'))).toBe(false);
    });
  },
);
