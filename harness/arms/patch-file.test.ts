import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { isBesidePackage, patchName, readPatchFile } from './patch-file.ts';

const change = (path: string, from = `a/${path}`, to = `b/${path}`) =>
  `diff --git a/${path} b/${path}\n--- ${from}\n+++ ${to}\n@@ -1 +1 @@\n-a = 1\n+a = 2\n`;

function read(text: string) {
  const path = join(temporaryFolder(), 'my-change.diff');
  writeFileSync(path, text);
  return readPatchFile(path);
}

describe('a diff of a repository', () => {
  test('is of its package, and leaves out tests and documents', async () => {
    const text =
      change('ipykernel/kernelbase.py') +
      change('tests/test_kernel.py') +
      change('ipykernel/tests/test_old.py') +
      change('docs/changelog.rst') +
      change('CHANGELOG.md') +
      change('.github/workflows/ci.yml') +
      change('pyproject.toml');
    expect(await read(text)).toEqual({
      text,
      package: 'ipykernel',
      leftOut: [
        'tests/test_kernel.py',
        'ipykernel/tests/test_old.py',
        'docs/changelog.rst',
        'CHANGELOG.md',
        '.github/workflows/ci.yml',
        'pyproject.toml',
      ],
    });
  });

  test.each(['jupyter_client', 'IPython', 'zmq'])('may be of %s', async (name) => {
    expect((await read(change(`${name}/x.py`))).package).toBe(name);
  });

  test.each<[string, string, RegExp]>([
    ['leads out', change('ipykernel/../../x.py'), /writes outside the package/],
    ['leads out of what is left out', change('tests/../../x.py'), /writes outside the package/],
    [
      'is absolute',
      change('x', 'a//etc/passwd', 'b//etc/passwd'),
      /writes outside the package: "\/etc\/passwd"/,
    ],
    ['is absolute on Windows', change('x', 'C:/x.py', 'C:/x.py'), /writes outside the package/],
    [
      'leads out on Windows',
      change('x', 'ipykernel\\..\\..\\x.py', 'ipykernel\\..\\..\\x.py'),
      /writes outside/,
    ],
    ['is of another package', change('os.py'), /touches "os\.py", which belongs to no package/],
    ['is of another package too', change('ipykernel/a.py') + change('tornado/web.py'), /"tornado\/web\.py"/],
    ['is of two packages', change('ipykernel/a.py') + change('zmq/b.py'), /two packages, ipykernel and zmq/],
    ['is of tests alone', change('tests/a.py'), /touches no package/],
    ['is no diff', 'hello\n', /changes nothing/],
    [
      'is a torn diff',
      change('ipykernel/a.py').replace('@@ -1 +1 @@', '@@ -1,9 +1,9 @@'),
      /not a unified diff/,
    ],
  ])('is refused where a path %s', async (_what, text, message) => {
    const error = await soakErrorOf(() => read(text));
    expect(error.code).toBe('bad-patch');
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
  });

  test('that is not there', async () => {
    const error = await soakErrorOf(() => readPatchFile(join(temporaryFolder(), 'absent.diff')));
    expect(error.message).toMatch(/cannot be read/);
  });
});

test('what a kernel loads is never beside a package', () => {
  for (const path of [
    'ipykernel/a.py',
    'ipykernel/testing.py',
    'ipykernel/docs/a.py',
    'x.py',
    'tests/../ipykernel/a.py',
  ]) {
    expect(isBesidePackage(path), path).toBe(false);
  }
});

test('the name of a patch is its file’s', () => {
  expect(['../a/my-change.diff', 'C:\\a\\x.y.patch', 'pr-1529.DIFF'].map(patchName)).toEqual([
    'my-change',
    'x.y',
    'pr-1529',
  ]);
});
