import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../../tools/testing/temporary-folder.ts';
import { packageRoot } from '../../model/package-root.ts';
import { installPackages } from './install.ts';
import { findInterpreter } from './interpreter.ts';
import { installation, lockText } from './requirements.ts';

/** Two small packages that every Python gets, as the lock has them. */
const HASH = / --hash=sha256:[0-9a-f]{64}/g;
const locked = installation(undefined, lockText()).requirements.split('\n');
const asttokens = locked.find((line) => line.startsWith('asttokens==')) ?? '';
const wcwidth = locked.find((line) => line.startsWith('wcwidth==')) ?? '';

const hasUv = (() => {
  try {
    execFileSync('uv', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const BEGUN = new Error('It has begun.');

/** What is said before the first package is fetched. */
async function said(requirements: readonly string[] | undefined): Promise<string> {
  const lines: string[] = [];
  const over = new AbortController();
  await installPackages({
    interpreter: await findInterpreter(undefined),
    installation: installation(requirements, lockText()),
    folder: join(temporaryFolder(), 'venv'),
    installer: 'pip',
    onProgress: (line) => {
      lines.push(line);
      over.abort(BEGUN);
    },
    signal: over.signal,
  }).catch((error: unknown) => {
    if (error !== BEGUN) throw error;
  });
  return lines.join('\n');
}

async function installed(installer: 'uv' | 'pip', requirements: string): Promise<void> {
  await installPackages({
    interpreter: await findInterpreter(undefined),
    installation: { requirements, constraints: '' },
    folder: join(temporaryFolder(), 'venv'),
    installer,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
}

describe.each([
  ['pip' as const, true],
  ['uv' as const, hasUv],
])('%s', (installer, isThere) => {
  const real = test.skipIf(!isThere);

  real('refuses another file under the same name, and names the package', async () => {
    const error = await soakErrorOf(() =>
      installed(installer, `${asttokens.replace(HASH, '')} --hash=sha256:${'0'.repeat(64)}\n`),
    );
    expect(error).toMatchObject({ code: 'package-altered', exitCode: 4 });
    expect(error.message).toMatch(/asttokens==/);
  });

  real('refuses a package that the lock has no hash of', async () => {
    const error = await soakErrorOf(() =>
      installed(installer, `${asttokens}\n${wcwidth.replace(HASH, '')}\n`),
    );
    expect(error).toMatchObject({ code: 'package-altered', exitCode: 4 });
    expect(error.message).toMatch(/wcwidth/);
  });
});

test('an environment with requirements of its own says that no hash is checked', async () => {
  expect(await said(['asttokens'])).toContain('no hash is checked');
  expect(await said(undefined)).not.toContain('no hash is checked');
});

test('package-lock.json has the integrity of every package, and no registry of somebody’s own', () => {
  const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8')) as {
    lockfileVersion: number;
    packages: Record<string, { integrity?: string; resolved?: string; link?: boolean }>;
  };
  expect(lock.lockfileVersion).toBe(3);
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(packages.length).toBeGreaterThan(100);
  for (const [path, { integrity, resolved, link }] of packages) {
    expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    expect([undefined, 'https://registry.npmjs.org'], path).toContain(
      resolved === undefined ? undefined : new URL(resolved).origin,
    );
    expect(link, path).toBeUndefined();
  }
});
