import { randomUUID } from 'node:crypto';

/**
 * A number in a notebook's file that JavaScript would write differently: `1.0`, an integer beyond 2^53, and
 * `NaN`, `Infinity` and `-Infinity`, which Python reads and writes though JSON has no such numbers.
 */
export class NumberAsWritten {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For code that wants a plain number: the nearest JavaScript number, or `null` if JSON has none. */
  toJSON(): number {
    return Number(this.text);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Where a number can begin: a digit, a minus, the N of NaN, the I of Infinity. */
const NUMBER_START = /[-0-9NI]/;
const NUMBER = /NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * JSON as Python's `json` reads it, which nbformat uses: `NaN`, `Infinity` and `-Infinity` are numbers. Every
 * number that JavaScript would write differently becomes a `NumberAsWritten`.
 *
 * @throws SyntaxError of `JSON.parse`
 */
export function parsedNotebookJson(text: string): unknown {
  const mark = `number ${randomUUID()} `;
  const marked = withMarkedNumbers(text, mark);
  if (marked === null) return JSON.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(marked);
  } catch (error) {
    // Parse the original file, not the marked text, so that the error message gives the right position.
    JSON.parse(text);
    throw error;
  }
  return withNumbers(value, mark);
}

/**
 * The text with a marked string in place of each number that must stay as written; `null` when there is none.
 */
function withMarkedNumbers(text: string, mark: string): string | null {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) === QUOTE) {
      at = endOfString(text, at);
      if (at < 0) return null; // no JSON, which the parser says
      continue;
    }
    if (!NUMBER_START.test(text.charAt(at))) continue;
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text)?.[0];
    if (number === undefined) continue;
    if (isOtherwiseWritten(number)) {
      parts.push(text.slice(from, at), `"${mark}${number}"`);
      from = at + number.length;
    }
    at += number.length - 1;
  }
  return parts.length === 0 ? null : parts.join('') + text.slice(from);
}

function isOtherwiseWritten(number: string): boolean {
  const value = Number(number);
  return !Number.isFinite(value) || String(value) !== number;
}

/**
 * The end of the string that begins at a quote: the next quote that is not escaped; -1 when there is none.
 */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

function withNumbers(value: unknown, mark: string): unknown {
  if (typeof value === 'string') {
    return value.startsWith(mark) ? new NumberAsWritten(value.slice(mark.length)) : value;
  }
  if (Array.isArray(value)) return value.map((each) => withNumbers(each, mark));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withNumbers(each, mark)]));
}
