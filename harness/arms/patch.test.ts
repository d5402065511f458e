import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { patchedFiles } from './patch.ts';

const SOURCE = Array.from({ length: 40 }, (_, index) => `line_${index + 1} = ${index + 1}\n`).join('');
const INSTALLED: Record<string, string> = {
  'ipykernel/a.py': SOURCE,
  'ipykernel/comm/b.py': 'one = 1\ntwo = 2\n',
  'ipykernel/crlf.py': 'one = 1\r\ntwo = 2\r\n',
  'ipykernel/data.json': '{}\n',
  'ipykernel/no_newline.py': 'one = 1',
};

function applied(patch: string) {
  return patchedFiles(
    patch,
    'ipykernel',
    '7.3.0',
    (path) => Promise.resolve(INSTALLED[path] ?? null),
    'the patch of the arm mine',
  );
}

/** A change of one line, with a line of context on each side where there is one. */
function hunk(line: number, was = `line_${line} = ${line}`, is = `line_${line} = 0`): string {
  return `@@ -${line - 1},3 +${line - 1},3 @@\n line_${line - 1} = ${line - 1}\n-${was}\n+${is}\n line_${line + 1} = ${line + 1}\n`;
}

const header = (path: string, old = path) => `--- a/${old}\n+++ b/${path}\n`;
const ONE_HUNK = header('ipykernel/a.py') + hunk(10);

describe('a patch that fits', () => {
  test('changes what it says and nothing else', async () => {
    const files = await applied(ONE_HUNK);
    expect([...files]).toEqual([['ipykernel/a.py', SOURCE.replace('line_10 = 10\n', 'line_10 = 0\n')]]);
  });

  test('may have names with or without a/ and b/, and times after them', async () => {
    const plain = `--- ipykernel/a.py\t2025-01-01 00:00:00\n+++ ipykernel/a.py\t2025-01-02 00:00:00\n${hunk(10)}`;
    expect(await applied(plain)).toEqual(await applied(ONE_HUNK));
    const git = `From 0123 Mon Sep 17\nSubject: a mail\n\ndiff --git a/ipykernel/a.py b/ipykernel/a.py\nindex 1..2 100644\n${ONE_HUNK}`;
    expect(await applied(git)).toEqual(await applied(ONE_HUNK));
  });

  test('may be in several hunks and files, and add files', async () => {
    const files = await applied(
      `${header('ipykernel/a.py')}${hunk(10)}${hunk(30)}${header('ipykernel/comm/b.py')}@@ -1,2 +1,2 @@\n one = 1\n-two = 2\n+two = 3\n--- /dev/null\n+++ b/ipykernel/new/c.py\n@@ -0,0 +1,1 @@\n+x = 1\n`,
    );
    expect(Object.fromEntries(files)).toEqual({
      'ipykernel/a.py': SOURCE.replace('line_10 = 10\n', 'line_10 = 0\n').replace(
        'line_30 = 30',
        'line_30 = 0',
      ),
      'ipykernel/comm/b.py': 'one = 1\ntwo = 3\n',
      'ipykernel/new/c.py': 'x = 1\n',
    });
  });

  test('may change one file in two sections', async () => {
    const files = await applied(ONE_HUNK + header('ipykernel/a.py') + hunk(30));
    expect(files.get('ipykernel/a.py')).toContain('line_10 = 0\n');
    expect(files.get('ipykernel/a.py')).toContain('line_30 = 0\n');
  });

  test('may have lines moved by another release', async () => {
    const moved = ONE_HUNK.replace('@@ -9,3 +9,3 @@', '@@ -14,3 +14,3 @@');
    expect(await applied(moved)).toEqual(await applied(ONE_HUNK));
  });

  test('may come with CRLF for sources with LF, and the other way round', async () => {
    expect(await applied(ONE_HUNK.replaceAll('\n', '\r\n'))).toEqual(await applied(ONE_HUNK));
    const lf = `${header('ipykernel/crlf.py')}@@ -1,2 +1,2 @@\n one = 1\n-two = 2\n+two = 3\n`;
    expect((await applied(lf)).get('ipykernel/crlf.py')).toBe('one = 1\r\ntwo = 3\r\n');
  });

  test('may add the newline that a file lacks at its end', async () => {
    const patch = `${header('ipykernel/no_newline.py')}@@ -1 +1,2 @@\n-one = 1\n\\ No newline at end of file\n+one = 1\n+two = 2\n`;
    expect((await applied(patch)).get('ipykernel/no_newline.py')).toBe('one = 1\ntwo = 2\n');
  });
});

