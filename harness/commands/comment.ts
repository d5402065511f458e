import type { Command } from 'commander';
import { readJournal } from '../journal/read.ts';
import { SoakError } from '../model/errors.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { escapeAnnotation } from '../report/escape.ts';
import { COMMENT_NAME_CHARACTERS, commentMarker, putComment } from '../report/pull-request-comment.ts';
import { buildReport } from '../report/report.ts';
import { commentFooter, pullRequest } from '../report/workflow-pull-request.ts';

/** Add `soak comment`: it posts what `comment.md` says to a pull request, or updates its earlier comment. */
export function registerComment(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('comment')
      .description('Post the verdict as a comment on the pull request of a GitHub workflow')
      .argument('<dir>', 'report folder'),
    'comment',
  )
    .addHelpText(
      'after',
      `
Reads GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_EVENT_PATH, GITHUB_API_URL and GITHUB_RUN_ID, which a workflow has (the token must be passed on). Where the token may not write, as for a pull request from a fork, it says so and ends with 0: the evidence is in the job summary all the same.`,
    )
    .action(async (dir: string, raw: RawOptions<'comment'>) => {
      const { name, evidenceUrl, print } = parsedOptions('comment', raw);
      assertShortName(name);
      const to = print ? null : await pullRequest(process.env);
      const { journal } = await readJournal(dir);
      const marker = commentMarker(name);
      const { framedComment } = await import('../report/evidence.ts');
      const footer = commentFooter(process.env);
      const body = framedComment(buildReport(journal), { marker, footer, address: evidenceUrl });
      if (to === null) {
        write(body);
        return;
      }
      const done = await putComment(to, marker, body);
      if (done.how !== 'not-permitted') write(`Comment ${done.how}: ${done.url}\n`);
      else {
        const message = `No comment was posted, because the token may not write comments: ${done.reason}. On a pull request from a fork it never may. On others, give the job "pull-requests: write". The evidence is in the job summary.`;
        write(`::notice title=kernel-soak::${escapeAnnotation(message)}\n`);
      }
    });
}

/** @throws SoakError `bad-option` */
function assertShortName(name: string): void {
  if (name.length <= COMMENT_NAME_CHARACTERS) return;
  throw new SoakError('bad-option', `--name has ${name.length} characters.`, {
    remedy: `Give at most ${COMMENT_NAME_CHARACTERS}: a comment has little room.`,
    option: { name: 'name', value: name },
  });
}
