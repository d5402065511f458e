import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { makeFolder } from './make-folder.ts';

test('a folder is made with those above it, or is there already, also for several at once', async () => {
  const folder = join(temporaryFolder(), 'a', 'b', 'c');
  await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(join(folder, 'd'))]);
  await makeFolder(folder);
  expect(statSync(join(folder, 'd')).isDirectory()).toBe(true);
});

test('what is no folder on the way is said', async () => {
  const base = temporaryFolder();
  writeFileSync(join(base, 'file'), '');
  await expect(makeFolder(join(base, 'file', 'below'))).rejects.toThrow(/ENOTDIR/);
  const error = await soakErrorOf(() => assertWritable(join(base, 'file', 'below')));
  expect(error).toMatchObject({ code: 'cannot-write', exitCode: 4 });
});

test.skipIf(process.platform !== 'linux')(
  'a folder that no file system takes is refused at once: a recursive mkdir tries for ever below /proc',
  async () => {
    const before = performance.now();
    await expect(makeFolder('/proc/no-such/report')).rejects.toThrow(/ENOENT/);
    const error = await soakErrorOf(() => assertWritable('/proc/no-such/report'));
    expect(error).toMatchObject({ code: 'cannot-write', exitCode: 4 });
    expect(error.remedy).toContain('--out');
    expect(performance.now() - before).toBeLessThan(5_000);
  },
);

test('nothing is left where a folder could be made', async () => {
  const base = temporaryFolder();
  mkdirSync(join(base, 'there'));
  await assertWritable(join(base, 'there', 'report', 'below'));
  await assertWritable(join(base, 'there'));
  expect(readdirSync(base)).toEqual(['there']);
  expect(readdirSync(join(base, 'there'))).toEqual([]);
});
