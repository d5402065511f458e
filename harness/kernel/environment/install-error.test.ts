import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../model/errors.ts';
import { installError, relevantLines } from './install-error.ts';
import type { Interpreter } from './interpreter.ts';

const interpreter: Interpreter = {
  version: '3.12.1',
  major: 3,
  minor: 12,
  implementation: 'cpython',
  platform: 'linux-x86_64',
  freeThreaded: false,
  executable: '/usr/bin/python3',
  base: '/usr/bin/python3.12',
  ensurepip: true,
};

function errorFrom(stderr: string, installer: 'uv' | 'pip' = 'pip', freeBytes: number | null = 1e12) {
  return installError(
    { code: 1, signal: null, stdout: '', stderr, spawnError: null, timedOut: false },
    { installer, step: `${installer} install`, interpreter, folder: '/cache/env', freeBytes },
  );
}

test.each([
  [
    'pip' as const,
    'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes. Otherwise, examine the package contents carefully; someone may have tampered with them.\n    six==1.17.0:\n        Expected sha256 0000\n             Got        4721',
  ],
  [
    'uv' as const,
    '  × Failed to download `six==1.17.0`\n  ╰─▶ Hash mismatch for `six==1.17.0`\n\n      Expected:\n        sha256:0000\n\n      Computed:\n        sha256:4721',
  ],
])('%s that was given another file than the lock names is package-altered', (installer, text) => {
  expect(errorFrom(text, installer)).toMatchObject({
    code: 'package-altered',
    exitCode: EXIT_CODES.environment,
  });
});

// Each text is what the installer printed when the situation was brought about.
describe('what an installer says', () => {
  test('pip without a network is no-network, although it ends with "no matching distribution"', () => {
    const error = errorFrom(
      [
        "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /six/",
        'ERROR: Could not find a version that satisfies the requirement six (from versions: none)',
        'ERROR: No matching distribution found for six',
      ].join('\n'),
    );
    expect(error.code).toBe('no-network');
    expect(error.exitCode).toBe(EXIT_CODES.environment);
    expect(error.remedy).toContain('first use needs the network');
    expect(error.message).toContain('No matching distribution found for six');
  });

  test('uv without a network is no-network', () => {
    const error = errorFrom(
      [
        'error: Request failed after 3 retries in 10.9s',
        '  cause: Failed to fetch: http://127.0.0.1:9/simple/six/',
        '  cause: error sending request for url (http://127.0.0.1:9/simple/six/)',
        '  cause: Connection refused (os error 111)',
      ].join('\n'),
      'uv',
    );
    expect(error.code).toBe('no-network');
    expect(error.remedy).toContain("does not read pip's");
  });

  test('a package without a fitting release names the Python', () => {
    expect(errorFrom('error: No solution found when resolving dependencies', 'uv').code).toBe(
      'package-not-found',
    );
    const error = errorFrom('ERROR: No matching distribution found for numpy==99');
    expect(error.code).toBe('package-not-found');
    expect(error.message).toContain('3.12.1');
  });

  test('a full disk is disk-full, also where the installer hides the reason', () => {
    const hidden = "Error: Command '[...ensurepip...]' returned non-zero exit status 1.";
    expect(errorFrom(hidden, 'pip', 4096).code).toBe('disk-full');
    expect(errorFrom(hidden, 'pip').code).toBe('installation');
    expect(errorFrom(hidden, 'pip', null).code).toBe('installation');
    expect(
      errorFrom('ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device')
        .code,
    ).toBe('disk-full');
  });

  test("Debian's venv without ensurepip names the package", () => {
    const error = errorFrom(
      'The virtual environment was not created successfully because ensurepip is not available.',
    );
    expect(error.code).toBe('venv-missing');
  });

  test('anything else is quoted', () => {
    const error = errorFrom('error: something new');
    expect(error.code).toBe('installation');
    expect(error.message).toContain('pip install ended with exit code 1');
    expect(error.message).toContain('error: something new');
  });
});

test('credentials in an address are not quoted', () => {
  expect(relevantLines('Looking in indexes: https://ada:secret@pypi.example/simple')).toBe(
    '  Looking in indexes: https://***@pypi.example/simple',
  );
});
