/** A line outside a hunk that belongs to a diff, as git and diff write it. */
const HEADER =
  /^(?:$|diff |index |Index: |=+$|--- |\+\+\+ |old mode |new mode |new file mode |deleted file mode |similarity index |dissimilarity index |rename |copy |Binary files |GIT binary patch|\\ No newline)/;
const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/** How git ends a letter, before its own version. */
const SIGNATURE = '-- ';

/**
 * The diff of a patch without the letter around it, as `git format-patch` and `git show` write it: an author with an
 * address, a message, a summary of the files. The journal records the patch, and neither name nor address belong into
 * it. A patch without a letter stays as it is, byte for byte. So does one whose hunks have more lines than they say, and a
 * text without any hunk or header of a file: nothing may make these acceptable.
 */
export function diffAlone(patch: string): string {
  let [before, after] = [0, 0];
  let isAfterHunk = false;
  let hasLetter = false;
  let hasDiff = false;
  const kept: string[] = [];
  for (const line of patch.split('\n')) {
    if (before > 0 || after > 0) {
      const [mark] = line;
      if (mark !== '+' && mark !== '\\') before -= 1;
      if (mark !== '-' && mark !== '\\') after -= 1;
      if (before < 0 || after < 0) return patch;
      isAfterHunk = true;
      kept.push(line);
      continue;
    }
    const hunk = HUNK.exec(line);
    hasDiff ||= hunk !== null || line.startsWith('diff ');
    if (hunk !== null) [before, after] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    if (hunk !== null || HEADER.test(line.replace(/\r$/, ''))) {
      kept.push(line);
      continue;
    }
    if (isAfterHunk && /^[ +-]/.test(line) && line !== SIGNATURE) return patch;
    isAfterHunk = false;
    hasLetter = true;
  }
  return hasLetter && hasDiff ? kept.join('\n').replace(/^\n+/, '') : patch;
}
