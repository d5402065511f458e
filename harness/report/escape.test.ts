import MarkdownIt from 'markdown-it';
import { describe, expect, it } from 'vitest';
import { cleanLine, cleanText } from '../model/clean-text.ts';
import {
  escapeAnnotation,
  escapeAnnotationProperty,
  escapeMarkdown,
  isPlainPhrase,
  markdownCode,
  markdownFence,
} from './escape.ts';

describe('cleanText', () => {
  it.each([
    ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['a hyperlink of the terminal', '\u001b]8;;http://evil.example\u0007text\u001b]8;;\u0007', 'text'],
    ['a window title', 'a\u001b]0;owned\u001b\\b', 'ab'],
    ['C1 sequences', 'a\u009b31mb\u009d0;x\u009cc', 'abc'],
    ['an unfinished sequence', 'a\u001b]0;title\nnext', 'a\nnext'],
    ['overrides of direction', 'abc\u202egpj.exe\u2066\u2069', 'abcgpj.exe'],
    ['invisible characters', 'a\u200bb\ufeffc\u00add\u{e0041}', 'abcd'],
    ['carriage returns that overwrite', 'safe\revil\r\nline', 'safe\nevil\nline'],
    ['a bell, a null and a lone surrogate', 'a\u0007b\u0000c\ud800d', 'abcd'],
    ['exotic spaces', 'a\u00a0b\u3000c', 'a b c'],
    ['a home folder', 'File "/home/alice/x.py" and C:\\Users\\Bob\\y', 'File "~/x.py" and ~\\y'],
    ['a home folder on macOS', '/Users/carol/lib', '~/lib'],
    ['root, but not what only begins like it', '/root/x /rooted', '~/x /rooted'],
  ])('takes out %s', (_what, content, clean) => {
    expect(cleanText(content)).toBe(clean);
  });

  it('bounds length in code points, says how much is missing, and never splits one', () => {
    expect(cleanText('😀'.repeat(10), 4)).toBe('😀😀😀😀… (6 more)');
    expect(cleanText('abcd', 4)).toBe('abcd');
  });

  it('cuts towers of combining marks', () => {
    expect([...cleanText(`a${'\u0301'.repeat(500)}`)]).toHaveLength(5);
  });

  it('costs little on megabytes of escapes', () => {
    const started = performance.now();
    cleanText('\u001b['.repeat(5_000_000));
    cleanText(`\u001b]${'x'.repeat(5_000_000)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('markdownCode', () => {
  const markdown = new MarkdownIt({ html: true, linkify: true });

  it.each([
    'a`b',
    '``a``',
    '`',
    'a\\',
    '<img src=x onerror=alert(1)>',
    '@octocat #1 GH-2 https://example.org',
    '](http://x)',
    '$`x`$',
  ])('keeps %j as nothing but code', (content) => {
    expect(markdown.renderInline(markdownCode(content))).toMatch(/^<code>[^<]*<\/code>$/);
  });

  it('holds no pipe, so that a table cannot be split', () => {
    expect(markdownCode('a|b\\|c')).not.toContain('|');
  });

  it('names what is empty', () => {
    expect(markdownCode('\u200b\n')).toBe('`(empty)`');
  });
});

it('fences content with more backticks than it has', () => {
  expect(markdownFence('a\n````\nb', 'text')).toBe('`````text\na\n````\nb\n`````');
});

it('takes only words for a plain phrase', () => {
  expect(isPlainPhrase('reply sent through the stream (as in 7)')).toBe(true);
  for (const content of ['see deadbeef01', 'GH-12', '@me', 'a*b*', 'x <b>', 'www example', '- item', '']) {
    expect(isPlainPhrase(content), content).toBe(false);
  }
});

it('escapes own words for Markdown only where they would be markup', () => {
  expect(escapeMarkdown('P(X ≤ x | n) a_b _c_ 5*3')).toBe('P(X ≤ x \\| n) a_b \\_c\\_ 5\\*3');
});

it('escapes workflow commands as the runner undoes it', () => {
  expect(escapeAnnotation('50 %\n::error::x')).toBe('50 %25%0A::error::x');
  expect(escapeAnnotationProperty('a:b,c\nd')).toBe('a%3Ab%2Cc d');
});

it('has a word for an empty line', () => {
  expect(cleanLine(' \t\n')).toBe('(empty)');
});
