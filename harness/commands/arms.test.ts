import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { builtCommand } from '../../tools/testing/built-command.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { shippedArmNames } from '../arms/arms.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import { packageRoot } from '../model/package-root.ts';

beforeAll(async () => {
  await ensureEnvironment({});
});

function soak(...args: string[]) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const [file, ...rest] = builtCommand(['arms', ...args]);
    const child = execFile(file, rest, { cwd: packageRoot(), encoding: 'utf8' }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const MODULE = `class Manager:
    # a comment
    def send(self, msg):
        self.socket.send(msg)

    def receive(self):
        return 1


class Other:
    def receive(self):
        return 2
`;

/** A tree at hand of a package, its module changed by `change`. */
function tree(change: (text: string) => string = (text) => text): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'ipykernel'));
  writeFileSync(join(folder, 'ipykernel', '__init__.py'), '');
  writeFileSync(join(folder, 'ipykernel', 'manager.py'), change(MODULE));
  return folder;
}

test('lists every arm that ships', async () => {
  const { code, stdout } = await soak();
  expect(code).toBe(0);
  for (const name of await shippedArmNames()) expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
  expect((await soak('list')).stdout).toBe(stdout);
});

test('shows what an arm changes, and that control changes nothing', async () => {
  const fix = await soak('show', 'fix');
  expect(fix.code).toBe(0);
  expect(fix.stdout).toMatch(/role +treatment/);
  expect(fix.stdout).toMatch(/changes +ipykernel >=7\.0\.0,<7\.4\.0/);
  expect(fix.stdout).toMatch(/engagement +rearms/);
  expect(fix.stdout).toMatch(/sources +[0-9a-f]{64}/);
  expect(fix.stdout).toMatch(/^--- a\/ipykernel\/\w+\.py$/m);
  expect(fix.stdout).toMatch(/^\+ {4,}\S/m);
  const control = await soak('show', 'control');
  expect(control.stdout).toContain('It changes no source');
  const unknown = await soak('show', 'fixx');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('"fixx"');
});

test('a released function is the same in two releases and another in the third', async () => {
  const name = 'SubshellManager._send_on_shell_channel';
  const same = await soak('same', name, '7.2.0', '7.3.0');
  expect(same.stderr).not.toContain('soak:');
  expect(same.code).toBe(0);
  expect(same.stdout).toContain('Byte-identical in all 2.');
  const other = await soak('same', '_send_on_shell_channel', '7.3.0', '7.4.0', '6.31.0');
  expect(other.code).toBe(1);
  expect(other.stdout).toMatch(/7\.4\.0 .*not as in 7\.3\.0$/m);
  expect(other.stdout).toMatch(/6\.31\.0 +not there/);
  expect(other.stdout).toMatch(/^- +self\._shell_socket\.send_multipart\(msg\)$/m);
  expect(other.stdout).toMatch(/^\+ +self\._shell_stream\.send_multipart\(msg\)$/m);
});

test('a tree at hand is compared without being imported; layout is told from code', async () => {
  const [first, moved, laidOut, changed] = [
    tree(),
    tree((text) => `raise SystemExit("imported")\n\n${text}`),
    tree((text) => text.replace('self.socket.send(msg)', 'self.socket.send( msg )')),
    tree((text) => text.replace('socket.send(', 'stream.send(')),
  ];
  expect((await soak('same', 'Manager.send', first, moved)).code).toBe(0);
  const layout = await soak('same', 'Manager.send', first, laidOut);
  expect(layout.code).toBe(1);
  expect(layout.stdout).toMatch(/comments or layout only/);
  const code = await soak('same', 'Manager.send', first, changed, '--json');
  const [a, b] = JSON.parse(code.stdout) as { found: { code: string; line: number } }[];
  expect(a?.found.code).not.toBe(b?.found.code);
  expect(a?.found.line).toBe(3);
});

test.each<[string, string[], RegExp]>([
  ['a function that is not there', ['sned', tree()], /function "sned"[\s\S]*Manager\.send/],
  ['one of two', ['receive', tree()], /matches 2 functions: .*Manager\.receive.*Other\.receive/],
  [
    'a release that is not there',
    ['send', '7.3.99'],
    /No release of ipykernel[\s\S]*The nearest are .*7\.3\.0/,
  ],
  ['neither', ['send', 'newest'], /neither a version nor a folder/],
  ['a folder without the package', ['send', './harness'], /does not contain the package ipykernel/],
])('%s is refused', async (_what, args, message) => {
  const { code, stderr } = await soak('same', ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test('an arm that cannot be installed is refused without a word on options of another command', async () => {
  const { code, stderr } = await soak('install', 'bare', '--data-dir', temporaryFolder());
  expect(code).toBe(2);
  expect(stderr).toContain('The arm bare has no counters');
  expect(stderr).toContain('Leave it out');
  expect(stderr).not.toContain('--transport');
});
