import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readJournal } from '../journal/read.ts';
import { JournalWriter } from '../journal/write.ts';
import { framedComment } from '../report/evidence.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { commentMarker } from '../report/pull-request-comment.ts';
import { buildReport } from '../report/report.ts';
import { commentFooter } from '../report/workflow-pull-request.ts';
import { registerComment } from './comment.ts';

interface Comment {
  readonly id: number;
  body: string;
  readonly user: { readonly type: string };
}

/** GitHub's three endpoints of a pull request's comments, on this machine. */
class GitHub {
  readonly comments: Comment[] = [];
  readonly asked: string[] = [];
  /** Answers everything with this status instead. */
  refusal: { readonly status: number; readonly message: string; readonly only?: string } | null = null;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let sent = '';
      for await (const chunk of request) sent += chunk;
      this.asked.push(`${request.method} ${request.url}`);
      const answer = (status: number, value: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      if (request.headers.authorization !== 'Bearer secret')
        return answer(401, { message: 'Bad credentials' });
      const { refusal } = this;
      if (refusal !== null && (refusal.only ?? request.method) === request.method) {
        return answer(refusal.status, { message: refusal.message });
      }
      const url = new URL(request.url ?? '', 'http://github');
      const of = (comment: Comment) => ({ ...comment, html_url: `http://github/comment/${comment.id}` });
      if (url.pathname === '/repos/own/repo/issues/7/comments' && request.method === 'GET') {
        const [size, page] = [Number(url.searchParams.get('per_page')), Number(url.searchParams.get('page'))];
        return answer(200, this.comments.slice((page - 1) * size, page * size).map(of));
      }
      const { body } = JSON.parse(sent) as { body: string };
      if (url.pathname === '/repos/own/repo/issues/7/comments' && request.method === 'POST') {
        return answer(201, of(this.add('Bot', body)));
      }
      const id = /^\/repos\/own\/repo\/issues\/comments\/(\d+)$/.exec(url.pathname)?.[1];
      const found = this.comments.find((comment) => comment.id === Number(id));
      if (request.method !== 'PATCH' || found === undefined) return answer(404, { message: 'Not Found' });
      found.body = body;
      return answer(200, of(found));
    });
  }

  add(type: string, body: string): Comment {
    const comment = { id: 100 + this.comments.length, body, user: { type } };
    this.comments.push(comment);
    return comment;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

const folder = temporaryFolder();
const report = join(folder, 'report');
const event = join(folder, 'event.json');
let github: GitHub;

beforeAll(async () => {
  const journal = syntheticJournal({ blocks: 3 });
  const writer = await JournalWriter.create(report, journal.experiment);
  for (const run of journal.runs) {
    await writer.append({ type: 'begin', run: run.run, at: run.at });
    await writer.append(run);
  }
  await writer.close();
});
beforeEach(async () => {
  github = new GitHub();
  writeFileSync(event, JSON.stringify({ pull_request: { number: 7 } }));
  vi.stubEnv('GITHUB_API_URL', await github.listen());
  vi.stubEnv('GITHUB_REPOSITORY', 'own/repo');
  vi.stubEnv('GITHUB_EVENT_PATH', event);
  vi.stubEnv('GITHUB_TOKEN', 'secret');
  vi.stubEnv('GITHUB_SERVER_URL', 'https://github.com');
  vi.stubEnv('GITHUB_RUN_ID', '42');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await github.close();
});

async function comment(...args: string[]): Promise<string> {
  let written = '';
  const program = new Command('soak').exitOverride();
  registerComment(program, (text) => {
    written += text;
  });
  await program.parseAsync(['node', 'soak', 'comment', report, ...args]);
  return written;
}

describe('soak comment', () => {
  test('makes one comment, and updates it from then on', async () => {
    expect(await comment()).toBe('Comment created: http://github/comment/100\n');
    expect(github.comments[0]?.body).toMatch(/^<!-- kernel-soak: kernel-soak -->\n/);
    const { journal } = await readJournal(report);
    const frame = { marker: commentMarker('kernel-soak'), footer: commentFooter(process.env), address: null };
    expect(github.comments[0]?.body).toBe(framedComment(buildReport(journal), frame));
    expect(github.comments[0]?.body).toMatch(/^\| `control` /m);
    expect(github.comments[0]?.body).toContain('https://github.com/own/repo/actions/runs/42');
    vi.stubEnv('GITHUB_RUN_ID', '43');
    expect(await comment()).toBe('Comment updated: http://github/comment/100\n');
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]?.body).toContain('actions/runs/43');
  });

  test('finds its own among many, and leaves alone what a person wrote with the same first line', async () => {
    const marker = commentMarker('kernel-soak');
    github.add('User', `${marker}\nmine`);
    for (let n = 0; n < 130; n += 1) github.add('User', `comment ${n}`);
    const own = github.add('Bot', `${marker}\nold`);
    await comment();
    expect(github.comments).toHaveLength(132);
    expect(github.comments[0]?.body).toBe(`${marker}\nmine`);
    expect(own.body).not.toMatch(/\nold$/);
  });

  test('keeps experiments of other names apart', async () => {
    await comment();
    await comment('--name', 'windows --> <b>');
    expect(github.comments).toHaveLength(2);
    // Nothing of a name can end the HTML comment that it is in.
    expect(github.comments[1]?.body.split('\n')[0]).toBe('<!-- kernel-soak: windows ___ _b_ -->');
  });

  test.each([
    [403, 'Resource not accessible by integration', undefined],
    [403, 'Resource not accessible by integration', 'POST'],
    [404, 'Not Found', undefined],
  ])('says that the token may not (%i %s, %s), and does not fail', async (status, message, only) => {
    github.refusal = { status, message, ...(only === undefined ? {} : { only }) };
    expect(await comment()).toMatch(/^::notice title=kernel-soak::No comment was posted.*(403|404)/);
    expect(github.comments).toHaveLength(0);
  });

  test.each([
    [500, 'Server Error'],
    [403, 'API rate limit exceeded for installation'],
    [422, 'Validation Failed'],
  ])('names what GitHub answered when it fails: %i %s', async (status, message) => {
    github.refusal = { status, message };
    await expect(comment()).rejects.toMatchObject({
      code: 'comment-failed',
      message: expect.stringContaining(`${status}, "${message}"`),
    });
  });

  test('says so when GitHub cannot be reached', async () => {
    vi.stubEnv('GITHUB_API_URL', 'http://127.0.0.1:1');
    await expect(comment()).rejects.toMatchObject({ code: 'comment-failed', exitCode: 4 });
  });

  test('asks for what a workflow has to give it', async () => {
    vi.stubEnv('GITHUB_TOKEN', '');
    await expect(comment()).rejects.toThrow(/needs GITHUB_TOKEN/);
    vi.stubEnv('GITHUB_TOKEN', 'secret');
    writeFileSync(event, JSON.stringify({ ref: 'refs/heads/main' }));
    await expect(comment()).rejects.toThrow(/does not run for a pull request/);
    expect(github.asked).toEqual([]);
  });

  test('prints the comment where nothing of GitHub is there, with the figure where the evidence is published', async () => {
    for (const name of ['GITHUB_TOKEN', 'GITHUB_EVENT_PATH', 'GITHUB_RUN_ID']) vi.stubEnv(name, '');
    const printed = await comment('--print', '--evidence-url', 'https://example.org/soak/');
    expect(printed).toContain('](https://example.org/soak/figures/rates-light.svg)');
    expect(printed).toMatch(/^<!-- kernel-soak: kernel-soak -->\n\S/);
    expect(printed.length).toBeLessThanOrEqual(2_500);
    expect(github.asked).toEqual([]);
    await expect(comment('--print', '--name', 'n'.repeat(101))).rejects.toThrow(/--name has 101 characters/);
  });
});
