import { cleanLine, cleanText } from '../model/clean-text.ts';

// Longer input is cut before anything is looked for in it: an error's text may be megabytes.
const MAX_INPUT_CHARACTERS = 2_000;

// What differs from run to run though the fault is the same. A path ends at a space or at a quotation mark.
const TEMPORARY_PATH =
  /(?:(?:\/private)?\/(?:var\/)?tmp|\/var\/folders|\/run\/user|\/dev\/shm|(?:[A-Za-z]:|~)\\[^\s'"]{0,200}\\Temp)[/\\][^\s'"()<>,;]+/gi;
const PATH = /(?<![\w:/\\.])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\]+[^\s'":()<>,;/\\]+)+[/\\]?/g;
const TEMPORARY_NAME = /\btmp[a-z0-9_]{8}\b|\btmp\.[A-Za-z0-9]{6,}\b/g;
const UUID = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi;
const ADDRESS = /\b0x[0-9a-f]+\b/gi;
const HASH = /\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi;
// A number within a word, such as `int64`, is a name.
const NUMBER = /(?<![A-Za-z])\d+(?:[.:,]\d+)*/g;

/**
 * A line of text without what differs from run to run: addresses, hashes, numbers and temporary paths become `#`, and of
 * other paths the last part stays. Two texts of one fault come out equal. What a terminal would obey is gone as well.
 *
 * @param limit longest result, in code points; what is beyond becomes `…`
 */
export function normalText(content: string, limit: number): string {
  // Not `cleanLine`'s own bound: its note of how many characters were cut is a number of this text alone.
  const normal = cleanLine(content.slice(0, MAX_INPUT_CHARACTERS), MAX_INPUT_CHARACTERS)
    .replace(TEMPORARY_PATH, '#')
    .replace(PATH, lastPart)
    .replace(TEMPORARY_NAME, '#')
    .replace(UUID, '#')
    .replace(ADDRESS, '#')
    .replace(HASH, '#')
    .replace(NUMBER, '#');
  const points = [...normal];
  return points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : normal;
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== '') ?? path;
}

// Lines with which some languages end every failure, so that they name none.
const CLOSING = /^(?:Node\.js v|note: |Execution halted|\^$)/;

// What a log or a language says below the level of an error: `[IPKernelApp] WARNING | …`, `[W 2026-11-29 …]`, `x.py:3: UserWarning: …`.
const BELOW_ERROR = /^(?:.{0,60}\b(?:DEBUG|INFO|NOTICE|WARN|WARNING)\b|\[[DIW] \d|\S+:\d+: \w*Warning: )/;

/**
 * The last line of an output that names a fault, normalised: no indented line (a stack below the message), none with which a
 * language ends every failure, and none below the level of an error. `null`: there is no such line.
 */
export function lastTellingLine(output: string, limit: number): string | null {
  // A tab becomes four spaces.
  const lines = cleanText(output.slice(-MAX_INPUT_CHARACTERS), 4 * MAX_INPUT_CHARACTERS)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const isLogged = lines.some((line) => BELOW_ERROR.test(line));
  const telling =
    lines.findLast((line) => !/^\s/.test(line) && !CLOSING.test(line) && !BELOW_ERROR.test(line)) ??
    (isLogged ? undefined : lines.at(-1));
  return telling === undefined ? null : normalText(telling, limit);
}
