import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../../tools/testing/temporary-folder.ts';
import { condaEnvironment, condaPlatform, pixiLock } from './conda-files.ts';
import { readPackageFile } from './read-package-file.ts';
import { poetryLock, pylock, uvLock } from './toml-locks.ts';

const folder = temporaryFolder();
const VARIABLE = ['$', '{VERSION}'].join('');

async function fileWith(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

describe('a requirements file', () => {
  test('gives names, versions and markers, and what -r and -c name', async () => {
    await fileWith('a/more/more.txt', 'seaborn\n-c ../limits.txt\n');
    await fileWith('a/limits.txt', 'numpy==2.2.6\n');
    const path = await fileWith(
      'a/requirements.txt',
      [
        '# what the notebook needs',
        'Pandas==2.3.3 \\',
        '    --hash=sha256:0011 \\',
        '    --hash=sha256:2233',
        'scipy >= 1.10, < 2   # any of these',
        "pywin32==306 ; sys_platform == 'win32'",
        'httpx[http2]',
        '-r more/more.txt',
      ].join('\r\n'),
    );
    const file = await readPackageFile(path);
    expect(file).toMatchObject({
      name: 'requirements.txt',
      requirements: [
        'httpx[http2]',
        'pandas==2.3.3',
        "pywin32==306 ; sys_platform == 'win32'",
        'scipy<2,>=1.10',
        'seaborn',
      ],
      pins: ['numpy==2.2.6'],
      isWhole: false,
      leftOut: [],
    });
    expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
    await fileWith('a/limits.txt', 'numpy==2.2.5\n');
    expect((await readPackageFile(path)).sha256).not.toBe(file.sha256);
  });

  test('leaves out what is on no index, and shows neither a password nor a private path', async () => {
    const path = await fileWith(
      'b.txt',
      [
        'pandas',
        '-e .',
        '-e /home/jane/secret-project',
        './wheels/mine.whl',
        'helper @ git+https://user:secret@example.org/helper.git',
        'https://user:secret@example.org/x.whl',
        '--index-url https://user:secret@example.org/simple',
        `thing==${VARIABLE}`,
        'bad==',
      ].join('\n'),
    );
    const { requirements, leftOut } = await readPackageFile(path);
    expect(requirements).toEqual(['pandas']);
    expect(leftOut).toEqual([
      '--index-url: an option of the installer; its own settings decide',
      '.: it is installed from a folder',
      expect.stringMatching(/^bad==: .*version clause/),
      'helper: it comes from an address or a folder',
      'mine.whl: it comes from an address or a folder',
      'secret-project: it is installed from a folder',
      `thing==${VARIABLE}: it has an environment variable in it`,
      'x.whl: it comes from an address or a folder',
    ]);
    expect(leftOut.join()).not.toMatch(/secret@|jane|example\.org/);
  });

  test('that includes itself, names nothing, or is of another kind is refused with what to do', async () => {
    const circle = await fileWith('circle.txt', '-r circle.txt\n');
    expect((await soakErrorOf(() => readPackageFile(circle))).message).toMatch(/more than 10 deep/);
    const empty = await fileWith('empty.txt', '# nothing\n');
    expect((await soakErrorOf(() => readPackageFile(empty))).message).toMatch(/names no package/);
    const pipfile = await fileWith('Pipfile.lock', '{}');
    expect((await soakErrorOf(() => readPackageFile(pipfile))).remedy).toContain('pipenv requirements');
    const absent = await soakErrorOf(() => readPackageFile(join(folder, 'absent.txt')));
    expect(absent).toMatchObject({ code: 'bad-requirements', option: { name: 'requirements' } });
    const torn = await fileWith('uv.lock', '[[package]\nname = ');
    expect((await soakErrorOf(() => readPackageFile(torn))).code).toBe('bad-requirements');
  });

  test('cannot bring in an option of the installer through a marker', async () => {
    const path = await fileWith(
      'marker.txt',
      'pandas\nx==1 ; python_version > "3" --index-url=https://example.org\ny==1 ; python_version > "3" --pre\n',
    );
    const { requirements, leftOut } = await readPackageFile(path);
    expect(requirements).toEqual(['pandas']);
    expect(leftOut).toEqual([expect.stringMatching(/^x==1.*marker/), expect.stringMatching(/^y==1.*marker/)]);
  });
});

const UV = `
version = 1
requires-python = ">=3.10"

[[package]]
name = "my-analysis"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "pandas", extra = ["excel"] },
    { name = "pywin32", marker = "sys_platform == 'win32'" },
    { name = "tool" },
]

[package.optional-dependencies]
plots = [{ name = "seaborn" }]

[package.dev-dependencies]
dev = [{ name = "ipykernel" }]
docs = [{ name = "sphinx" }]

[[package]]
name = "pandas"
version = "2.3.3"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "numpy", version = "2.2.6", source = { registry = "https://pypi.org/simple" }, marker = "python_full_version < '3.11'" }]

[[package]]
name = "numpy"
version = "2.2.6"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.11'"]

[[package]]
name = "numpy"
version = "2.3.5"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.12'", "python_full_version == '3.11.*'"]

[[package]]
name = "ipykernel"
version = "7.2.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "pywin32"
version = "306"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "tool"
version = "1.0"
source = { git = "https://example.org/tool?rev=main#0123" }
`;

describe('uv.lock', () => {
  test('requires what the project and its group dev name, and pins the rest, each Python its own version', () => {
    const { requirements, pins, isWhole, leftOut } = uvLock(UV);
    expect(requirements).toEqual(['ipykernel', 'pandas[excel]', "pywin32 ; sys_platform == 'win32'", 'tool']);
    expect(pins).toEqual([
      'ipykernel==7.2.0',
      "numpy==2.2.6 ; (python_full_version < '3.11')",
      "numpy==2.3.5 ; (python_full_version >= '3.12') or (python_full_version == '3.11.*')",
      'pandas==2.3.3',
      'pywin32==306',
    ]);
    expect(isWhole).toBe(true);
    expect(leftOut).toEqual([
      'my-analysis: it is installed from a folder',
      'the extra plots: extras are not installed',
      'the group docs: only the group dev is installed besides the project’s own dependencies',
      'tool: it comes from an address or a folder',
    ]);
  });
});

describe('poetry.lock', () => {
  test('requires what no other package needs, of the groups main and dev', () => {
    const list = poetryLock(`
[[package]]
name = "pandas"
version = "2.3.3"
optional = false
groups = ["main"]
[package.dependencies]
Num_Py = ">=1.23"

[[package]]
name = "num-py"
version = "2.2.6"
optional = false
groups = ["main"]

[[package]]
name = "colorama"
version = "0.4.6"
optional = false
groups = ["dev"]
markers = "sys_platform == 'win32'"

[[package]]
name = "sphinx"
version = "8.0.0"
optional = false
groups = ["docs"]

[[package]]
name = "mine"
version = "0.1"
optional = false
groups = ["main"]
[package.source]
type = "directory"
url = "../mine"
`);
    expect(list).toEqual({
      requirements: ["colorama==0.4.6 ; sys_platform == 'win32'", 'pandas==2.3.3'],
      pins: ['colorama==0.4.6', 'num-py==2.2.6', 'sphinx==8.0.0'],
      isWhole: true,
      leftOut: [
        'mine: it comes from an address or a folder',
        'sphinx: it is optional, or of a group other than main and dev',
      ],
    });
  });
});

test('pylock.toml requires each package that has a version, under its marker', () => {
  expect(
    pylock(`
lock-version = "1.0"
created-by = "pip"
[[packages]]
name = "pandas"
version = "2.3.3"
[[packages]]
name = "tzdata"
version = "2025.2"
marker = "sys_platform == 'win32'"
[[packages]]
name = "mine"
[packages.directory]
path = "."
`),
  ).toMatchObject({
    requirements: ['pandas==2.3.3', "tzdata==2025.2 ; sys_platform == 'win32'"],
    leftOut: ['mine: it comes from an address or a folder'],
  });
});

describe('conda', () => {
  test('environment.yml: pip’s part, the packages that PyPI is known to have, and a word about the others', () => {
    const { requirements, leftOut, isWhole } = condaEnvironment(`
name: analysis
channels: [conda-forge]
dependencies:
  - python=3.12
  - numpy=1.26
  - pandas=2.2.3=py312h_0
  - conda-forge::matplotlib-base>=3.8,<4
  - scipy==1.14.1
  - xarray 2024.7.0
  - libgdal
  - pip
  - pip:
      - ipykernel==7.2.0
      - -e .
`);
    expect(requirements).toEqual([
      'ipykernel==7.2.0',
      'matplotlib<4,>=3.8',
      'numpy==1.26.*',
      'pandas==2.2.3',
      'scipy==1.14.1',
      'xarray==2024.7.0',
    ]);
    expect(leftOut).toEqual([
      '.: it is installed from a folder',
      'libgdal: a conda package that is not known to be the same on PyPI',
      'python 3.12: the Python is chosen by --python 3.12',
    ]);
    expect(isWhole).toBe(false);
  });

  const PIXI = `
version: 6
environments:
  default:
    channels: [{ url: https://conda.anaconda.org/conda-forge/ }]
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.2.6-py312h_0.conda
      - conda: https://conda.anaconda.org/conda-forge/linux-64/libblas-3.9.0-31_h.conda
      - conda: https://conda.anaconda.org/conda-forge/linux-64/python-3.12.1-h_0_cpython.conda
      - pypi: https://files.pythonhosted.org/packages/aa/ipykernel-7.2.0-py3-none-any.whl
      - pypi: ./
      win-64:
      - conda: https://conda.anaconda.org/conda-forge/win-64/numpy-2.2.6-py312h_1.conda
  docs:
    packages: {}
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.2.6-py312h_0.conda
  purls: ['pkg:pypi/numpy?source=hash-mapping']
- conda: https://conda.anaconda.org/conda-forge/linux-64/libblas-3.9.0-31_h.conda
  purls: []
- conda: https://conda.anaconda.org/conda-forge/linux-64/python-3.12.1-h_0_cpython.conda
- conda: https://conda.anaconda.org/conda-forge/win-64/numpy-2.2.6-py312h_1.conda
  purls: ['pkg:pypi/numpy?source=hash-mapping']
- pypi: https://files.pythonhosted.org/packages/aa/ipykernel-7.2.0-py3-none-any.whl
  name: ipykernel
  version: 7.2.0
- pypi: ./
  name: analysis
  version: 0.1.0
`;
  test('pixi.lock: the default environment of this platform', () => {
    expect(pixiLock(PIXI, 'linux-64')).toEqual({
      requirements: ['ipykernel==7.2.0', 'numpy==2.2.6'],
      pins: [],
      isWhole: true,
      leftOut: [
        'analysis: it is installed from a folder',
        'libblas: a conda package that is not known to be the same on PyPI',
        'python 3.12.1: the Python is chosen by --python 3.12',
        'the environment docs: only the environment default is installed',
      ],
    });
    expect(() => pixiLock(PIXI, 'osx-arm64')).toThrow('it is for linux-64, win-64, and this is osx-arm64');
  });

  test.each([
    ['linux', 'x64', 'linux-64'],
    ['linux', 'arm64', 'linux-aarch64'],
    ['darwin', 'arm64', 'osx-arm64'],
    ['win32', 'x64', 'win-64'],
  ] as const)('calls %s on %s %s', (platform, arch, name) => {
    expect(condaPlatform(platform, arch)).toBe(name);
  });
});
