import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../../tools/testing/temporary-folder.ts';
import { copiedPackages, environmentCopy } from './copied-environment.ts';
import { findInterpreter } from './interpreter.ts';
import { venvPython } from './platform.ts';
import { runCommand } from './run-command.ts';

describe('what a copy consists of', () => {
  const installed = [
    { name: 'ipykernel', version: '7.2.0', origin: 'index' },
    { name: 'mine', version: '0.1', origin: 'editable' },
    { name: 'other', version: '0.1', origin: 'folder' },
    { name: 'pip', version: '25.0', origin: 'index' },
    { name: 'torch', version: '2.3.1+cu121', origin: 'index' },
    { name: 'tool', version: '1.0', origin: 'address' },
  ] as const;

  test('every package of an index at its version, and a reason for each of the others', () => {
    expect(copiedPackages([...installed], [])).toEqual({
      requirements: ['ipykernel==7.2.0', 'torch==2.3.1+cu121'],
      leftOut: [
        'mine: it is installed in editable mode',
        'other: it is installed from a folder or a file',
        'tool: it is installed from an address',
      ],
    });
  });

  test('one package changed: all others stay', () => {
    expect(copiedPackages([...installed], ['ipykernel==7.4.0', 'mine==1.0'])).toMatchObject({
      requirements: ['ipykernel==7.4.0', 'mine==1.0', 'torch==2.3.1+cu121'],
      leftOut: [expect.stringMatching(/^other/), expect.stringMatching(/^tool/)],
    });
  });
});

describe('an environment of the user', () => {
  const folder = temporaryFolder();
  const env = join(folder, 'venv');
  let site = '';

  beforeAll(async () => {
    const { executable } = await findInterpreter(undefined);
    await runCommand(executable, ['-m', 'venv', '--without-pip', env]);
    const python = venvPython(env, process.platform);
    const where = await runCommand(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
    site = where.stdout.trim();
    const wheel = async (name: string, version: string, files: Record<string, string> = {}) => {
      const info = join(site, `${name}-${version}.dist-info`);
      await mkdir(info, { recursive: true });
      const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`;
      for (const [file, text] of Object.entries({
        METADATA: metadata,
        INSTALLER: 'pip\n',
        RECORD: '',
        ...files,
      }))
        await writeFile(join(info, file), text);
    };
    await wheel('Some_Package', '1.2');
    await wheel('mine', '0.1', {
      'direct_url.json': JSON.stringify({ url: 'file:///somewhere', dir_info: { editable: true } }),
    });
    await wheel('built', '3.0', {
      INSTALLER: 'conda',
      'direct_url.json': JSON.stringify({ url: 'file:///croot/built', dir_info: {} }),
    });
    await wheel('tool', '1.0', {
      'direct_url.json': JSON.stringify({ url: 'https://example.org/tool.git', vcs_info: { vcs: 'git' } }),
    });
  });

  test('says what it has and where that is from; what conda built counts as a release', async () => {
    const copy = await environmentCopy(env, ['ipykernel==7.4.0']);
    expect(copy.requirements).toEqual(['built==3.0', 'ipykernel==7.4.0', 'some-package==1.2']);
    expect(copy.leftOut).toEqual([
      'mine: it is installed in editable mode',
      'tool: it is installed from an address',
    ]);
    expect(copy.python).toMatch(/^3\.\d+\.\d+/);
  });

  test('without ipykernel it is refused with the arm that has one', async () => {
    const error = await soakErrorOf(() => environmentCopy(env, []));
    expect(error).toMatchObject({ code: 'environment-incomplete', exitCode: 4 });
    expect(error.remedy).toContain('+ ipykernel==VERSION');
  });

  test('that does not exist is named', async () => {
    expect((await soakErrorOf(() => environmentCopy(join(folder, 'absent'), []))).code).toBe(
      'python-missing',
    );
  });
});
