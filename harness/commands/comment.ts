import type { Command } from 'commander';
import { z } from 'zod';
import { readJournal } from '../journal/read.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { escapeAnnotation } from '../report/escape.ts';
import { commentBody, commentMarker, type PullRequest, putComment } from '../report/pull-request-comment.ts';
import { buildReport } from '../report/report.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** `soak comment DIR`: the verdict and the table of arms in one comment of the pull request that a workflow runs for. */
export function registerComment(program: Command, write: (text: string) => void): void {
  addOptions(
    program
      .command('comment')
      .description(
        'put the verdict into one comment of the pull request that a GitHub workflow runs for; the next run updates it',
      )
      .argument('<dir>', 'report folder'),
    'comment',
  )
    .addHelpText(
      'after',
      `
Reads GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_EVENT_PATH, GITHUB_API_URL and GITHUB_RUN_ID, which a workflow
has (the token must be passed on). Where the token may not write, as for a pull request from a fork, it says so
and ends with 0: the evidence is in the job summary all the same.`,
    )
    .action(async (dir: string, raw: RawOptions<'comment'>) => {
      const { name } = parsedOptions('comment', raw);
      const to = await pullRequest(process.env);
      const { journal } = await readJournal(dir);
      const marker = commentMarker(name);
      const { leadMarkdown } = await import('../report/evidence.ts');
      const body = commentBody(marker, leadMarkdown(buildReport(journal)), footer(process.env));
      const done = await putComment(to, marker, body);
      if (done.how !== 'not-permitted') write(`Comment ${done.how}: ${done.url}\n`);
      else {
        const message = `No comment was made, since the token may not: ${done.reason}. Pull requests from forks have no such right; others need "pull-requests: write". The evidence is in the job summary.`;
        write(`::notice title=kernel-soak::${escapeAnnotation(message)}\n`);
      }
    });
}

/**
 * The pull request that a workflow runs for.
 *
 * @throws SoakError `no-pull-request`
 */
async function pullRequest(variables: Variables): Promise<PullRequest> {
  const wanted = (name: string): string => {
    const value = variables[name];
    if (value !== undefined && value !== '') return value;
    throw new SoakError('no-pull-request', `soak comment needs ${name}, which is not set.`, {
      remedy: 'Use it in a workflow of GitHub Actions, and pass github.token on as GITHUB_TOKEN.',
    });
  };
  const eventPath = wanted('GITHUB_EVENT_PATH');
  const event = z
    .object({ pull_request: z.object({ number: z.number().int().positive() }) })
    .safeParse(JSON.parse(String(await readInput(eventPath))));
  if (!event.success) {
    throw new SoakError('no-pull-request', 'The workflow does not run for a pull request.', {
      remedy: "Give the step the condition github.event_name == 'pull_request'.",
      exitCode: EXIT_CODES.usage,
    });
  }
  return {
    api: (variables['GITHUB_API_URL'] || 'https://api.github.com').replace(/\/+$/, ''),
    repository: wanted('GITHUB_REPOSITORY'),
    number: event.data.pull_request.number,
    token: wanted('GITHUB_TOKEN'),
  };
}

function footer(variables: Variables): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = variables;
  const where =
    server && repository && run ? ` [this run](${server}/${repository}/actions/runs/${run})` : ' the run';
  return `<sub>The journal, from which all of it can be recomputed, is in the artifact of${where}.</sub>`;
}
