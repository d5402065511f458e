import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GitClone } from '../../tools/testing/git-clone.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { loadArmSpec, loadArmSpecs, triedArms } from './arm-spec.ts';

function armFolder(manifest: object, name = 'mine'): string {
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder);
  const whole = { role: 'treatment', description: 'one of ours', appliesTo: '>=7.0.0', ...manifest };
  writeFileSync(join(folder, 'arm.json'), JSON.stringify(whole));
  return folder;
}

describe('an arm by its words', () => {
  test.each<[string, string, readonly string[], string | null]>([
    ['ipykernel==7.4.0', 'ipykernel-7.4.0', ['ipykernel==7.4.0'], null],
    ['pyzmq>=26,<27', 'pyzmq-27-26', ['pyzmq<27,>=26'], null],
    ['py3.13', 'py3.13', [], '3.13'],
    [
      'ipykernel==7.2.0 + pyzmq==26.4.0 + py3.12',
      'ipykernel-7.2.0-pyzmq-26.4.0-py3.12',
      ['ipykernel==7.2.0', 'pyzmq==26.4.0'],
      '3.12',
    ],
    ['new=ipykernel==7.4.0', 'new', ['ipykernel==7.4.0'], null],
    ['control + py3.12', 'py3.12', [], '3.12'],
  ])('%s', async (text, name, requirements, python) => {
    const arm = await loadArmSpec(text);
    expect(arm).toMatchObject({
      name,
      environment: { requirements, python },
      patch: null,
      declaresRole: false,
    });
    expect(arm.manifest.role).toBe('treatment');
  });

  test('a patched arm keeps its patch and its role in another environment', async () => {
    const arm = await loadArmSpec('sham + ipykernel==7.2.0');
    expect(arm).toMatchObject({
      name: 'sham-ipykernel-7.2.0',
      declaresRole: true,
      manifest: { role: 'sham' },
    });
    expect(arm.patch).toContain('add_callback');
    expect(arm.manifest.description).toMatch(/^ipykernel==7\.2\.0: .*empty callback/);
  });

  test('a folder may ask for packages, a Python, variables and arguments', async () => {
    const arm = await loadArmSpec(
      armFolder({
        requirements: ['PyZMQ==26.4.0'],
        python: '3.12',
        variables: { PYTHONASYNCIODEBUG: '1' },
        arguments: ['--IPKernelApp.matplotlib=inline'],
      }),
    );
    expect(arm.environment).toEqual({ requirements: ['pyzmq==26.4.0'], python: '3.12' });
    expect(arm.manifest).toMatchObject({
      variables: { PYTHONASYNCIODEBUG: '1' },
      arguments: ['--IPKernelApp.matplotlib=inline'],
    });
    expect(arm.declaresRole).toBe(true);
  });

  test('words add to a folder’s own', async () => {
    const folder = armFolder({ requirements: ['pyzmq==26.4.0'] });
    const arm = await loadArmSpec(`${folder} + ipykernel==7.2.0`);
    expect(arm.environment?.requirements).toEqual(['ipykernel==7.2.0', 'pyzmq==26.4.0']);
    expect(arm.name).toBe('mine-ipykernel-7.2.0-pyzmq-26.4.0');
  });
});

