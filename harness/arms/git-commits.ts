import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SoakError } from '../model/errors.ts';
import { git } from './git.ts';

// More commits than this mean a mistake in the ends, and to list them would take minutes.
const MOST_COMMITS = 2_000;

/** A commit of a clone's first-parent history. */
export interface Commit {
  /** Full, hexadecimal. */
  readonly hash: string;
  /** Hash short enough to read, unique in the clone. */
  readonly short: string;
}

async function commitOf(clone: string, flag: string, revision: string) {
  // A revision that begins with a dash would be an option.
  const result = revision.startsWith('-')
    ? null
    : await git(clone, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]);
  const hash = result?.stdout.toString('utf8').trim() ?? '';
  if (result?.code === 0 && /^[0-9a-f]{40,64}$/.test(hash)) return hash;
  throw new SoakError('unknown-revision', `${flag} ${revision} is not a commit of the clone ${clone}.`, {
    remedy: 'Give a tag, a branch or a hash that `git log` shows there. If it is newer, fetch it first.',
  });
}

/**
 * The commits from one to another along first parents, both included, oldest first: what was merged, in order.
 *
 * @throws SoakError `bad-clone`, `unknown-revision`, `bad-option` when one does not lead to the other, `git-missing`
 */
export async function commitsBetween(
  path: string,
  from: { readonly flag: string; readonly revision: string },
  to: { readonly flag: string; readonly revision: string },
): Promise<Commit[]> {
  const clone = resolve(path);
  const isClone = await stat(join(clone, '.git')).then(
    () => true,
    () => false,
  );
  if (!isClone) {
    throw new SoakError('bad-clone', `--clone ${path} is not a git clone.`, {
      remedy: 'Give the folder of a local clone, the one with .git in it.',
    });
  }
  const [first, last] = [
    await commitOf(clone, from.flag, from.revision),
    await commitOf(clone, to.flag, to.revision),
  ];
  const listed = await git(clone, [
    'log',
    '--first-parent',
    '--reverse',
    '--format=%H %h',
    '--abbrev=10',
    `${first}..${last}`,
  ]);
  const ancestor = await git(clone, ['merge-base', '--is-ancestor', first, last]);
  const commits = listed.stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Commit => {
      const [hash = '', short = ''] = line.split(' ');
      return { hash, short };
    });
  if (ancestor.code !== 0 || listed.code !== 0 || commits.length === 0) {
    throw new SoakError(
      'bad-option',
      `${from.flag} ${from.revision} does not lead to ${to.flag} ${to.revision} in ${path}.`,
      { remedy: 'Give two commits of one branch, the ancestor as the earlier one.' },
    );
  }
  if (commits.length > MOST_COMMITS) {
    throw new SoakError(
      'bad-option',
      `There are ${commits.length} commits from ${from.revision} to ${to.revision}, too many for a bisect.`,
      {
        remedy: `Bisect releases first, then the commits between two of them (${MOST_COMMITS} at most).`,
      },
    );
  }
  return [{ hash: first, short: first.slice(0, 10) }, ...commits];
}
