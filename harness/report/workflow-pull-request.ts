import { z } from 'zod';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import type { PullRequest } from './pull-request-comment.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The pull request that a workflow runs for.
 *
 * @throws SoakError `no-pull-request`
 */
export async function pullRequest(variables: Variables): Promise<PullRequest> {
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

/** Longest address of a run that has room in a comment. */
const RUN_CHARACTERS = 200;

/** The last line of the comment: where the journal is. */
export function commentFooter(variables: Variables): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = variables;
  if (!server || !repository || !run) return '<sub>The journal is in the report folder.</sub>';
  const address = `${server}/${repository}/actions/runs/${run}`;
  const where = address.length <= RUN_CHARACTERS ? ` [this run](${address})` : ' the run';
  return `<sub>The journal, from which all of it can be recomputed, is in the artifact of${where}.</sub>`;
}
