/**
 * Which characters of content may appear at all. Content is any text that the project did not write: cell
 * outputs, error text, file names, arm names and descriptions, versions, commands. All of it is hostile. How it
 * is spelled in a format is for the escapes of `report/escape.ts` to say.
 */

/** Longest content in a table cell or a sentence, in code points. */
export const INLINE_LIMIT = 120;
/** Longest content of a block (a standard error, a traceback), in code points. */
export const BLOCK_LIMIT = 2_000;

// The string sequences (OSC, DCS, SOS, PM, APC) with their payload, which may carry a hyperlink or a window
// title, then CSI, then the short escapes. An unterminated string swallows no more than its own line.
const ANSI = new RegExp(
  [
    String.raw`(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?`,
    String.raw`(?:\x1b\[|\x9b)[0-?]*[ -\/]*[@-~]?`,
    String.raw`\x1b[ -\/]*[0-~]?`,
  ].join('|'),
  'gu',
);

// Control characters but the line end, format characters (bidirectional embeddings, overrides and isolates,
// zero-width and tag characters), lone surrogates, which XML forbids, and private use, which shows as anything.
// Then what the categories miss: variation selectors, invisible fillers and joiners, non-characters.
const INVISIBLE = new RegExp(
  [
    String.raw`(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Co}]`,
    String.raw`[\u{fe00}-\u{fe0f}]|[\u{e0100}-\u{e01ef}]`,
    String.raw`\u034f|\u115f|\u1160|\u17b4|\u17b5|\u3164|\uffa0`,
    String.raw`[\u{fdd0}-\u{fdef}]|[\ufffe\uffff]`,
  ].join('|'),
  'gu',
);

// A home folder names a person. The rule looks at the text alone, never at the machine that renders it,
// so that the same journal gives the same bytes everywhere.
const HOME_FOLDER =
  /(?:\/(?:home|Users)\/[^\s/\\:"'<>|]+|\/root(?![\w-])|\b[A-Za-z]:(?:\\{1,2}|\/)(?:Users|Documents and Settings)(?:\\{1,2}|\/)[^\s/\\:"'<>|]+)/gu;

/**
 * Content without terminal sequences, control, bidirectional and invisible characters, with home folders
 * written as `~`. Tabs become spaces, line ends `\n`, every other kind of space a plain one; more than four
 * combining marks in a row are cut. Bounded to `limit` code points, with a note of how many were left out.
 * An empty result stays empty.
 */
export function cleanText(content: string, limit: number = BLOCK_LIMIT): string {
  // Nothing below changes printable ASCII without a slash, which is what a long journal has a million of.
  if (content.length <= limit && /^[ -.0-[\]-~\n]*$/.test(content)) return content;
  // A bound before the regular expressions too: content of many megabytes must cost nothing.
  const bounded = content.length > limit * 8 ? content.slice(0, limit * 8) : content;
  const clean = bounded
    .replace(/\r\n?|[\u2028\u2029\u0085]/gu, '\n')
    .replace(ANSI, '')
    .replace(INVISIBLE, '')
    .replace(/\t/gu, '    ')
    .replace(/[^\S\n ]/gu, ' ')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .replace(HOME_FOLDER, '~');
  const points = [...clean];
  const cut = points.length - limit + (content.length - bounded.length);
  return cut > 0 ? `${points.slice(0, limit).join('')}… (${cut} more)` : clean;
}

/** Content on one line: line ends and runs of spaces become one space. `(empty)` when nothing is left. */
export function cleanLine(content: string, limit: number = INLINE_LIMIT): string {
  if (content.length <= limit && /^[\w.-]+$/.test(content)) return content;
  const line = cleanText(content, limit).replace(/\s+/gu, ' ').trim();
  return line === '' ? '(empty)' : line;
}

/** Content for a terminal: one line, no sequence of the terminal's own. */
export function terminalText(content: string, limit: number = INLINE_LIMIT): string {
  return cleanLine(content, limit);
}
