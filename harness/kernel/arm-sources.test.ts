import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { GitClone } from '../../tools/testing/git-clone.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import { loadArmSpec, loadArmSpecs, triedArms } from '../arms/arm-spec.ts';
import { type ArmKernels, armKernelMaker, packagesInOverlays } from './arm-kernels.ts';
import type { KernelEnvironment } from './environment/index.ts';
import type { ReleaseReader } from './fitting-release.ts';
import { identityFault } from './identity.ts';
import type { KernelIdentity } from './kernel-identity.ts';
import { launchKernel } from './launch.ts';
import { assertNoUndeclaredNoOp } from './no-op-arms.ts';
import { Reaper } from './reaper.ts';
import { filesBelow } from './source-files.ts';

// Arms made of commits and diffs, on the real installed packages.

let environment: KernelEnvironment;
beforeAll(async () => {
  environment = await testEnvironment();
}, 300_000);

const installedFolder = (name: string) => environment.facts.sourceFolders[name] ?? '';

/** A clone of a package as it is installed, with changes. */
async function cloneOf(name: string, changes: Record<string, string | null>): Promise<GitClone> {
  const files: Record<string, Buffer | string | null> = {};
  for (const [path, bytes] of await filesBelow(installedFolder(name), (path) => path.endsWith('.py'))) {
    files[`${name}/${path}`] = bytes;
  }
  const clone = new GitClone();
  clone.commit(files);
  clone.commit(changes);
  return clone;
}

function diffOf(path: string, line: string): string {
  const [package_ = '', ...rest] = path.split('/');
  const first = readFileSync(join(installedFolder(package_), ...rest), 'utf8').split('\n')[0] ?? '';
  const file = join(temporaryFolder(), 'my-change.diff');
  writeFileSync(file, `--- a/${path}\n+++ b/${path}\n@@ -1,1 +1,2 @@\n ${first}\n+${line}\n`);
  return file;
}

async function kernelsOf(specs: readonly string[], releases?: ReleaseReader): Promise<ArmKernels[]> {
  const arms = await loadArmSpecs(specs);
  const make = armKernelMaker({
    cacheDir: undefined,
    packages: packagesInOverlays(arms),
    releases,
  });
  const made: ArmKernels[] = [];
  for (const arm of arms) made.push(await make(arm));
  return made;
}

const differing = (a: ArmKernels, b: ArmKernels) =>
  [...new Set([...Object.keys(a.overlay.sources), ...Object.keys(b.overlay.sources)])].filter(
    (path) => a.overlay.sources[path] !== b.overlay.sources[path],
  );

