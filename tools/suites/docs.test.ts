import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { TRAFFIC_PROFILES } from '../../harness/model/traffic.ts';
import { parseCommand } from '../testing/parsed-command.ts';
import {
  anchors,
  brokenLink,
  documentedCommands,
  PAGES,
  pageText,
  prose,
  relativeLinks,
  shellWords,
  soakArguments,
} from './docs-pages.ts';

const README_LINES = 160;

const commands = PAGES.flatMap(documentedCommands);

describe.each(PAGES)('%s', (page) => {
  test('leads nowhere that is not there', () => {
    const broken = relativeLinks(page).flatMap((link) => brokenLink(page, link) ?? []);
    expect(broken).toEqual([]);
  });
});

test('the README is short and has no semicolon in its prose', () => {
  expect(pageText('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES);
  expect(
    prose('README.md')
      .split('\n')
      .filter((line) => line.includes(';')),
  ).toEqual([]);
});

test('the index of the documentation names every page', () => {
  const links = relativeLinks('docs/README.md');
  const pages = PAGES.filter((page) => /^docs\/(?!README)/.test(page)).map((page) => page.slice(5));
  expect(pages.filter((page) => !links.includes(page))).toEqual([]);
});

test('a heading that the code cites is on its page', () => {
  const cited = sourceFiles().flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/docs\/([a-z-]+\.md)(?:#([\w-]+))?/g)].map(
      ([, page, anchor]) => ({
        page: `docs/${page}`,
        anchor,
      }),
    ),
  );
  expect(cited.length).toBeGreaterThan(0);
  const broken = cited.filter(
    ({ page, anchor }) =>
      !existsSync(join(packageRoot(), page)) || (anchor !== undefined && !anchors(page).has(anchor)),
  );
  expect(broken).toEqual([]);
});

function sourceFiles(): string[] {
  return ['harness', 'tools', 'arms'].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|py)$/.test(path))
      .map((path) => join(packageRoot(), folder, path)),
  );
}

const scripts = (JSON.parse(pageText('package.json')) as { scripts: Record<string, string> }).scripts;

describe('a command in a page', () => {
  test.each(commands.filter(({ text }) => soakArguments(text) !== null))(
    '$page:$line $text',
    async ({ text }) => {
      await parseCommand(soakArguments(text) ?? []);
    },
  );

  test.each(commands.filter(({ text }) => soakArguments(text) === null))('$page:$line $text', ({ text }) => {
    const [program = '', ...args] = shellWords(text);
    expect(existing(program, args), text).toBe(true);
  });

  test('that has a wrong command, option, value or argument is seen', async () => {
    for (const line of [
      'rum',
      '--rnus 3',
      '--traffic widget',
      '--runs x',
      'tune --minutes 0',
      'verify',
      'report a b',
    ]) {
      await expect(parseCommand(line.split(' ')), line).rejects.toThrow();
    }
  });
});

test.each(PAGES)('%s names files that are there', (page) => {
  const named = [...pageText(page).matchAll(/`((?:harness|arms|tools|docs|reports|findings)\/[\w./-]+)`/g)];
  const missing = named
    .map(([, path = '']) => path)
    .filter((path) => !/NAME/.test(path) && !existsSync(join(packageRoot(), path)));
  expect(missing).toEqual([]);
});

test('a script that a page names is in package.json', () => {
  const named = PAGES.flatMap((page) =>
    [...pageText(page).matchAll(/`npm run ([\w:-]+)/g)].map(([, script = '']) => script),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
});

/** Whether what a line starts is there: a script of package.json, a file, a program that everybody has. */
function existing(program: string, args: readonly string[]): boolean {
  const files = args.filter((word) => /^[\w.-]+(\/[\w.-]+)+\.(ts|sh)$/.test(word));
  if (files.some((path) => !existsSync(join(packageRoot(), path)))) return false;
  switch (program) {
    case 'npm':
      return args[0] === 'ci' || args[0] === 'test' || scripts[args[1] ?? ''] !== undefined;
    case 'npx':
      return existsSync(join(packageRoot(), 'node_modules', '.bin', args[0] ?? ''));
    case 'bash':
    case 'node':
      return files.length > 0;
    default:
      return ['cp', 'git', 'mkdir', 'cd'].includes(program);
  }
}

test('docs/traffic.md has a row for every traffic profile', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'traffic.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)`.*\|$/gm)].map(([, name]) => name);
  expect(rows).toEqual(expect.arrayContaining([...TRAFFIC_PROFILES]));
});
