import editDistance from 'damerau-levenshtein';
import { quoted } from './quoted.ts';

/** Names offered for one that is unknown, at most. */
const OFFERED = 3;

/**
 * The known names that a mistyped one may stand for, the nearest first. Of equally near names, the one that shares the
 * longest beginning comes first. Empty where no name is near.
 *
 * A name is near if it begins with what was typed, or if its Damerau–Levenshtein distance is at most a third of the
 * longer name, without regard to capitals and dashes.
 */
export function nearNames(name: string, known: readonly string[]): string[] {
  const typed = plain(name);
  if (typed === '') return [];
  return known
    .map((each) => ({ each, distance: editDistance(typed, plain(each)).steps }))
    .filter(
      ({ each, distance }) =>
        distance <= Math.max(typed.length, plain(each).length) / 3 || plain(each).startsWith(typed),
    )
    .sort(
      (a, b) =>
        a.distance - b.distance ||
        commonStart(typed, plain(b.each)) - commonStart(typed, plain(a.each)) ||
        (a.each < b.each ? -1 : 1),
    )
    .slice(0, OFFERED)
    .map(({ each }) => each);
}

/** `Did you mean "fix"? `, with what may follow; empty where nothing is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearNames(name, known).map(quoted);
  return near.length === 0 ? '' : `Did you mean ${near.join(' or ')}? `;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length += 1;
  return length;
}