/** Start the arm's kernel until it has said what it loaded. */
async function identityOf({ makeCommand }: ArmKernels): Promise<KernelIdentity> {
  const reaper = await Reaper.start(environment.python);
  const kernel = await launchKernel({ makeCommand, cwd: temporaryFolder(), reaper });
  try {
    const due = Date.now() + 30_000;
    for (;;) {
      const identity = kernel.identity();
      if (identity !== null) return identity;
      if (Date.now() > due || kernel.exit !== null) throw new Error(`No identity: ${kernel.stderrTail()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    await kernel.dispose();
    await kernel.removeFolder();
    await reaper.stop();
  }
}

describe('a tried diff', () => {
  test('differs from control by its file; its sham by a comment in the same file', async () => {
    const [control, sham, change] = (await kernelsOf(
      triedArms(diffOf('ipykernel/control.py', 'MARK = 1')),
    )) as [ArmKernels, ArmKernels, ArmKernels];
    expect(differing(control, change)).toEqual(['ipykernel/control.py']);
    expect(differing(control, sham)).toEqual(['ipykernel/control.py']);
    expect(differing(sham, change)).toEqual(['ipykernel/control.py']);
    const text = (arm: ArmKernels) =>
      readFileSync(join(arm.overlay.folder ?? '', 'ipykernel', 'control.py'), 'utf8');
    expect(text(sham)).toMatch(/\n# kernel-soak: a line without effect\n$/);
    expect(text(sham).startsWith(text(control))).toBe(true);
    expect(sham.overlay.protocolArm).toMatchObject({ role: 'sham', patchSha256: expect.any(String) });
    expect(() => assertNoUndeclaredNoOp([control, sham, change])).not.toThrow();
    const identity = await identityOf(change);
    expect(identityFault(change.overlay, identity)).toBeNull();
    expect(identityFault(control.overlay, identity)).toMatch(/control\.py with SHA-256/);
  });

  test('that does not fit says of which release, and which one it fits', async () => {
    const release = temporaryFolder();
    mkdirSync(join(release, 'ipykernel'));
    writeFileSync(join(release, 'ipykernel', 'control.py'), 'no such line\n');
    const patch = join(temporaryFolder(), 'other.diff');
    writeFileSync(
      patch,
      '--- a/ipykernel/control.py\n+++ b/ipykernel/control.py\n@@ -1 +1 @@\n-no such line\n+x\n',
    );
    const releases: ReleaseReader = {
      list: () => Promise.resolve(['7.9.0']),
      folderOf: () => Promise.resolve(release),
    };
    const error = await soakErrorOf(() => kernelsOf(['control', `inert:${patch}`, patch], releases));
    expect(error.code).toBe('patch-does-not-apply');
    expect(error.message).toMatch(/^The diff other\.diff does not apply to ipykernel 7\.3\.0: /);
    expect(error.remedy).toBe(`It fits ipykernel 7.9.0. Try it there: --try '${patch} + ipykernel==7.9.0'.`);
  });
});

describe('a commit', () => {
  test('of ipykernel: its files, without those that it removed, and its version for arms that apply', async () => {
    const clone = await cloneOf('ipykernel', {
      'ipykernel/_version.py':
        '__version__ = "7.4.0.dev0"\nversion_info = (7, 4, 0)\nkernel_protocol_version_info = (5, 4)\nkernel_protocol_version = "5.4"\n',
      'ipykernel/gui/gtkembed.py': null,
      'ipykernel/new.py': 'x = 1\n',
    });
    const [control, commit] = (await kernelsOf(['control', `git:${clone.folder}@HEAD`])) as [
      ArmKernels,
      ArmKernels,
    ];
    expect(differing(control, commit).sort()).toEqual([
      'ipykernel/_version.py',
      'ipykernel/gui/gtkembed.py',
      'ipykernel/new.py',
    ]);
    expect(commit.overlay.protocolArm.commits).toEqual([
      { package: 'ipykernel', commit: clone.git('rev-parse', 'HEAD') },
    ]);
    const error = await soakErrorOf(() => kernelsOf([`fix + git:${clone.folder}@HEAD`]));
    expect(error.code).toBe('arm-does-not-apply');
    expect(error.message).toContain('7.4.0.dev0');
  });

  test.each(['IPython', 'jupyter_client', 'zmq'])(
    'of %s: control has that package in its overlay too',
    async (name) => {
      const clone = await cloneOf(name, { [`${name}/soak_mark.py`]: 'x = 1\n' });
      const [control, commit] = (await kernelsOf(['control', `git:${clone.folder}@HEAD`])) as [
        ArmKernels,
        ArmKernels,
      ];
      expect(differing(control, commit)).toEqual([`${name}/soak_mark.py`]);
      expect(control.overlay.packages).toEqual(['ipykernel', name]);
      const identity = await identityOf(control);
      expect(Object.keys(identity.sources)).toContain(`${name}/__init__.py`);
      expect(Object.keys(identity.sources).filter((path) => path.startsWith(`site:${name}/`))).toEqual([]);
      expect(identityFault(control.overlay, identity)).toBeNull();
    },
  );

  test('of another pyzmq than the one whose compiled part is there', async () => {
    const clone = await cloneOf('zmq', { 'zmq/sugar/version.py': '__version__: str = "19.0.2"\n' });
    const error = await soakErrorOf(() => kernelsOf([`git:${clone.folder}@HEAD`]));
    expect(error.code).toBe('bad-git-arm');
    expect(error.message).toMatch(/pyzmq 19\.0\.2.*27\.1\.0/);
  });
});

describe('what a kernel loaded of its environment', () => {
  test('is checked file by file, with its Python and libzmq', async () => {
    const [control] = (await kernelsOf(['control'])) as [ArmKernels];
    const identity = await identityOf(control);
    expect(Object.keys(identity.sources)).toEqual(
      expect.arrayContaining(['ipykernel/kernelapp.py', 'site:zmq/__init__.py', 'site:tornado/ioloop.py']),
    );
    const { overlay } = control;
    expect(identityFault(overlay, identity)).toBeNull();
    const altered = { ...identity.sources, 'site:zmq/__init__.py': '0'.repeat(64) };
    expect(identityFault(overlay, { ...identity, sources: altered })).toMatch(
      /site:zmq\/__init__\.py with SHA-256 0000/,
    );
    const shadowed = { ...identity.sources, '/elsewhere/zmq/__init__.py': '0'.repeat(64) };
    expect(identityFault(overlay, { ...identity, sources: shadowed })).toMatch(/\/elsewhere\/zmq/);
    expect(identityFault(overlay, { ...identity, python: '3.9.0' })).toMatch(/runs Python 3\.9\.0, not/);
    expect(identityFault(overlay, { ...identity, libzmq: '4.1.0' })).toMatch(/runs libzmq 4\.1\.0, not/);
    expect(identityFault(overlay, null)).toMatch(/did not say/);
  });
});

describe('an arm that changes nothing', () => {
  const noOp = () => {
    const [first = '', ...rest] = readFileSync(
      join(installedFolder('ipykernel'), 'control.py'),
      'utf8',
    ).split('\n');
    expect(rest.length).toBeGreaterThan(1);
    const file = join(temporaryFolder(), 'nothing.diff');
    writeFileSync(
      file,
      `--- a/ipykernel/control.py\n+++ b/ipykernel/control.py\n@@ -1 +1 @@\n-${first}\n+${first}\n`,
    );
    return file;
  };

  test('is refused beside the arm that it is, under any name', async () => {
    for (const specs of [
      ['control', noOp()],
      ['control', `mine=${noOp()}`],
      ['control', 'ipykernel==7.3.0'],
      ['ipykernel==7.3.0', 'control'],
      ['ipykernel==7.3.0', 'pyzmq==27.1.0'],
    ]) {
      const made = await kernelsOf(specs);
      const error = await soakErrorOf(() => assertNoUndeclaredNoOp(made));
      expect(error.code).toBe('no-op-arm');
      expect(error.message).toMatch(/are identical: the same sources/);
    }
  });

  test('is allowed where it says so', async () => {
    for (const specs of [
      ['control', 'again=control'],
      ['fix', 'fix-b=fix', 'control'],
      ['control', 'bare'],
      ['ipykernel==7.3.0', 'b=ipykernel==7.3.0'],
    ]) {
      const made = await kernelsOf(specs);
      expect(() => assertNoUndeclaredNoOp(made)).not.toThrow();
    }
    expect((await loadArmSpec('again=control')).source).toBe('control');
  });
});