describe('an arm that cannot be', () => {
  test.each<[string, string, RegExp]>([
    ['py3.12 + py3.13', 'bad-arm', /two Pythons/],
    ['pyzmq==26.4.0 + pyzmq==27.0.0', 'bad-requirement', /twice/],
    ['pyzmq==26.4.0 ipykernel==7.4.0', 'bad-requirement', /version clause/],
    ['fix + -r x.txt', 'bad-requirement', /option/],
    ['bare + py3.12', 'bad-arm', /bare/],
    ['ipykernel==7.2.0 + pyzmq==26.4.0 + tornado==6.4.1 + py3.12', 'bad-arm', /too long/],
    ['fxi + py3.12', 'unknown-arm', /"fxi"/],
  ])('%s', async (text, code, message) => {
    const error = await soakErrorOf(() => loadArmSpec(text));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test.each<[string, object, RegExp]>([
    ['an option as a requirement', { requirements: ['-r x'] }, /option/],
    ['an address as a requirement', { requirements: ['x @ file:///y'] }, /address/],
    ['a Python that is a path', { python: '/usr/bin/python' }, /not a version/],
    ['a variable of the harness', { variables: { PYTHONPATH: '/x' } }, /PYTHONPATH.*set by the harness/],
    ['the same in other letters', { variables: { pythonpath: '/x' } }, /set by the harness/],
    ['a variable of no name', { variables: { 'a b': '' } }, /not the name/],
    ['another connection file', { arguments: ['-f', 'x'] }, /"-f".*reserved for the harness/],
    ['another port', { arguments: ['--IPKernelApp.shell_port=1'] }, /shell_port/],
    ['another key', { arguments: ['--Session.key=x'] }, /Session/],
    ['another configuration', { arguments: ['--config=x.py'] }, /config/],
  ])('since its manifest has %s', async (_what, manifest, message) => {
    const error = await soakErrorOf(() => loadArmSpec(armFolder(manifest)));
    expect(error.code).toBe('bad-arm');
    expect(error.message).toMatch(message);
  });
});

describe('a change of one’s own', () => {
  const patch = join(temporaryFolder(), 'my-change.diff');
  writeFileSync(patch, '--- a/zmq/error.py\n+++ b/zmq/error.py\n@@ -1 +1 @@\n-a\n+b\n');
  const clone = new GitClone();
  const commit = clone.commit({ 'ipykernel/__init__.py': '' });

  test('as a diff', async () => {
    expect(await loadArmSpec(patch)).toMatchObject({
      name: 'my-change',
      manifest: { role: 'treatment', description: 'the patch my-change' },
      declaresRole: false,
      patchPackage: 'zmq',
      isRepositoryPatch: true,
      isInert: false,
    });
  });

  test('as a commit', async () => {
    const arm = await loadArmSpec(`git:${clone.folder}@main`);
    expect(arm.name).toBe(`ipykernel-${commit.slice(0, 10)}`);
    expect(arm.trees).toMatchObject([{ package: 'ipykernel', commit }]);
    expect(arm.manifest.description).toBe(`ipykernel at commit ${commit.slice(0, 10)}`);
  });

  test('as a sham of either', async () => {
    const arm = await loadArmSpec(`inert:${patch}`);
    expect(arm).toMatchObject({
      name: 'inert-my-change',
      isInert: true,
      declaresRole: true,
      manifest: { role: 'sham' },
    });
    expect(arm.manifest.description).toMatch(
      /comment at the end of each file that the patch my-change touches/,
    );
  });

  test('is tried with a control and a sham that share its surroundings', async () => {
    expect(triedArms('my.diff')).toEqual(['control', 'sham=inert:my.diff', 'my.diff']);
    expect(triedArms('git:x@main + py3.12')).toEqual([
      'control=control + py3.12',
      'sham=inert:git:x@main + py3.12',
      'git:x@main + py3.12',
    ]);
    const arms = await loadArmSpecs(triedArms(`${patch} + ipykernel==7.2.0`));
    expect(arms.map(({ name, manifest }) => [name, manifest.role])).toEqual([
      ['control', 'control'],
      ['sham', 'sham'],
      ['my-change-ipykernel-7.2.0', 'treatment'],
    ]);
    for (const arm of arms) expect(arm.environment?.requirements).toEqual(['ipykernel==7.2.0']);
  });

  test.each(['fix', 'ipykernel==7.4.0', 'x=my.diff', './folder'])('is not %s', async (text) => {
    expect((await soakErrorOf(() => triedArms(text))).message).toContain('is not a change of sources');
  });

  test.skipIf(process.platform === 'win32')('cannot choose an event loop here', async () => {
    expect((await soakErrorOf(() => loadArmSpec('event-loop:proactor'))).message).toContain(
      'only on Windows',
    );
    const folder = armFolder({ eventLoop: 'selector' });
    expect((await soakErrorOf(() => loadArmSpec(folder))).message).toContain('only on Windows');
  });
});

describe('the reference', () => {
  const roles = async (...texts: string[]) =>
    (await loadArmSpecs(texts)).map(({ manifest }) => manifest.role);

  test('is the control where there is one', async () => {
    expect(await roles('ipykernel==7.4.0', 'control')).toEqual(['treatment', 'control']);
  });

  test('is the first arm where there is none, and says why', async () => {
    expect(await roles('ipykernel==7.3.0', 'ipykernel==7.4.0')).toEqual(['control', 'treatment']);
    const [first] = await loadArmSpecs(['py3.12', 'py3.13']);
    expect(first?.manifest.description).toMatch(/the reference, because no arm is a control/);
  });

  test('is the first arm also where its manifest calls it a treatment: two treatments alone compare nothing', async () => {
    expect(await roles('fix', 'ipykernel==7.4.0')).toEqual(['control', 'treatment']);
    expect(await roles('fix', 'flush', 'stream')).toEqual(['control', 'treatment', 'treatment']);
  });

  test('is the sham where there is one and no control, wherever it stands', async () => {
    expect(await roles('fix', 'sham')).toEqual(['treatment', 'control']);
    const [, sham] = await loadArmSpecs(['fix', 'sham']);
    expect(sham?.manifest.description).toMatch(/the reference, because no arm is a control$/);
  });

  test('is no arm that is alone and has a role', async () => {
    expect(await roles('fix')).toEqual(['treatment']);
    expect(await roles('py3.12')).toEqual(['control']);
  });

  test('control, sham and fix in another environment keep their parts', async () => {
    expect(await roles('control + py3.12', 'sham + py3.12', 'fix + py3.12')).toEqual([
      'control',
      'sham',
      'treatment',
    ]);
  });
});
