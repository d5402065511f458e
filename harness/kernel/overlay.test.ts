import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { installedIpykernel, testEnvironment } from '../../tools/testing/test-environment.ts';
import { type Arm, loadArm } from '../arms/arms.ts';
import { sha256 } from '../model/canonical.ts';
import { identityMismatch } from './identity.ts';
import { makeOverlay, type Overlay, type OverlayInputs } from './overlay.ts';
import { treeHash } from './source-files.ts';

let inputs: OverlayInputs;
let control: Arm;
let fix: Arm;

beforeAll(async () => {
  const environment = await testEnvironment();
  const { folder, version } = installedIpykernel(environment);
  inputs = {
    python: environment.python,
    packageFolder: folder,
    version,
    environmentKey: environment.key,
    cacheDir: '',
  };
  control = await loadArm('control');
  fix = await loadArm('fix');
});

beforeEach(() => {
  inputs = { ...inputs, cacheDir: temporaryFolder() };
});

/** Hash of each file below a folder; byte code aside where `withBytecode` is false. */
function contents(folder: string, withBytecode: boolean): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .split(sep)
          .join('/'),
      )
      .filter((path) => withBytecode || !path.includes('__pycache__'))
      .map((path) => [path, sha256(readFileSync(join(folder, path)))]),
  );
}

const overlayFolder = (overlay: Overlay): string => overlay.folder ?? 'none';
const armWith = (patch: string): Arm => ({ ...fix, name: 'mine', patch });
const hunk = (line: string) =>
  `--- a/ipykernel/_version.py\n+++ b/ipykernel/_version.py\n@@ -1,3 +1,4 @@\n${line}`;

describe('an overlay', () => {
  test('of control is the installed package, of fix that with three files changed; site-packages stay', async () => {
    const before = contents(inputs.packageFolder, true);
    const plain = await makeOverlay(control, inputs);
    const fixed = await makeOverlay(fix, inputs);
    expect(contents(inputs.packageFolder, true)).toEqual(before);
    const installed = contents(inputs.packageFolder, false);
    expect(contents(join(overlayFolder(plain), 'ipykernel'), false)).toEqual(installed);
    const changed = contents(join(overlayFolder(fixed), 'ipykernel'), false);
    expect(Object.keys(changed)).toEqual(Object.keys(installed));
    expect(
      Object.keys(changed)
        .filter((path) => changed[path] !== installed[path])
        .sort(),
    ).toEqual(['kernelapp.py', 'shellchannel.py', 'subshell_manager.py']);
    expect(plain.protocolArm).toMatchObject({ name: 'control', patchSha256: null, engagement: null });
    expect(fixed.protocolArm).toMatchObject({ name: 'fix', engagement: 'rearms', role: 'treatment' });
    expect(fixed.protocolArm.patchSha256).toBe(sha256(fix.patch ?? ''));
    expect(fixed.protocolArm.treeSha256).not.toBe(plain.protocolArm.treeSha256);
    expect(fixed.protocolArm.treeSha256).toBe(treeHash(fixed.sources));
  });

  test('has byte code for every source, by the source’s hash and checked by the interpreter', async () => {
    const folder = join(overlayFolder(await makeOverlay(fix, inputs)), 'ipykernel');
    const code = `
import importlib.util, json, pathlib, sys
def flags(source):
    pyc = pathlib.Path(importlib.util.cache_from_source(str(source))).read_bytes()
    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    return [int.from_bytes(pyc[4:8], "little"), pyc[8:16] == importlib.util.source_hash(source.read_bytes())]
print(json.dumps([flags(source) for source in pathlib.Path(sys.argv[1]).rglob("*.py")]))`;
    const flags = JSON.parse(execFileSync(inputs.python, ['-I', '-c', code, folder], { encoding: 'utf8' }));
    expect(flags.length).toBeGreaterThan(20);
    // 0b11: the hash is of the source, and it is to be checked (PEP 552).
    for (const flag of flags) expect(flag).toEqual([3, true]);
  });

  test('is found again and left as it is', async () => {
    const first = await makeOverlay(fix, inputs);
    const made = contents(overlayFolder(first), true);
    expect(await makeOverlay(fix, inputs)).toEqual(first);
    expect(contents(overlayFolder(first), true)).toEqual(made);
    expect(readdirSync(join(inputs.cacheDir, 'overlays'))).toHaveLength(1);
  });

  test('is one for two that make it at once', async () => {
    const made = await Promise.all(Array.from({ length: 3 }, () => makeOverlay(fix, inputs)));
    expect(new Set(made.map(({ folder }) => folder)).size).toBe(1);
    expect(readdirSync(join(inputs.cacheDir, 'overlays'))).toHaveLength(1);
    expect(await makeOverlay(fix, inputs)).toEqual(made[0]);
  });

  test('is another for another environment, so that one Python’s byte code never serves another', async () => {
    const one = await makeOverlay(control, inputs);
    const other = await makeOverlay(control, { ...inputs, environmentKey: 'other' });
    expect(other.folder).not.toBe(one.folder);
    expect(other.protocolArm).toEqual(one.protocolArm);
  });

  test.each<[string, (folder: string) => void]>([
    ['a source altered', (folder) => writeFileSync(join(folder, 'ipykernel', 'kernelapp.py'), 'x = 1\n')],
    ['a source gone', (folder) => rmSync(join(folder, 'ipykernel', 'shellchannel.py'))],
    ['a source added', (folder) => writeFileSync(join(folder, 'ipykernel', 'extra.py'), '')],
    ['byte code gone', (folder) => rmSync(join(folder, 'ipykernel', '__pycache__'), { recursive: true })],
    [
      'byte code altered behind its header',
      (folder) => {
        const cache = join(folder, 'ipykernel', '__pycache__');
        const name = readdirSync(cache).find((file) => file.startsWith('kernelapp.')) ?? '';
        const bytes = readFileSync(join(cache, name));
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        writeFileSync(join(cache, name), bytes);
      },
    ],
    ['its contents unlisted', (folder) => rmSync(join(folder, 'contents.json'))],
    [
      'nothing in it',
      (folder) => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
    ],
  ])('damaged in the cache, %s, is made anew, also by several at once', async (_what, damage) => {
    const first = await makeOverlay(control, inputs);
    const whole = contents(join(overlayFolder(first), 'ipykernel'), false);
    damage(overlayFolder(first));
    const again = await Promise.all([makeOverlay(control, inputs), makeOverlay(control, inputs)]);
    expect(again).toEqual([first, first]);
    expect(contents(join(overlayFolder(first), 'ipykernel'), false)).toEqual(whole);
    expect(existsSync(join(overlayFolder(first), 'ipykernel', '__pycache__'))).toBe(true);
    expect(readdirSync(join(inputs.cacheDir, 'overlays'))).toHaveLength(1);
  });

  test.skipIf(process.platform === 'win32')('never writes through links into what is installed', async () => {
    const site = temporaryFolder();
    cpSync(inputs.packageFolder, join(site, 'store'), { recursive: true });
    mkdirSync(join(site, 'ipykernel'));
    for (const [path] of Object.entries(contents(join(site, 'store'), false))) {
      mkdirSync(dirname(join(site, 'ipykernel', path)), { recursive: true });
      symlinkSync(join(site, 'store', path), join(site, 'ipykernel', path));
    }
    const before = contents(join(site, 'store'), false);
    const linked = await makeOverlay(fix, { ...inputs, packageFolder: join(site, 'ipykernel') });
    expect(contents(join(site, 'store'), false)).toEqual(before);
    expect(linked.protocolArm.treeSha256).toBe((await makeOverlay(fix, inputs)).protocolArm.treeSha256);
  });

  test('of a bare arm is none, with the sources of what is installed', async () => {
    const bare = await makeOverlay(await loadArm('bare'), inputs);
    expect(bare.folder).toBeNull();
    expect(bare.protocolArm.treeSha256).toBe((await makeOverlay(control, inputs)).protocolArm.treeSha256);
  });
});

