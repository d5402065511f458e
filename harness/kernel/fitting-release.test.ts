import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { loadArmSpec } from '../arms/arm-spec.ts';
import { readArmSources } from './arm-sources.ts';
import { isUnfit, type ReleaseReader, unfitError } from './fitting-release.ts';

const DIFF =
  '--- a/ipykernel/control.py\n+++ b/ipykernel/control.py\n@@ -1 +1 @@\n-made on main\n+made on main, patched\n';

/** A package whose releases have these texts in control.py. */
function releases(texts: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  for (const [version, text] of Object.entries(texts)) {
    mkdirSync(join(folder, version, 'ipykernel'), { recursive: true });
    writeFileSync(join(folder, version, 'ipykernel', 'control.py'), text);
  }
  const read: string[] = [];
  const reader: ReleaseReader = {
    list: () => Promise.resolve(Object.keys(texts)),
    folderOf: (_name, version) => {
      read.push(version);
      return Promise.resolve(join(folder, version));
    },
  };
  return { folder, reader, read };
}

/** The error of `--try`, whose first unfit arm is its sham. */
async function errorOf(texts: Readonly<Record<string, string>>, installed: string, beside = '') {
  const { folder, reader, read } = releases(texts);
  const patch = join(temporaryFolder(), 'my-change.diff');
  writeFileSync(patch, DIFF);
  const sham = await loadArmSpec(`sham=inert:${patch}${beside}`);
  const packages = new Map([
    ['ipykernel' as const, { folder: join(folder, installed, 'ipykernel'), version: installed }],
  ]);
  const error = await soakErrorOf(() => readArmSources(sham, packages));
  expect(isUnfit(sham, error)).toBe(true);
  return { error, better: await unfitError(sham, error, reader), read, patch };
}

test('a diff that does not fit is blamed itself, and the newest release that it fits is named, to be pasted', async () => {
  const texts = {
    '7.2.0': 'old\n',
    '7.3.0': 'made on main\n',
    '7.4.0': 'made on main\n',
    '7.5.0': 'newer\n',
  };
  const { error, better, read, patch } = await errorOf(texts, '7.2.0');
  expect(error.message).toMatch(
    /^The diff my-change\.diff does not apply to ipykernel 7\.2\.0: hunk 1 of 1 /,
  );
  expect(better.message).toBe(error.message);
  expect(better.message).not.toContain('sham');
  expect(better.remedy).toBe(`It fits ipykernel 7.4.0. Try it there: --try '${patch} + ipykernel==7.4.0'.`);
  expect(read).toEqual(['7.5.0', '7.4.0']);
});

test('what stands beside the diff stays, but for the release of its package', async () => {
  const texts = { '7.2.0': 'old\n', '7.4.0': 'made on main\n' };
  const { better, patch } = await errorOf(texts, '7.2.0', ' + ipykernel==7.2.0 + py3.12');
  expect(better.remedy).toContain(`--try '${patch} + py3.12 + ipykernel==7.4.0'.`);
});

test('a diff that fits no release is to be given as a commit', async () => {
  const { better } = await errorOf({ '7.2.0': 'old\n', '7.3.0': 'older\n' }, '7.2.0');
  expect(better.remedy).toBe(
    'It fits none of 2 releases either (7.2.0 to 7.3.0). If it was made in a clone, give the commit in place of the diff: --try git:PATH@BRANCH.',
  );
});

test('a release that cannot be read is passed over', async () => {
  const { error, patch } = await errorOf({ '7.2.0': 'old\n' }, '7.2.0');
  const { folder } = releases({ '7.4.0': 'made on main\n' });
  const reader: ReleaseReader = {
    list: () => Promise.resolve(['7.4.0', '7.5.0']),
    folderOf: (_name, version) =>
      version === '7.5.0' ? Promise.reject(new Error('no wheel')) : Promise.resolve(join(folder, version)),
  };
  expect((await unfitError(await loadArmSpec(patch), error, reader)).remedy).toMatch(
    /^It fits ipykernel 7\.4\.0\./,
  );
});

test('where no release can be read the error stays as it is', async () => {
  const { error, patch } = await errorOf({ '7.2.0': 'old\n' }, '7.2.0');
  const arm = await loadArmSpec(patch);
  const offline: ReleaseReader = {
    list: () => Promise.reject(new Error('no network')),
    folderOf: () => Promise.reject(new Error('no network')),
  };
  expect(await unfitError(arm, error, offline)).toBe(error);
});

test('the patch of an arm that ships is not looked for in other releases', async () => {
  const { error } = await errorOf({ '7.2.0': 'old\n' }, '7.2.0');
  expect(isUnfit(await loadArmSpec('fix'), error)).toBe(false);
});