describe('a patch that does not fit', () => {
  test('names the hunk, the file and the version', async () => {
    const error = await soakErrorOf(() =>
      applied(`${header('ipykernel/a.py')}${hunk(10)}${hunk(20, 'line_20 = 21')}${hunk(30)}`),
    );
    expect(error.code).toBe('patch-does-not-apply');
    expect(error.message).toContain('hunk 2 of 3 of ipykernel/a.py (@@ -19,3 +19,3 @@)');
    expect(error.message).toContain('ipykernel 7.3.0');
    expect(error.message).toMatch(/^The patch of the arm mine /);
  });

  test('is not bent until it fits: one wrong context line is enough', async () => {
    const error = await soakErrorOf(() => applied(ONE_HUNK.replace(' line_9 = 9', ' line_9 = 8')));
    expect(error.message).toContain('hunk 1 of 1');
  });

  test.each([
    ['a file that is not there', header('ipykernel/absent.py') + hunk(10), /no file ipykernel\/absent\.py/],
    [
      'a new file that is there already',
      '--- /dev/null\n+++ b/ipykernel/a.py\n@@ -0,0 +1,1 @@\n+x = 1\n',
      /adds ipykernel\/a\.py, which already exists/,
    ],
  ])('%s', async (_what, patch, message) => {
    const error = await soakErrorOf(() => applied(patch));
    expect(error.code).toBe('patch-does-not-apply');
    expect(error.message).toMatch(message);
  });
});

describe('a patch that is refused whatever is installed', () => {
  const change = '@@ -1,2 +1,2 @@\n one = 1\n-two = 2\n+two = 3\n';
  const added = '@@ -0,0 +1,1 @@\n+x = 1\n';

  test.each([
    '../ipykernel/a.py',
    'ipykernel/../../evil.py',
    'ipykernel/../zmq/sugar.py',
    '/ipykernel/a.py',
    '/etc/cron.d/evil.py',
    'zmq/sugar.py',
    'ipykernel.py',
    'ipykernel',
    'ipykernel/',
    'ipykernel//a.py',
    'ipykernel/./a.py',
    'ipykernel\\..\\..\\evil.py',
    'C:\\ipykernel\\a.py',
    'ipykernel/C:evil.py',
    'ipykernel/a.py:stream.py',
    'ipykernel/a\u0000.py',
    'ipykernel/data.json',
    'ipykernel/evil.so',
  ])('touches %j', async (path) => {
    for (const patch of [
      `--- a/${path}\n+++ b/${path}\n${change}`,
      `--- ${path}\n+++ ${path}\n${change}`,
      `--- /dev/null\n+++ b/${path}\n${added}`,
    ]) {
      const error = await soakErrorOf(() => applied(patch));
      expect(error.code).toBe('bad-patch');
      expect(error.message).toMatch(/touches|makes|not a unified diff/);
    }
  });

  test.each([
    [
      'deletes a file',
      '--- a/ipykernel/comm/b.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one = 1\n-two = 2\n',
      /deletes "a\/ipykernel\/comm\/b\.py"/,
    ],
    [
      'deletes an empty file beside a change',
      `${ONE_HUNK}diff --git a/ipykernel/e.py b/ipykernel/e.py\ndeleted file mode 100644\nindex e69de29..0000000\n`,
      /deletes/,
    ],
    [
      'renames and changes a file',
      `${header('ipykernel/c.py', 'ipykernel/comm/b.py')}${change}`,
      /out of "a\/ipykernel\/comm\/b\.py"/,
    ],
    [
      'takes a file from elsewhere',
      `--- a/zmq/b.py\n+++ b/ipykernel/comm/b.py\n${change}`,
      /out of "a\/zmq\/b\.py"/,
    ],
    [
      'renames a file beside a change',
      `${ONE_HUNK}diff --git a/ipykernel/c.py b/ipykernel/d.py\nsimilarity index 100%\nrename from ipykernel/c.py\nrename to ipykernel/d.py\n`,
      /out of/,
    ],
    [
      'changes a mode',
      `${ONE_HUNK}diff --git a/ipykernel/c.py b/ipykernel/c.py\nold mode 100644\nnew mode 100755\n`,
      /changes no line of "b\/ipykernel\/c\.py"/,
    ],
    ['is empty', '', /changes nothing/],
    ['is prose', 'please apply the fix\n', /changes nothing/],
    ['is cut short', ONE_HUNK.slice(0, -30), /not a unified diff/],
  ])('%s', async (_what, patch, message) => {
    const error = await soakErrorOf(() => applied(patch));
    expect(error.code).toBe('bad-patch');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^The patch of the arm mine /);
  });
});

describe('a repository’s diff', () => {
  const beside = (path: string) => path.startsWith('tests/');

  test('is applied without what is left out', async () => {
    const files = await patchedFiles(
      `${header('tests/x.py')}${hunk(10)}${ONE_HUNK}--- a/tests/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n`,
      'ipykernel',
      '7.3.0',
      (path) => Promise.resolve(INSTALLED[path] ?? null),
      'the patch of the arm mine',
      beside,
    );
    expect([...files.keys()]).toEqual(['ipykernel/a.py']);
  });

  test('cannot make a link, by whatever name', async () => {
    const link =
      'diff --git a/ipykernel/l.py b/ipykernel/l.py\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/ipykernel/l.py\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n';
    const error = await soakErrorOf(() => applied(link));
    expect(error.code).toBe('bad-patch');
    expect(error.message).toMatch(/symbolic link/);
  });
});
