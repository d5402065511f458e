import { z } from 'zod';
import { deadlineMs } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';

const PER_PAGE = 100;
/** A pull request with more comments than this gets a new one. */
const PAGES = 30;

const commentsSchema = z.array(
  z.object({
    id: z.number(),
    body: z.string().nullish(),
    user: z.object({ type: z.string() }).nullish(),
  }),
);
const commentSchema = z.object({ html_url: z.string() });

/** Where a comment goes. */
export interface PullRequest {
  /** Address of the API, without a slash at its end. */
  readonly api: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly number: number;
  readonly token: string;
}

/** What became of a comment. */
export type Commented =
  | { readonly how: 'created' | 'updated'; readonly url: string }
  /** The token lacks the permission: usual for a pull request from a fork, and not an error. */
  | { readonly how: 'not-permitted'; readonly reason: string };

/** Longest name of an experiment: it takes room of the comment. */
export const COMMENT_NAME_CHARACTERS = 100;

/** First line of a comment, by which it is found again. GitHub does not show it. */
export function commentMarker(name: string): string {
  return `<!-- kernel-soak: ${name.replace(/[^\w .-]/g, '_').replaceAll('--', '__')} -->`;
}

/**
 * Put a comment on a pull request. If a bot made one with the same marker, it is updated.
 *
 * @throws SoakError `comment-failed` when GitHub cannot be reached, or answers with an error other than that the token
 *   lacks the permission
 */
export async function putComment(to: PullRequest, marker: string, body: string): Promise<Commented> {
  const comments = `/repos/${to.repository}/issues/${to.number}/comments`;
  const own = await ownComment(to, comments, marker);
  if (own !== null && typeof own !== 'number') return own;
  const answer =
    own === null
      ? await ask(to, 'POST', comments, body)
      : await ask(to, 'PATCH', `/repos/${to.repository}/issues/comments/${own}`, body);
  if ('how' in answer) return answer;
  return { how: own === null ? 'created' : 'updated', url: commentSchema.parse(answer.value).html_url };
}

async function ownComment(
  to: PullRequest,
  comments: string,
  marker: string,
): Promise<number | null | Commented> {
  for (let page = 1; page <= PAGES; page += 1) {
    const answer = await ask(to, 'GET', `${comments}?per_page=${PER_PAGE}&page=${page}`);
    if ('how' in answer) return answer;
    const found = commentsSchema.parse(answer.value);
    // Anybody may write a comment that begins like ours; theirs stays theirs.
    const own = found.find(({ body, user }) => user?.type === 'Bot' && body?.startsWith(marker) === true);
    if (own !== undefined) return own.id;
    if (found.length < PER_PAGE) return null;
  }
  return null;
}

async function ask(
  { api, token }: PullRequest,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: string,
): Promise<{ readonly value: unknown } | Extract<Commented, { how: 'not-permitted' }>> {
  const failed = (what: string, cause?: unknown) =>
    new SoakError('comment-failed', `The comment could not be made: ${what}.`, {
      remedy: 'Nothing is lost: the evidence is in the job summary and in the report folder.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${api}${path}`, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': '2022-11-28',
        'user-agent': 'kernel-soak',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify({ body }) }),
      signal: AbortSignal.timeout(deadlineMs('github')),
    });
    text = await response.text();
  } catch (error) {
    throw failed(`GitHub was not reached (${(error as Error).message})`, error);
  }
  const said = messageOf(text);
  const rateLimited = response.status === 429 || /rate limit/i.test(said);
  if ((response.status === 401 || response.status === 403 || response.status === 404) && !rateLimited) {
    return { how: 'not-permitted', reason: `GitHub answered ${response.status}, ${JSON.stringify(said)}` };
  }
  if (!response.ok) throw failed(`GitHub answered ${response.status}, ${JSON.stringify(said)}`);
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    throw failed('GitHub answered with something that is not JSON', error);
  }
}

function messageOf(text: string): string {
  try {
    const { message } = z.object({ message: z.string() }).parse(JSON.parse(text));
    return message.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}
