import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { installedIpykernel, testEnvironment } from '../../tools/testing/test-environment.ts';
import { armApplies, loadArm, shippedArmNames } from './arms.ts';
import { type PatchedFiles, patchedFiles } from './patch.ts';

const GOOD = { role: 'treatment', description: 'one of ours', appliesTo: '>=7.0.0' };

function armFolder(manifest: unknown, files: Record<string, string> = {}, name = 'mine'): string {
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'arm.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

describe('arms that ship', () => {
  test('include those of the reference experiment, and each loads', async () => {
    const names = await shippedArmNames();
    expect(names).toEqual(expect.arrayContaining(['control', 'fix', 'flush', 'sham', 'stream']));
    expect(names).not.toContain('runtime');
    for (const name of names) {
      const arm = await loadArm(name);
      expect(arm.name).toBe(name);
      expect(arm.patch === null).toBe(arm.manifest.patch === undefined);
    }
  });

  test('differ from each other only in what a reply does', async () => {
    const environment = await testEnvironment();
    const { version, folder } = installedIpykernel(environment);
    const site = dirname(folder);
    const patched: PatchedFiles[] = [];
    for (const name of ['sham', 'fix', 'flush', 'stream']) {
      const { patch } = await loadArm(name);
      patched.push(
        await patchedFiles(
          patch ?? '',
          'ipykernel',
          version,
          (path) => readFile(join(site, path), 'utf8'),
          name,
        ),
      );
    }
    expect(version).toBe('7.3.0');
    const method =
      /( {4}def _send_on_shell_channel\(self, msg\) -> None:\n)((?: {8}.*\n)+)(?=\n {4}def _stop_subshell)/;
    const outside = patched.map((files) =>
      [...files].map(([path, text]) => [path, text.replace(method, '$1')]),
    );
    for (const one of outside) expect(one).toEqual(outside[0]);
    const bodies = patched.map((files) => method.exec(files.get('ipykernel/subshell_manager.py') ?? '')?.[2]);
    const common = '        assert current_thread().name == SHELL_CHANNEL_THREAD_NAME\n';
    const raw = '        self._shell_socket.send_multipart(msg)\n';
    const stream = '        stream = self._shell_stream\n';
    const callback = (what: string) => `        self._shell_channel_io_loop.add_callback(lambda: ${what})\n`;
    expect(bodies).toEqual([
      common + raw + callback('None'),
      common + raw + stream + callback('stream._handle_events(stream.socket, 0)'),
      common + raw + stream + callback('stream.flush(zmq.POLLIN)'),
      `${common}        self._shell_stream.send_multipart(msg)\n`,
    ]);
  });

  test('apply where the window is and are refused where it is not', async () => {
    const fix = await loadArm('fix');
    for (const version of ['7.0.0', '7.0.1', '7.2.0', '7.3.0']) {
      expect(armApplies(fix, version)).toMatchObject({ applies: true });
    }
    for (const version of ['6.31.0', '7.4.0', '8.0.0']) {
      const { applies, reason } = armApplies(fix, version);
      expect(applies).toBe(false);
      expect(reason).toContain(version);
      expect(reason).toContain(fix.manifest.appliesTo);
    }
    expect(armApplies(await loadArm('control'), '6.31.0').applies).toBe(true);
  });
});

describe('an arm that cannot be used', () => {
  test.each(['no-such-arm', 'fixx', '', '__proto__', 'runtime'])('%j: there is none', async (name) => {
    const error = await soakErrorOf(() => loadArm(name));
    expect(error.code).toBe('unknown-arm');
    expect(error.message).toContain(JSON.stringify(name));
    for (const known of await shippedArmNames()) expect(error.remedy).toContain(known);
  });

  test.each([
    ['not JSON', '{', /not JSON/],
    ['not an object', '[]', /arm\.json/],
    ['no role', { ...GOOD, role: undefined }, /role/],
    ['a role that there is not', { ...GOOD, role: 'placebo' }, /role/],
    ['an unknown key', { ...GOOD, pach: 'x' }, /pach/],
    ['no version range', { ...GOOD, appliesTo: 'seven' }, /appliesTo/],
    ['an empty version range', { ...GOOD, appliesTo: ' ' }, /appliesTo/],
    ['a description of two lines', { ...GOOD, description: 'a\nb' }, /control characters/],
    ['a description with an escape', { ...GOOD, description: '\u001b[31mred' }, /control characters/],
    ['no counter of that name', { ...GOOD, engagement: 'rearm' }, /engagement/],
    ['bare and patched', { ...GOOD, bare: true, patch: 'a.patch' }, /bare/],
    ['bare and counted', { ...GOOD, bare: true, engagement: 'rearms' }, /bare/],
    ['a patch elsewhere', { ...GOOD, patch: '../a.patch' }, /not a file beside/],
    ['an absolute patch', { ...GOOD, patch: '/etc/passwd' }, /not a file beside/],
    ['a patch that is not there', { ...GOOD, patch: 'absent.patch' }, /absent\.patch cannot be read/],
    ['a patch that is the folder', { ...GOOD, patch: '..' }, /cannot be read/],
  ])('%s', async (_what, manifest, message) => {
    const folder = armFolder(manifest);
    const error = await soakErrorOf(() => loadArm(folder));
    expect(error.code).toBe('bad-arm');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(folder);
    expect(error.remedy).not.toBe('');
  });

  test('no folder, no manifest, or a folder whose name could not be a name', async () => {
    const parent = temporaryFolder();
    expect((await soakErrorOf(() => loadArm(join(parent, 'absent')))).message).toMatch(
      /folder does not exist/,
    );
    expect((await soakErrorOf(() => loadArm(parent))).message).toMatch(/no readable arm\.json/);
    const odd = armFolder(GOOD, {}, 'a b;c');
    expect((await soakErrorOf(() => loadArm(odd))).message).toMatch(/plain name/);
  });
});

describe('an arm of one’s own', () => {
  let folder: string;
  beforeAll(() => {
    folder = armFolder({ ...GOOD, patch: 'mine.patch', engagement: 'rearms' }, { 'mine.patch': 'text' });
  });

  test.each(['', '/'])('by its path, with %j at the end', async (end) => {
    const arm = await loadArm(folder + end);
    expect(arm).toMatchObject({ name: 'mine', folder, patch: 'text' });
    expect(arm.manifest).toMatchObject({ needsStream: false, bare: false, engagement: 'rearms' });
  });
});
