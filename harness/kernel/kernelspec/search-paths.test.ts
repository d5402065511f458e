import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testEnvironment } from '../../../tools/testing/test-environment.ts';
import { findPythonPlace } from './python-place.ts';
import { kernelFolders, type PythonPlace, type SearchSurroundings } from './search-paths.ts';

const VENV: PythonPlace = {
  executable: '/work/venv/bin/python',
  version: '3.12',
  prefix: '/work/venv',
  isOwnVirtual: true,
  userBase: null,
};
const SYSTEM: PythonPlace = {
  executable: '/usr/bin/python3',
  version: '3.11',
  prefix: '/usr',
  isOwnVirtual: false,
  userBase: '/home/ada/.local',
};

function folders(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  python: PythonPlace | null,
  home = '/home/ada',
): string[] {
  const around: SearchSurroundings = { platform, env, home, python };
  return kernelFolders(around).map(({ folder, source }) => `${source} ${folder}`);
}

describe('where kernelspecs are looked for', () => {
  it('on Linux: the user before the system, whose own Python is the system', () => {
    expect(folders('linux', {}, SYSTEM)).toEqual([
      'user /home/ada/.local/share/jupyter/kernels',
      'system /usr/local/share/jupyter/kernels',
      'system /usr/share/jupyter/kernels',
      'IPython /home/ada/.ipython/kernels',
    ]);
  });

  it('puts JUPYTER_PATH first, and the environment before the user in a virtual environment', () => {
    expect(folders('linux', { JUPYTER_PATH: '/a:/b/' }, VENV).slice(0, 4)).toEqual([
      'JUPYTER_PATH /a/kernels',
      'JUPYTER_PATH /b/kernels',
      'environment /work/venv/share/jupyter/kernels',
      'user /home/ada/.local/share/jupyter/kernels',
    ]);
  });

  it('lets JUPYTER_PREFER_ENV_PATH decide either way', () => {
    const order = (env: NodeJS.ProcessEnv, python: PythonPlace) =>
      folders('linux', env, python).map((line) => line.split(' ')[0]);
    const conda = { ...SYSTEM, prefix: '/opt/conda/envs/x', userBase: null };
    expect(order({ JUPYTER_PREFER_ENV_PATH: '0' }, VENV).slice(0, 2)).toEqual(['user', 'environment']);
    expect(order({ JUPYTER_PREFER_ENV_PATH: '1' }, conda).slice(0, 2)).toEqual(['environment', 'user']);
    expect(order({}, conda).slice(0, 2)).toEqual(['user', 'environment']);
    const active = { CONDA_PREFIX: '/opt/conda/envs/x', CONDA_DEFAULT_ENV: 'x' };
    expect(order(active, conda).slice(0, 2)).toEqual(['environment', 'user']);
    expect(order({ ...active, CONDA_DEFAULT_ENV: 'base' }, conda).slice(0, 2)).toEqual([
      'user',
      'environment',
    ]);
  });

  it('takes JUPYTER_DATA_DIR, XDG_DATA_HOME and IPYTHONDIR where they are set', () => {
    expect(folders('linux', { XDG_DATA_HOME: '/x' }, null)[0]).toBe('user /x/jupyter/kernels');
    expect(folders('linux', { XDG_DATA_HOME: '/x', JUPYTER_DATA_DIR: '/d' }, null)[0]).toBe(
      'user /d/kernels',
    );
    expect(folders('linux', { IPYTHONDIR: '/i' }, null).at(-1)).toBe('IPython /i/kernels');
  });

  it('on macOS: ~/Library/Jupyter', () => {
    const python = {
      ...SYSTEM,
      prefix: '/opt/homebrew/opt/python',
      userBase: '/Users/ada/Library/Python/3.11',
    };
    expect(folders('darwin', {}, python, '/Users/ada')).toEqual([
      'user /Users/ada/Library/Jupyter/kernels',
      'user /Users/ada/Library/Python/3.11/share/jupyter/kernels',
      'environment /opt/homebrew/opt/python/share/jupyter/kernels',
      'system /usr/local/share/jupyter/kernels',
      'system /usr/share/jupyter/kernels',
      'IPython /Users/ada/.ipython/kernels',
    ]);
  });

  it('with JUPYTER_PLATFORM_DIRS: what platformdirs says', () => {
    const env = { JUPYTER_PLATFORM_DIRS: '1' };
    const mac = folders('darwin', env, null, '/Users/ada');
    expect(mac[0]).toBe('user /Users/ada/Library/Application Support/Jupyter/kernels');
    expect(mac[1]).toBe('system /Library/Application Support/Jupyter/kernels');
    expect(folders('linux', { ...env, XDG_DATA_DIRS: '/s1:/s2' }, null).slice(1, 3)).toEqual([
      'system /s1/jupyter/kernels',
      'system /s2/jupyter/kernels',
    ]);
    const windows = folders('win32', { ...env, LOCALAPPDATA: 'C:\\L' }, null, 'C:\\Users\\ada');
    expect(windows[0]).toBe('user C:\\L\\Jupyter\\kernels');
  });

  it('on Windows: %APPDATA%, and %PROGRAMDATA% only where it is trusted', () => {
    const env = {
      APPDATA: 'C:\\Users\\ada\\AppData\\Roaming',
      PROGRAMDATA: 'C:\\ProgramData',
      JUPYTER_PATH: 'D:\\a;D:\\b',
    };
    const python = { ...SYSTEM, prefix: 'C:\\Python312', userBase: null };
    expect(folders('win32', env, python, 'C:\\Users\\ada')).toEqual([
      'JUPYTER_PATH D:\\a\\kernels',
      'JUPYTER_PATH D:\\b\\kernels',
      'user C:\\Users\\ada\\AppData\\Roaming\\jupyter\\kernels',
      'environment C:\\Python312\\share\\jupyter\\kernels',
      'IPython C:\\Users\\ada\\.ipython\\kernels',
    ]);
    const trusted = folders('win32', { ...env, JUPYTER_USE_PROGRAMDATA: '1' }, python, 'C:\\Users\\ada');
    expect(trusted).toContain('system C:\\ProgramData\\jupyter\\kernels');
    expect(folders('win32', {}, python, 'C:\\Users\\ada')[0]).toBe(
      'user C:\\Users\\ada\\.jupyter\\data\\kernels',
    );
  });

  it('leaves the folders of JUPYTER_PATH as they are written, as jupyter_core does', () => {
    const windows = folders('win32', { JUPYTER_PATH: 'C:/a/../b;D:\\c\\;E:;F:/g/' }, null, 'C:\\Users\\ada');
    expect(windows.slice(0, 4)).toEqual([
      'JUPYTER_PATH C:/a/../b\\kernels',
      'JUPYTER_PATH D:\\c\\kernels',
      'JUPYTER_PATH E:kernels',
      'JUPYTER_PATH F:/g/kernels',
    ]);
    expect(folders('linux', { JUPYTER_PATH: '/a//:/b/../c' }, null, '/home/ada').slice(0, 2)).toEqual([
      'JUPYTER_PATH /a/kernels',
      'JUPYTER_PATH /b/../c/kernels',
    ]);
  });

  it('agrees with the jupyter_core that is installed here', async () => {
    const { python } = await testEnvironment();
    const ask =
      'import json; from jupyter_client.kernelspec import KernelSpecManager as M; print(json.dumps(M().kernel_dirs))';
    for (const extra of [
      {},
      { JUPYTER_PATH: ['/a', 'b/../c/', '//d'].join(delimiter) },
      { JUPYTER_PREFER_ENV_PATH: '0' },
    ]) {
      const env = { ...process.env, ...extra };
      const theirs = JSON.parse(execFileSync(python, ['-c', ask], { encoding: 'utf8', env })) as string[];
      const place = await findPythonPlace(python);
      const ours = kernelFolders({ platform: process.platform, env, home: homedir(), python: place });
      // Jupyter names a folder twice where two of its sources are the same one.
      expect(ours.map(({ folder }) => folder)).toEqual([...new Set(theirs)]);
    }
  });
});
