/**
 * What differs between operating systems in making and finding Python environments. Pure: the platform is
 * an argument, so that every branch is tested on every machine.
 */
import { posix, win32 } from 'node:path';

/** A command and its leading arguments. */
export type Command = readonly [executable: string, ...args: string[]];

/** `node:path` of a platform, which need not be the one this runs on. */
export function pathOf(platform: NodeJS.Platform): typeof posix {
  return platform === 'win32' ? win32 : posix;
}

/** The interpreter inside a virtual environment's folder. */
export function venvPython(folder: string, platform: NodeJS.Platform): string {
  return platform === 'win32'
    ? win32.join(folder, 'Scripts', 'python.exe')
    : posix.join(folder, 'bin', 'python');
}

/**
 * Commands that may start Python, best first. On Windows the launcher comes first, because `python` there
 * may be the Microsoft Store's placeholder, which only prints an advertisement.
 */
export function pythonCandidates(platform: NodeJS.Platform): readonly Command[] {
  return platform === 'win32' ? [['py', '-3'], ['python']] : [['python3'], ['python']];
}

/**
 * Commands that may start a named version of Python, best first; more may lie in a version manager's folder.
 *
 * @param version `3.13`, `3.13.1`, or `3.13t` for one without the global interpreter lock
 */
export function versionCandidates(version: string, platform: NodeJS.Platform): readonly Command[] {
  const minor = version.replace(/^(\d+\.\d+)(?:\.\d+)?(t?)$/, '$1$2');
  const unversioned = pythonCandidates(platform);
  return platform === 'win32'
    ? [['py', `-${minor}`], [`python${minor}`], ...unversioned]
    : [[`python${minor}`], ...unversioned];
}

/**
 * Where pyenv keeps each version that it installed, and the interpreter in it: its shims on PATH start only
 * those that are switched on.
 */
export function pyenvVersions(
  env: NodeJS.ProcessEnv,
  home: string,
  platform: NodeJS.Platform,
): { folder: string; interpreterOf: (name: string) => string } {
  const { join } = pathOf(platform);
  if (platform === 'win32') {
    const root = env['PYENV_ROOT'] || env['PYENV'] || join(home, '.pyenv', 'pyenv-win');
    const folder = join(root, 'versions');
    return { folder, interpreterOf: (name) => join(folder, name, 'python.exe') };
  }
  const folder = join(env['PYENV_ROOT'] || join(home, '.pyenv'), 'versions');
  return { folder, interpreterOf: (name) => join(folder, name, 'bin', 'python') };
}

/** How to get Python, as a sentence. */
export function pythonRemedy(platform: NodeJS.Platform): string {
  const install = {
    win32:
      'Install Python from https://www.python.org/downloads/ or with "winget install Python.Python.3.13"',
    darwin: 'Install Python with "brew install python" or from https://www.python.org/downloads/',
    linux:
      'Install Python with the system\'s package manager, for example "apt install python3 python3-venv"',
  } as const;
  const how = platform === 'win32' || platform === 'darwin' ? install[platform] : install.linux;
  return `${how}, or name an interpreter with --python.`;
}

/** How to get the `venv` module with its pip, as a sentence. `version` is `major.minor`. */
export function venvRemedy(version: string, platform: NodeJS.Platform): string {
  if (platform === 'win32' || platform === 'darwin') {
    return 'Use a Python that has venv and ensurepip (python.org has), or install uv, and name it with --python.';
  }
  return (
    `Install it ("apt install python${version}-venv" on Debian and Ubuntu), install uv, ` +
    'or name another Python with --python.'
  );
}
