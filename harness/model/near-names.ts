import { quoted } from './quoted.ts';

/** Names offered for one that is unknown, at most. */
const OFFERED = 3;

/**
 * The known names that a mistyped one may stand for, nearest first, of equals the one that begins alike longest;
 * none where none is near.
 *
 * Near is a Damerau–Levenshtein distance (restricted: no substring is edited twice) of at most a third of the
 * longer name, capitals and dashes apart, or a name that begins with what was typed.
 */
export function nearNames(name: string, known: readonly string[]): string[] {
  const typed = plain(name);
  if (typed === '') return [];
  return known
    .map((each) => ({ each, distance: editDistance(typed, plain(each)) }))
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

function editDistance(a: string, b: string): number {
  // Three rows of the table are enough: a transposition looks two rows back.
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(before, j - 2) + 1);
      }
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
