import { describe, expect, test } from 'vitest';
import { GitClone } from '../../tools/testing/git-clone.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { commitsBetween } from './git-commits.ts';

const end = (flag: string, revision: string) => ({ flag, revision });

describe('the commits of a clone', () => {
  const clone = new GitClone();
  const hashes = ['1', '2', '3'].map((text) => clone.commit({ 'ipykernel/__init__.py': text }));

  test('from one to another, both included, oldest first', async () => {
    const commits = await commitsBetween(
      clone.folder,
      end('--good', hashes[0] as string),
      end('--bad', 'main'),
    );
    expect(commits.map(({ hash }) => hash)).toEqual(hashes);
    for (const { hash, short } of commits) expect(hash.startsWith(short)).toBe(true);
  });

  test.each<[string, string, string, RegExp]>([
    ['backwards', 'main', 'first', /does not lead to/],
    ['to one that is not there', 'first', 'nowhere', /--bad nowhere is not a commit/],
    ['to an option', 'first', '--all', /is not a commit/],
  ])('%s are refused', async (_what, from, to, message) => {
    const named = (name: string) => (name === 'first' ? (hashes[0] as string) : name);
    const error = await soakErrorOf(() =>
      commitsBetween(clone.folder, end('--good', named(from)), end('--bad', named(to))),
    );
    expect(error.message).toMatch(message);
  });

  test('of a folder that is no clone are refused', async () => {
    const error = await soakErrorOf(() =>
      commitsBetween(temporaryFolder(), end('--good', 'a'), end('--bad', 'b')),
    );
    expect(error.code).toBe('bad-clone');
  });
});
