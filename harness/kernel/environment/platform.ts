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
