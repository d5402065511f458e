import { describe, expect, test } from 'vitest';
import { pythonCandidates, pythonRemedy, venvPython, venvRemedy } from './platform.ts';

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

test('remedies name what each platform has', () => {
  expect(pythonRemedy('win32')).toContain('winget');
  expect(pythonRemedy('darwin')).toContain('brew');
  expect(pythonRemedy('linux')).toContain('apt install python3 python3-venv');
  expect(venvRemedy('3.11', 'linux')).toContain('apt install python3.11-venv');
  expect(venvRemedy('3.11', 'win32')).not.toContain('apt');
  expect(venvRemedy('3.11', 'darwin')).not.toContain('apt');
});