describe('an overlay that cannot be made', () => {
  test.each([
    ['leaves invalid Python', '+def (:\n', 'bad-patch', /does not compile.*_version\.py/s],
    [
      'does not fit',
      '+x = 1\n-not there\n',
      'patch-does-not-apply',
      /hunk 1 of 1 of ipykernel\/_version\.py/,
    ],
  ])('since its patch %s, and nothing is left in the cache', async (_what, line, code, message) => {
    const lines = readFileSync(join(inputs.packageFolder, '_version.py'), 'utf8').split('\n').slice(0, 3);
    const context = lines.map((text) => ` ${text}\n`).join('');
    const patch = line.includes('-not')
      ? `--- a/ipykernel/_version.py\n+++ b/ipykernel/_version.py\n@@ -1,1 +1,1 @@\n-not there\n+x = 1\n`
      : hunk(line + context);
    const error = await soakErrorOf(() => makeOverlay(armWith(patch), inputs));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    const overlays = join(inputs.cacheDir, 'overlays');
    expect(existsSync(overlays) ? readdirSync(overlays) : []).toEqual([]);
  });

  test('since the arm is for other versions', async () => {
    const error = await soakErrorOf(() => makeOverlay(fix, { ...inputs, version: '7.4.0' }));
    expect(error.code).toBe('arm-does-not-apply');
    expect(error.message).toContain('7.4.0');
    expect(error.message).toContain('fix');
  });
});

describe('what a kernel loaded', () => {
  const app = 'ipykernel/kernelapp.py';
  let overlay: Overlay;
  let hash: string;
  beforeAll(async () => {
    overlay = await makeOverlay(control, { ...inputs, cacheDir: temporaryFolder() });
    hash = overlay.sources[app] ?? '';
  });

  test('is the arm’s when every file has the arm’s hash', () => {
    expect(identityMismatch(overlay, overlay.sources)).toBeNull();
    expect(identityMismatch(overlay, { [app]: hash })).toBeNull();
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      'a file of another hash',
      () => ({ [app]: '0'.repeat(64) }),
      /loaded ipykernel\/kernelapp\.py with SHA-256 000000000000…/,
    ],
    [
      'a file from elsewhere',
      () => ({ [app]: hash, '/site/ipykernel/x.py': hash }),
      /\/site\/ipykernel\/x\.py, which is not/,
    ],
    [
      'a file that the arm does not have',
      () => ({ [app]: hash, 'ipykernel/x.py': hash }),
      /not in the arm's overlay/,
    ],
    ['a name of the prototype', () => ({ [app]: hash, constructor: hash }), /constructor, which is not/],
    ['nothing', () => ({}), /did not load ipykernel\/kernelapp\.py/],
    [
      'nothing of the kernel',
      () => ({ 'ipykernel/_version.py': overlay.sources['ipykernel/_version.py'] ?? '' }),
      /did not load/,
    ],
  ])('is not: %s', (_what, loaded, message) => {
    expect(identityMismatch(overlay, loaded())).toMatch(message);
  });
});

test('a tree’s hash depends on names and contents and not on order', () => {
  expect(treeHash({ a: '1', b: '2' })).toBe(treeHash({ b: '2', a: '1' }));
  expect(treeHash({ a: '1', b: '2' })).not.toBe(treeHash({ a: '2', b: '1' }));
  expect(treeHash({ a: '1' })).not.toBe(treeHash({ b: '1' }));
});
