/**
 * The one place where content becomes safe to print. Content is any text that the project did not write:
 * cell outputs, error text, file names, arm names and descriptions, versions, commands. All of it is hostile.
 *
 * Two steps, always both: `cleanText` decides which characters may appear at all, and one escape per format
 * decides how they are spelled there. Nothing else in this folder concatenates content into markup.
 */
import { cleanLine, cleanText, INLINE_LIMIT } from '../model/clean-text.ts';

/** Text for HTML and SVG, in element content and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  if (!/[&<>"']/.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Text for XML 1.0, in element content and in quoted attributes; a newline in an attribute is kept. */
export function escapeXml(text: string): string {
  return escapeHtml(text).replaceAll('\n', '&#10;');
}

/**
 * The project's own words for Markdown: characters that would start markup are escaped, and only those, since
 * the document is also read as plain text. Never for content: see `markdownCode`.
 */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*[\]<>|~$]/gu, '\\$&')
    .replace(/&(?=[#\w])/gu, '\\&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_');
}

/**
 * Content as a Markdown code span. Only a code span is inert on GitHub: backslashes and entities stop neither
 * @mentions, nor issue and commit references, nor bare addresses, which are looked for in the finished text.
 * A pipe becomes a broken bar, because a table splits its cells before it reads code spans and renderers
 * disagree on `\|` after a backslash.
 */
export function markdownCode(content: string, limit: number = INLINE_LIMIT): string {
  const line = cleanLine(content, limit).replaceAll('|', '¦');
  const fence = '`'.repeat(longestRun(line, '`') + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** Content as a fenced Markdown block, its fence longer than any in the content. */
export function markdownFence(content: string, language = '', limit?: number): string {
  const text = cleanText(content, limit);
  const fence = '`'.repeat(Math.max(3, longestRun(text, '`') + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/**
 * Whether content is a phrase that no format reads as anything but words: letters, digits, the punctuation of a sentence,
 * and an apostrophe within a word. A hexadecimal word (a commit), `GH-1`, a domain or anything else is not.
 */
export function isPlainPhrase(content: string): boolean {
  return (
    /^\p{L}(?:[\p{L}\p{N} ,;()-]|[:.] |(?<=\p{L})'(?=\p{L}))*\.?$/u.test(content) &&
    !/\b[0-9a-f]{7,}\b|\bGH-\d|\bwww\b|\b(?:https?|ftp|mailto|xmpp)\b|--/iu.test(content)
  );
}

/** The message of a GitHub Actions workflow command (`::error::…`). */
export function escapeAnnotation(text: string): string {
  return cleanText(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A property of a GitHub Actions workflow command (`title=…`), where `:` and `,` are structure as well. */
export function escapeAnnotationProperty(text: string): string {
  return escapeAnnotation(cleanLine(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function longestRun(text: string, character: string): number {
  let longest = 0;
  let run = 0;
  for (const each of text) {
    run = each === character ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}
