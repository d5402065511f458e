import { readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { JOURNAL_FILE, readJournal } from '../../harness/journal/read.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { COMMENT_CHARACTERS, commentMarkdown } from '../../harness/report/comment-document.ts';
import { brokenParts } from '../../harness/report/fixtures/whole-markdown.ts';
import { buildReport } from '../../harness/report/report.ts';

const reports = join(packageRoot(), 'reports');
const folders = readdirSync(reports, { recursive: true, encoding: 'utf8' })
  .filter((path) => basename(path) === JOURNAL_FILE)
  .map((path) => dirname(join(reports, path)));

test('there are journals to comment on', () => {
  expect(folders.length).toBeGreaterThan(30);
});

test.each(folders.map((folder) => [relative(reports, folder), folder] as const))(
  'what is to be pasted of %s is short and whole',
  async (_name, folder) => {
    const report = buildReport((await readJournal(folder)).journal);
    const comment = commentMarkdown(report);
    expect(comment.length).toBeLessThanOrEqual(COMMENT_CHARACTERS);
    expect(brokenParts(comment)).toEqual([]);
    expect(comment).toContain(report.journalSha256);
    const rows = comment.match(/^\| `/gm)?.length ?? 0;
    if (rows < report.analysis.arms.length) expect(comment).toMatch(/^… \d+ more arms? in `evidence\.md`$/m);
    const patched = report.protocol.arms.some(({ patchSha256 }) => patchSha256 !== null);
    if (patched) expect(comment).toMatch(/<summary>The (?:\d+ )?diffs?<\/summary>/);
  },
);
