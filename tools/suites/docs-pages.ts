import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import MarkdownIt from 'markdown-it';
import { packageRoot } from '../../harness/model/package-root.ts';

/** The pages that a reader is led to, paths from the repository's root. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(packageRoot(), 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
  'reports/README.md',
  'findings/README.md',
  '.github/SECURITY.md',
];

/** A line of a page that a reader would type, and what the page says it prints. */
export interface DocumentedCommand {
  readonly page: string;
  /** 1-based. */
  readonly line: number;
  readonly text: string;
  /** The block of text that follows; `null` where there is none. */
  readonly output: string | null;
}

const markdown = new MarkdownIt({ html: true });

export function pageText(page: string): string {
  return readFileSync(join(packageRoot(), page), 'utf8');
}

function tokensOf(page: string) {
  return markdown.parse(pageText(page), {});
}

/** Every line of the shell blocks of a page, without comments. A line that ends with `\` goes on. */
export function documentedCommands(page: string): DocumentedCommand[] {
  const tokens = tokensOf(page);
  return tokens.flatMap((token, index) => {
    if (token.type !== 'fence' || token.info !== 'sh') return [];
    const next = tokens[index + 1];
    const output = next?.type === 'fence' && next.info === 'text' ? next.content : null;
    const first = (token.map?.[0] ?? 0) + 2;
    return token.content.split('\n').flatMap((line, at) => {
      const text = line.replace(/(^|\s)#.*$/, '').trim();
      return text === '' ? [] : [{ page, line: first + at, text, output }];
    });
  });
}

/** The words of a shell line: quotes of both kinds, no other expansion. Variables that are set before it are left out. */
export function shellWords(text: string): string[] {
  const words = [...text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single = '', double = '') => `${single}${double}`),
  );
  while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
  return words;
}

/** The arguments of `soak` in a line; `null` for another command. */
export function soakArguments(text: string): string[] | null {
  const words = shellWords(text);
  if (words[0] === 'soak') return words.slice(1);
  const [npm, run, soak, dashes, ...args] = words;
  return npm === 'npm' && run === 'run' && soak === 'soak' && dashes === '--' ? args : null;
}

/** Prose: the text of a page without code, tables of figures and addresses. */
export function prose(page: string): string {
  return tokensOf(page)
    .filter(({ type }) => type === 'inline')
    .flatMap(({ children }) => children ?? [])
    .filter(({ type }) => type === 'text')
    .map(({ content }) => content)
    .join('\n');
}

/** The links of a page to other files and headings: relative ones, images and raw HTML included. */
export function relativeLinks(page: string): string[] {
  const tokens = tokensOf(page).flatMap((token) => [token, ...(token.children ?? [])]);
  const links = tokens.flatMap((token) => [
    ...[token.attrGet('href'), token.attrGet('src')].filter((link) => link !== null),
    ...(/^html/.test(token.type)
      ? [...token.content.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(([, link]) => link ?? '')
      : []),
  ]);
  return links.map((link) => decodeURIComponent(link)).filter((link) => !/^[a-z][a-z+.-]*:/i.test(link));
}

/** Anchors of the headings of a page, as GitHub makes them. */
export function anchors(page: string): Set<string> {
  const tokens = tokensOf(page);
  const seen = new Map<string, number>();
  return new Set(
    tokens.flatMap((token, index) => {
      if (token.type !== 'heading_open') return [];
      const text = (tokens[index + 1]?.children ?? [])
        .filter(({ type }) => type === 'text' || type === 'code_inline')
        .map(({ content }) => content)
        .join('');
      const anchor = text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-');
      const before = seen.get(anchor) ?? 0;
      seen.set(anchor, before + 1);
      return [before === 0 ? anchor : `${anchor}-${before}`];
    }),
  );
}

/** What is wrong with a link of a page; `null` for one that leads somewhere. */
export function brokenLink(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : posix.join(dirname(page), path);
  if (target.startsWith('..')) return `${link} leads out of the repository`;
  if (!existsSync(join(packageRoot(), target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith('.md')) return null;
  return anchors(target).has(anchor) ? null : `${link}: ${target} has no heading for it`;
}
