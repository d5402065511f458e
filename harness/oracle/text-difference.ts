import { diffArrays } from 'diff';
import { type KeptText, PREFIX_CHARACTERS, prefixHash } from '../model/cell-outputs.ts';

/** A place at which a text that was seen is not the expected one. */
export interface Change {
  /** What was expected there and was not seen; empty: nothing. */
  readonly lost: string;
  /** What was seen there and was not expected; empty: nothing. */
  readonly extra: string;
}

/** Beyond so many changed lines, two texts are not compared line by line: they are different texts. */
const MAX_CHANGED_LINES = 400;

/**
 * Where two texts differ, in order. Whole lines are lost or added anywhere, and part of a line only where the text ends.
 *
 * @returns `null`: they are too different to say where
 */
export function textChanges(expected: string, seen: string): Change[] | null {
  if (expected === seen) return [];
  if (expected.startsWith(seen)) return [{ lost: expected.slice(seen.length), extra: '' }];
  if (seen.startsWith(expected)) return [{ lost: '', extra: seen.slice(expected.length) }];
  const parts = diffArrays(lines(expected), lines(seen), { maxEditLength: MAX_CHANGED_LINES });
  if (parts === undefined) return null;
  const changes: Change[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    let lost = '';
    let extra = '';
    for (; parts[at]?.added === true || parts[at]?.removed === true; at += 1) {
      const { value = [], added = false } = parts[at] ?? {};
      if (added) extra += value.join('');
      else lost += value.join('');
    }
    if (lost !== extra) changes.push(at >= parts.length ? atEnd(lost, extra) : { lost, extra });
  }
  return changes;
}

/** The last line may be there in part, or have a text before or after it. */
function atEnd(lost: string, extra: string): Change {
  if (lost === '' || extra === '') return { lost, extra };
  if (lost.startsWith(extra)) return { lost: lost.slice(extra.length), extra: '' };
  if (extra.startsWith(lost)) return { lost: '', extra: extra.slice(lost.length) };
  if (extra.endsWith(lost)) return { lost: '', extra: extra.slice(0, -lost.length) };
  return { lost, extra };
}

/** With their line breaks, so that joining them gives the text. */
export function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/** Whether the change may as well be of a value, such as 12 for 1: nothing in it ends a line or divides words. */
export function mayBeValue(piece: string): boolean {
  return /^[\w.,+-]*$/u.test(piece);
}

/** Whether a text is a number and nothing else, such as any cell may show by chance. */
export function isNumber(text: string): boolean {
  return /^[\s\d.,eE+-]*$/.test(text);
}

/**
 * Whether a text is the beginning of another one, and not all of it. Of long texts that is told by the hashes of their
 * beginnings, which cover at least half of what was seen.
 */
export function isCut(expected: KeptText, seen: KeptText): boolean {
  if (seen.length >= expected.length) return false;
  if (typeof expected === 'string') {
    return typeof seen === 'string' && expected.startsWith(seen) && !mayBeValue(expected.slice(seen.length));
  }
  const seenHead = typeof seen === 'string' ? seen : seen.head;
  const known = Math.min(seenHead.length, expected.head.length);
  if (seenHead.slice(0, known) !== expected.head.slice(0, known)) return false;
  const step = Math.floor(Math.log2(seen.length / PREFIX_CHARACTERS));
  if (step < 0) return true;
  const prefix =
    typeof seen === 'string' ? prefixHash(seen.slice(0, PREFIX_CHARACTERS * 2 ** step)) : seen.prefixes[step];
  return prefix === expected.prefixes[step];
}

/** Whether two texts are the same. */
export function isSameText(a: KeptText | undefined, b: KeptText | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.sha256 === b.sha256;
}
