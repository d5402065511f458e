import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import {
  looksLikeRequirement,
  normalisedRequirement,
  pythonOf,
  wantedEnvironment,
} from './arm-environment.ts';

describe('a requirement', () => {
  test.each([
    ['ipykernel==7.4.0', 'ipykernel==7.4.0'],
    [' Jupyter_Client >= 8 , < 9 ', 'jupyter-client<9,>=8'],
    ['pyzmq==26.*', 'pyzmq==26.*'],
    ['a.b[X_y, b]~=1.2', 'a-b[b,x-y]~=1.2'],
    ['numpy', 'numpy'],
    ['ipykernel==7.0.0a2', 'ipykernel==7.0.0a2'],
  ])('%j is %j', (text, normalised) => {
    expect(normalisedRequirement(text)).toBe(normalised);
  });

  test.each<[string, RegExp]>([
    ['-r other.txt', /option of the installer/],
    ['--index-url=x', /option of the installer/],
    ['-e .', /option of the installer/],
    ['ipykernel==7.4.0 --index-url x', /option of the installer follows/],
    ['ipykernel==7.4.0 --hash=sha256:0', /option of the installer follows/],
    ['ipykernel==7.4.0\n--index-url x', /line break/],
    ['ipykernel==7.4.0\r-r x', /line break/],
    ['ipykernel @ file:///tmp/x.whl', /address or a file/],
    ['ipykernel@git+ssh://x', /address or a file/],
    ['x @ ./y', /address or a file/],
    ['https://example.org/x.whl', /address or a file/],
    ['./x.whl', /address or a file/],
    ['C:\\x.whl', /address or a file/],
    ['x.tar.gz', /address or a file/],
    ['ipykernel==7.4.0 ; python_version<"4"', /marker/],
    ['ipykernel==', /version clause/],
    ['ipykernel==7.4.0 # comment', /version clause/],
    ['ipykernel=7.4.0', /version clause/],
    ['ipykernel>>7', /version clause/],
    ['ipykernel==$VERSION', /version clause/],
    ['ipykernel==`id`', /version clause/],
    ['ipykernel==7.4.0 pyzmq==26', /version clause/],
    ['x[-e]', /extras/],
    ['', /begin with the name/],
    ['[x]', /begin with the name/],
  ])('%j is refused', async (text, message) => {
    const error = await soakErrorOf(() => normalisedRequirement(text));
    expect(error.code).toBe('bad-requirement');
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
    expect(error.exitCode).toBe(2);
  });

  test('is told from a name, a folder and a Python, a bad one too', () => {
    for (const word of [
      'ipykernel==7.4.0',
      'x<2',
      'x @ y',
      '-r x',
      '--index-url=x',
      'https://a/b',
      './a.whl',
    ]) {
      expect(looksLikeRequirement(word), word).toBe(true);
    }
    for (const word of ['control', './my-arm', '../a==b', 'py3.13', 'C:\\arms\\mine', 'my-arm']) {
      expect(looksLikeRequirement(word), word).toBe(false);
    }
  });
});

test('a Python is a version of 3, and nothing else is one', () => {
  expect(['py3.13', 'python3.13', 'py3.13.1', 'py3.13t', 'PY3.9'].map(pythonOf)).toEqual([
    '3.13',
    '3.13',
    '3.13.1',
    '3.13t',
    '3.9',
  ]);
  for (const word of ['py', 'py3', 'py2.7', 'pyzmq', 'py3.13-x', 'pypy3.10'])
    expect(pythonOf(word)).toBeNull();
});

describe('an environment', () => {
  test('has its requirements in one order, so that the same wish has one key', () => {
    expect(wantedEnvironment(['b==2', 'A==1'], null)).toEqual(wantedEnvironment(['a==1', 'B==2'], null));
    expect(wantedEnvironment([], null)).toBeNull();
  });

  test('has each package once', async () => {
    const error = await soakErrorOf(() => wantedEnvironment(['pyzmq==26.0', 'PyZMQ<27'], null));
    expect(error.message).toContain('pyzmq is required twice');
  });
});
