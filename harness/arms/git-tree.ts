import { stat } from 'node:fs/promises';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';
import { git } from './git.ts';
import { isOverlayPackage, OVERLAY_PACKAGES, type OverlayPackage } from './packages.ts';

/** A package at a commit of a local clone. */
export interface GitTree {
  readonly package: OverlayPackage;
  /** Full object name. */
  readonly commit: string;
  /** Contents by path, with `/`, the package's own name first. */
  readonly files: ReadonlyMap<string, Buffer>;
}

const MODE_FILES = new Set(['100644', '100755']);

function isPlainName(part: string): boolean {
  return /^[\w.+@ -]+$/.test(part) && !/^\.{1,2}$/.test(part);
}

interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  readonly path: string;
}

/** `git ls-tree -z`: mode, type, object, a tab, the path. */
function treeEntries(output: Buffer): TreeEntry[] {
  return output
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const [, mode, object, path] = /^(\d{6}) \w+ ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      return mode === undefined || object === undefined || path === undefined ? [] : [{ mode, object, path }];
    });
}

/** `git cat-file --batch`: a line with object, type and size, the contents, a line feed; for each. */
function batchContents(output: Buffer, count: number): Buffer[] {
  const contents: Buffer[] = [];
  let place = 0;
  while (contents.length < count) {
    const end = output.indexOf(0x0a, place);
    const size = Number(/ blob (\d+)$/.exec(output.subarray(place, end).toString('latin1'))?.[1]);
    if (end < 0 || !Number.isSafeInteger(size))
      throw new Error('git cat-file gave something else than blobs.');
    contents.push(output.subarray(end + 1, end + 1 + size));
    place = end + 1 + size + 1;
  }
  return contents;
}

/**
 * Read a package from a commit of a local clone. Nothing is checked out, fetched or run, so uncommitted changes are not
 * in the arm.
 *
 * @param path folder of the clone, or below it
 * @param revision whatever git takes for one commit: a branch, a tag, a hash, `HEAD~2`
 * @throws SoakError `bad-git-arm` if there is no clone, no such commit, or no package that an arm may change
 */
export async function readGitTree(path: string, revision: string): Promise<GitTree> {
  const shown = `git:${path}@${revision}`;
  const bad = (reason: string, remedy: string) =>
    new SoakError('bad-git-arm', `The arm ${shown} cannot be used: ${reason}`, { remedy });
  if (!(await stat(path).catch(() => null))?.isDirectory()) {
    throw bad(`there is no folder ${path}.`, 'Give the folder of a local clone.');
  }
  if (revision.startsWith('-') || /[\p{Cc}\s]/u.test(revision)) {
    throw bad(`${quoted(revision)} is not a revision.`, 'Give a branch, a tag or a commit.');
  }
  const inside = await git(path, ['rev-parse', '--git-dir']);
  if (inside.code !== 0) {
    const reason = /dubious ownership/.test(inside.stderr)
      ? 'git does not trust it, because it belongs to another user.'
      : `${path} is not a git clone.`;
    throw bad(reason, 'Clone the repository, and give the folder of the clone.');
  }
  const found = await git(path, [
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${revision}^{commit}`,
  ]);
  const commit = found.stdout.toString('utf8').trim();
  if (found.code !== 0 || !/^[0-9a-f]{40,64}$/.test(commit)) {
    const refs = await git(path, [
      'for-each-ref',
      '--count=8',
      '--sort=-committerdate',
      '--format=%(refname:short)',
    ]);
    const names = refs.stdout.toString('utf8').trim().split('\n').filter(Boolean).join(', ');
    throw bad(
      `the clone has no commit ${quoted(revision)}.`,
      `${names === '' ? 'It has no branch or tag.' : `Its newest branches and tags are ${names}.`} If the commit is not there, fetch it first.`,
    );
  }
  const top = treeEntries((await git(path, ['ls-tree', '-z', '--full-tree', commit])).stdout);
  const packages = top.map((entry) => entry.path).filter(isOverlayPackage);
  const [name, another] = packages;
  if (name === undefined || another !== undefined) {
    throw bad(
      name === undefined
        ? 'its repository has none of the packages that an arm may change.'
        : `its repository has several packages: ${packages.join(', ')}.`,
      `Give a clone of ${Object.values(OVERLAY_PACKAGES).join(', ')}.`,
    );
  }
  const listed = await git(path, ['ls-tree', '-r', '-z', '--full-tree', commit, '--', `${name}/`]);
  const entries = treeEntries(listed.stdout);
  const link = entries.find(({ mode, path: file }) => !MODE_FILES.has(mode) && file.endsWith('.py'));
  if (link !== undefined) throw bad(`${link.path} is a link, not a file.`, 'Choose a commit without it.');
  // A commit made by hand can name anything, and these names become paths.
  const strange = entries.find(({ path: file }) => !file.split('/').every(isPlainName));
  if (strange !== undefined) {
    throw bad(`${quoted(strange.path)} is not a plain path.`, 'Choose a commit without it.');
  }
  const wanted = entries.filter(({ mode }) => MODE_FILES.has(mode));
  const output = await git(path, ['cat-file', '--batch'], wanted.map(({ object }) => `${object}\n`).join(''));
  if (output.code !== 0)
    throw bad(`git could not read it: ${output.stderr.trim().slice(-300)}`, 'Run git fsck.');
  const contents = batchContents(output.stdout, wanted.length);
  const files = new Map(wanted.map((entry, index) => [entry.path, contents[index] ?? Buffer.alloc(0)]));
  if (!files.has(`${name}/__init__.py`)) {
    throw bad(`${name}/__init__.py is missing in that commit.`, 'Choose another commit.');
  }
  return { package: name, commit, files };
}
