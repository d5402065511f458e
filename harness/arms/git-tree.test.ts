import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GitClone } from '../../tools/testing/git-clone.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readGitTree } from './git-tree.ts';

describe('a package of a clone', () => {
  const clone = new GitClone();
  const first = clone.commit({
    'ipykernel/__init__.py': 'one = 1\n',
    'ipykernel/comm/deep.py': 'x = "ä"\r\n',
    'ipykernel/data.bin': Buffer.from([0, 1, 10, 255]),
    'tests/test_x.py': '',
    'pyproject.toml': '',
  });
  const second = clone.commit({ 'ipykernel/__init__.py': 'two = 2\n', 'ipykernel/comm/deep.py': null });
  clone.git('tag', 'v2');

  test('is as the commit has it, to the byte, whatever the work tree has', async () => {
    writeFileSync(join(clone.folder, 'ipykernel', '__init__.py'), 'uncommitted = 3\n');
    const tree = await readGitTree(clone.folder, 'HEAD~1');
    clone.git('checkout', '--quiet', '--', '.');
    expect(tree).toMatchObject({ package: 'ipykernel', commit: first });
    expect(Object.fromEntries(tree.files)).toEqual({
      'ipykernel/__init__.py': Buffer.from('one = 1\n'),
      'ipykernel/comm/deep.py': Buffer.from('x = "ä"\r\n'),
      'ipykernel/data.bin': Buffer.from([0, 1, 10, 255]),
    });
  });

  test.each(['HEAD', 'main', 'v2', second, second.slice(0, 8), 'HEAD@{0}'])('by %s', async (revision) => {
    const tree = await readGitTree(clone.folder, revision);
    expect(tree.commit).toBe(second);
    expect([...tree.files.keys()]).toEqual(['ipykernel/__init__.py', 'ipykernel/data.bin']);
  });

  test('from below its top, and from a clone without a work tree', async () => {
    expect((await readGitTree(join(clone.folder, 'ipykernel'), 'HEAD')).commit).toBe(second);
    expect((await readGitTree(join(clone.folder, '.git'), 'HEAD')).commit).toBe(second);
  });

  test('whatever repository the environment points at', async () => {
    process.env['GIT_DIR'] = temporaryFolder();
    try {
      expect((await readGitTree(clone.folder, 'HEAD')).commit).toBe(second);
    } finally {
      delete process.env['GIT_DIR'];
    }
  });

  test.each<[string, RegExp]>([
    ['no-such-branch', /no commit "no-such-branch".*main/s],
    ['--output=x', /not a revision/],
    ['a b', /not a revision/],
    ['HEAD:pyproject.toml', /no commit/],
    ['', /no commit/],
  ])('not by %j', async (revision, message) => {
    const error = await soakErrorOf(() => readGitTree(clone.folder, revision));
    expect(error.code).toBe('bad-git-arm');
    expect(`${error.message} ${error.remedy}`).toMatch(message);
  });
});

describe('no package', () => {
  test('in a folder that is no clone, or is not there', async () => {
    const folder = temporaryFolder();
    expect((await soakErrorOf(() => readGitTree(folder, 'HEAD'))).message).toContain('not a git clone');
    rmSync(folder, { recursive: true });
    expect((await soakErrorOf(() => readGitTree(folder, 'HEAD'))).message).toContain('no folder');
  });

  test('in a repository of something else, or of several', async () => {
    const clone = new GitClone();
    clone.commit({ 'numpy/__init__.py': '' });
    expect((await soakErrorOf(() => readGitTree(clone.folder, 'HEAD'))).message).toMatch(
      /none of the packages/,
    );
    clone.commit({ 'zmq/__init__.py': '', 'ipykernel/__init__.py': '' });
    expect((await soakErrorOf(() => readGitTree(clone.folder, 'HEAD'))).message).toMatch(/several packages/);
  });

  test('whose modules are links', async () => {
    const clone = new GitClone();
    clone.commit({ 'ipykernel/__init__.py': '' });
    clone.link('ipykernel/passwd.py', '/etc/passwd');
    clone.commit({});
    const error = await soakErrorOf(() => readGitTree(clone.folder, 'HEAD'));
    expect(error.message).toMatch(/ipykernel\/passwd\.py is a link/);
  });

  test('whose paths were made to lead elsewhere', async () => {
    const clone = new GitClone();
    clone.commit({ 'ipykernel/__init__.py': '', 'ipykernel/a|b.py': '' });
    const error = await soakErrorOf(() => readGitTree(clone.folder, 'HEAD'));
    expect(error.message).toMatch(/"ipykernel\/a\|b\.py" is not a plain path/);
  });
});
