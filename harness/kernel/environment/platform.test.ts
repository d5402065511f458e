import { describe, expect, test } from 'vitest';
import {
  pyenvVersions,
  pythonCandidates,
  pythonRemedy,
  venvPython,
  venvRemedy,
  versionCandidates,
} from './platform.ts';

describe('the interpreter of a virtual environment', () => {
  test('is Scripts\\python.exe on Windows', () => {
    expect(venvPython('C:\\cache\\env', 'win32')).toBe('C:\\cache\\env\\Scripts\\python.exe');
  });
  test.each(['darwin', 'linux', 'freebsd'] as const)('is bin/python on %s', (platform) => {
    expect(venvPython('/cache/env', platform)).toBe('/cache/env/bin/python');
  });
});

describe('commands that may start Python', () => {
  test('begin with the launcher on Windows', () => {
    expect(pythonCandidates('win32')).toEqual([['py', '-3'], ['python']]);
  });
  test.each(['darwin', 'linux'] as const)('begin with python3 on %s', (platform) => {
    expect(pythonCandidates(platform)).toEqual([['python3'], ['python']]);
  });
});

describe('commands that may start a version', () => {
  test('begin with the launcher on Windows', () => {
    expect(versionCandidates('3.13.1', 'win32')[0]).toEqual(['py', '-3.13']);
  });
  test.each(['darwin', 'linux'] as const)('begin with its own name on %s', (platform) => {
    expect(versionCandidates('3.13', platform)[0]).toEqual(['python3.13']);
    expect(versionCandidates('3.13.1', platform)[0]).toEqual(['python3.13']);
    expect(versionCandidates('3.13t', platform)[0]).toEqual(['python3.13t']);
  });
});

describe('the interpreters of pyenv', () => {
  test('are python.exe below pyenv-win on Windows', () => {
    const { folder, interpreterOf } = pyenvVersions({}, 'C:\\Users\\a', 'win32');
    expect(folder).toBe('C:\\Users\\a\\.pyenv\\pyenv-win\\versions');
    expect(interpreterOf('3.13.0')).toBe(`${folder}\\3.13.0\\python.exe`);
  });
  test.each(['darwin', 'linux'] as const)('are bin/python below PYENV_ROOT or home on %s', (platform) => {
    expect(pyenvVersions({}, '/home/a', platform).interpreterOf('3.13.0')).toBe(
      '/home/a/.pyenv/versions/3.13.0/bin/python',
    );
    expect(pyenvVersions({ PYENV_ROOT: '/opt/p' }, '/home/a', platform).folder).toBe('/opt/p/versions');
  });
});

test('remedies name what each platform has', () => {
  expect(pythonRemedy('win32')).toContain('winget');
  expect(pythonRemedy('darwin')).toContain('brew');
  expect(pythonRemedy('linux')).toContain('apt install python3 python3-venv');
  expect(venvRemedy('3.11', 'linux')).toContain('apt install python3.11-venv');
  expect(venvRemedy('3.11', 'win32')).not.toContain('apt');
  expect(venvRemedy('3.11', 'darwin')).not.toContain('apt');
});
