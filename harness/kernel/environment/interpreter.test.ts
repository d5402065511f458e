import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findInterpreter, interpreterOfEnvironment } from './interpreter.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'interpreter-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const OLD = `echo '{"kernelSoak":1,"version":"3.8.18","major":3,"minor":8,"implementation":"cpython","platform":"linux-x86_64","freeThreaded":false,"executable":"/opt/old/python3","base":"/opt/old/python3.8","ensurepip":true}'`;

test('the first Python on PATH is found, past shims', async () => {
  const interpreter = await findInterpreter(undefined);
  expect(interpreter.major).toBe(3);
  expect(isAbsolute(interpreter.executable)).toBe(true);
  expect(isAbsolute(interpreter.base)).toBe(true);
});

test('a version is found where that interpreter is, and must be that version', async () => {
  const { version, major, minor } = await findInterpreter(undefined);
  expect((await findInterpreter(version)).version).toBe(version);
  const found = await findInterpreter(`${major}.${minor}`);
  expect([found.major, found.minor]).toEqual([major, minor]);
});

test('a version that is not here names those that are', async () => {
  const { version } = await findInterpreter(undefined);
  await expect(findInterpreter('3.99')).rejects.toMatchObject({
    code: 'python-missing',
    exitCode: 4,
    message: expect.stringContaining(version),
  });
});

// The stand-ins are shell scripts; Windows starts none.
describe.skipIf(process.platform === 'win32')('what cannot be used says why', () => {
  test('Python that is too old: found version and path', async () => {
    const python = await program('old-python', OLD);
    await expect(findInterpreter(python)).rejects.toMatchObject({
      code: 'python-too-old',
      exitCode: 4,
      message: expect.stringMatching(/3\.8\.18 \(\/opt\/old\/python3\).*3\.10 or later/),
    });
  });

  test('a newer one further along is taken before an old one is complained of', async () => {
    await program('python3', OLD);
    const real = await findInterpreter(undefined);
    await program('python', `exec "${real.executable}" "$@"`);
    vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
    try {
      expect((await findInterpreter(undefined)).version).toBe(real.version);
      await rm(join(folder, 'python'));
      await program('python', 'exit 9');
      await expect(findInterpreter(undefined)).rejects.toMatchObject({ code: 'python-too-old' });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('no Python on PATH at all', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    vi.stubEnv('PATH', empty);
    try {
      await expect(findInterpreter(undefined)).rejects.toMatchObject({
        code: 'python-missing',
        remedy: expect.stringContaining('--python'),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('a program that is not Python', async () => {
    await expect(findInterpreter(process.execPath)).rejects.toMatchObject({ code: 'python-not-usable' });
    const chatty = await program('chatty', 'echo hello');
    await expect(findInterpreter(chatty)).rejects.toMatchObject({
      code: 'python-not-usable',
      message: expect.stringContaining('did not answer as Python does'),
    });
  });

  test('a file that is not executable', async () => {
    const path = join(folder, 'plain.txt');
    await writeFile(path, '');
    await expect(findInterpreter(path)).rejects.toMatchObject({
      code: 'python-not-usable',
      message: expect.stringContaining('not executable'),
    });
  });

  test('a path where nothing is, and a folder without an environment', async () => {
    await expect(findInterpreter(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'python-missing' });
    await expect(interpreterOfEnvironment(folder)).rejects.toMatchObject({
      code: 'python-missing',
      message: expect.stringContaining('--env'),
    });
  });
});

test('a file json.py in the working folder is not run', async () => {
  const real = await findInterpreter(undefined);
  await writeFile(join(folder, 'json.py'), 'raise SystemExit(7)');
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect((await findInterpreter(real.executable)).version).toBe(real.version);
  } finally {
    process.chdir(before);
  }
});
