import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { loadArmSpec } from './arm-spec.ts';
import { readWantedPackages, withPackages } from './wanted-packages.ts';

const folder = temporaryFolder();

describe('packages of every arm', () => {
  test('none are asked for: the arm stays as it is', async () => {
    const arm = await loadArmSpec('control');
    expect(withPackages(arm, await readWantedPackages([], []))).toBe(arm);
    expect(arm.environment).toBeNull();
  });

  test('--with goes before a file, and what an arm itself names before both', async () => {
    const path = join(folder, 'requirements.txt');
    await writeFile(path, 'pandas==2.0.0\nscipy\nipykernel==7.2.0\n-e .\n');
    const wanted = await readWantedPackages(['Pandas==2.3.3', 'polars'], [path]);
    const control = withPackages(await loadArmSpec('control'), wanted);
    expect(control.name).toBe('control');
    expect(control.environment).toMatchObject({
      requirements: ['ipykernel==7.2.0', 'pandas==2.3.3', 'polars', 'scipy'],
      files: [{ name: 'requirements.txt' }],
      leftOut: ['.: it is installed from a folder'],
    });
    const release = withPackages(await loadArmSpec('ipykernel==7.4.0'), wanted);
    expect(release.name).toBe('ipykernel-7.4.0');
    expect(release.environment?.requirements).toEqual([
      'ipykernel==7.4.0',
      'pandas==2.3.3',
      'polars',
      'scipy',
    ]);
  });

  test('a pin gives way to what an arm names', async () => {
    const path = join(folder, 'uv.lock');
    await writeFile(
      path,
      `[[package]]\nname = "a"\nsource = { virtual = "." }\ndependencies = [{ name = "ipykernel" }]\n` +
        `[[package]]\nname = "ipykernel"\nversion = "7.2.0"\nsource = { registry = "x" }\n` +
        `[[package]]\nname = "comm"\nversion = "0.2.3"\nsource = { registry = "x" }\n`,
    );
    const wanted = await readWantedPackages([], [path]);
    const arm = withPackages(await loadArmSpec('ipykernel==7.4.0'), wanted);
    expect(arm.environment).toMatchObject({
      requirements: ['ipykernel==7.4.0'],
      pins: ['comm==0.2.3'],
      isWhole: true,
    });
    const copy = { ...arm, environment: { requirements: [], python: null, copyOf: '/x' } };
    expect(() => withPackages(copy, wanted)).toThrow(/is a copy of an environment, and --requirements/);
  });

  test('a name twice, or what is no package, is refused with the option that it stands in', async () => {
    const twice = await soakErrorOf(() => readWantedPackages(['pandas>=1', 'Pandas<3'], []));
    expect(twice).toMatchObject({
      option: { name: 'with' },
      remedy: expect.stringContaining("'pandas>=1,<2'"),
    });
    const path = await soakErrorOf(() => readWantedPackages(['./pandas'], []));
    expect(path).toMatchObject({ code: 'bad-requirement', option: { name: 'with', value: './pandas' } });
  });
});

describe('an arm that is a copy of an environment', () => {
  test('is named env, with what it changes, and keeps its path to itself', async () => {
    const plain = await loadArmSpec('env:.venv');
    expect(plain).toMatchObject({
      name: 'env',
      environment: { requirements: [], python: null, copyOf: join(process.cwd(), '.venv') },
    });
    const upgrade = await loadArmSpec('env:.venv + ipykernel==7.4.0');
    expect(upgrade.name).toBe('env-ipykernel-7.4.0');
    expect(upgrade.environment).toMatchObject({ requirements: ['ipykernel==7.4.0'] });
    expect(JSON.stringify(upgrade.manifest)).not.toContain('.venv');
  });

  test('a second one in the same arm is refused', async () => {
    expect((await soakErrorOf(() => loadArmSpec('env:a + env:b'))).message).toMatch(/names two environments/);
    expect((await soakErrorOf(() => loadArmSpec('env:'))).message).toMatch(/names no environment/);
  });
});

test('a package without a version beside an arm is named, with what to type', async () => {
  const error = await soakErrorOf(() => loadArmSpec('mine=control + pandas'));
  expect(error.message).toBe('--arm "mine=control + pandas" cannot be used: pandas needs a version.');
  expect(error.remedy).toContain("--arm 'mine=control + pandas==VERSION'");
  expect(error.remedy).toContain('--with pandas');
  expect((await soakErrorOf(() => loadArmSpec('fix + flush'))).message).toMatch(/it names two arms/);
});
