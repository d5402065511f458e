import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refusedStart } from '../testing/only-small-processes.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { slownessIn, testFiles } from './fast-tests.ts';

const FILES: Readonly<Record<string, string>> = {
  'harness/kernel/launch.ts': "import { spawn } from 'node:child_process';",
  'harness/run/one-run.ts': "import { launch } from '../kernel/launch.ts';",
  'tools/testing/made-kernel.ts': "import { launch } from '../../harness/kernel/launch.ts';",
  'tools/testing/by-way-of.ts': "export * from './made-kernel.ts';",
};

function isSlow(text: string): boolean {
  const root = temporaryFolder();
  const test = 'harness/run/a.test.ts';
  for (const [path, content] of Object.entries({ ...FILES, [test]: text })) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return slownessIn(root)(test);
}

describe('a test is slow that imports', () => {
  test.each([
    ['what starts kernels', "import { launch } from '../kernel/launch.ts';"],
    ['a helper that does', "import { kernel } from '../../tools/testing/made-kernel.ts';"],
    ['a helper of such a helper', "import { kernel } from '../../tools/testing/by-way-of.ts';"],
    ['it later', "const { kernel } = await import('../../tools/testing/made-kernel.ts');"],
    ['a browser', "import { chromium } from 'playwright-core';"],
  ])('%s', (_what, text) => {
    expect(isSlow(text)).toBe(true);
  });
});

describe('a test is fast that imports', () => {
  test.each([
    ['a type alone', "import type { Kernel } from '../kernel/launch.ts';"],
    ['a part of the product that reaches kernels', "import { bound } from './one-run.ts';"],
    ['what starts a small process', "import { spawn } from 'node:child_process';"],
  ])('%s', (_what, text) => {
    expect(isSlow(text)).toBe(false);
  });
});

test('the tests of this repository are split by it', () => {
  const isSlowHere = slownessIn();
  const slow = testFiles().filter(isSlowHere);
  expect(slow).toEqual(
    expect.arrayContaining([
      'harness/commands/run.test.ts',
      'harness/kernel/launch.test.ts',
      'harness/report/page.test.ts',
      'harness/run/provoked-outcomes.test.ts',
      'tools/suites/exit-codes.test.ts',
    ]),
  );
  expect(slow.filter((file) => /^harness\/(stats|oracle|planning|history)\//.test(file))).toEqual([
    'harness/oracle/parked-frames.test.ts',
  ]);
});

test.each([
  [['python3', '-c', 'pass'], 'python3'],
  [['/venv/bin/python', '-m', 'ipykernel'], 'python'],
  [['/usr/bin/node', '/repository/dist/cli.js', 'run'], 'the command'],
  [['/usr/bin/node', 'a.fixture.ts'], null],
  [['git', 'status'], null],
])('of %j a fast test may not start: %s', (args, refused) => {
  expect(refusedStart(args)).toBe(refused);
});

test('a fast test that starts Python fails', () => {
  expect(() => spawn('python3', ['-c', 'pass'])).toThrow(/A fast test starts python3/);
  expect(() => spawnSync('python3', ['-c', 'pass'])).toThrow(/A fast test starts python3/);
});
