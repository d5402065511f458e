/**
 * Where kernelspecs are looked for: `jupyter_core/paths.py` 5.9 and `jupyter_client/kernelspec.py` 8, in their
 * order. Pure: platform, variables and interpreter are arguments, so that every branch is tested everywhere.
 */
import { posix, win32 } from 'node:path';

/** What the search has to know of the Python that `jupyter` would run on. */
export interface PythonPlace {
  /** Absolute path of the interpreter. */
  readonly executable: string;
  /** `major.minor`. */
  readonly version: string;
  /** `sys.prefix`: kernelspecs of its environment are below it. */
  readonly prefix: string;
  /** A virtual environment that this user owns. */
  readonly isOwnVirtual: boolean;
  /** `site.getuserbase()`; `null` where the user's site folder is switched off. */
  readonly userBase: string | null;
}

export interface SearchSurroundings {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** `null`: no Python was found, and the environment has no folder of its own. */
  readonly python: PythonPlace | null;
}

/** Whose a folder is, in words that a person knows. */
export type FolderSource = 'JUPYTER_PATH' | 'user' | 'environment' | 'system' | 'IPython';

export interface KernelFolder {
  readonly folder: string;
  readonly source: FolderSource;
}

const FALSE_WORDS = ['no', 'n', 'false', 'off', '0', '0.0'];

/** Whether a variable switches something on; `null` when it is not there. As jupyter_core's `envset`. */
function switched(env: NodeJS.ProcessEnv, name: string): boolean | null {
  const value = env[name];
  return value === undefined ? null : !FALSE_WORDS.includes(value.toLowerCase());
}

function prefersEnvironment({ env, python }: SearchSurroundings): boolean {
  const stated = switched(env, 'JUPYTER_PREFER_ENV_PATH');
  if (stated !== null) return stated;
  if (python === null) return false;
  if (python.isOwnVirtual) return true;
  const conda = env['CONDA_PREFIX'];
  return (
    conda !== undefined && python.prefix.startsWith(conda) && (env['CONDA_DEFAULT_ENV'] ?? 'base') !== 'base'
  );
}

/** `Jupyter` on Windows and macOS but for Homebrew's Python, as jupyter_core's `APPNAME`. */
function appName({ platform, python }: SearchSurroundings): string {
  const isHomebrew = python?.prefix.startsWith('/opt/homebrew') ?? false;
  return platform === 'win32' || (platform === 'darwin' && !isHomebrew) ? 'Jupyter' : 'jupyter';
}

function userDataFolder(around: SearchSurroundings): string {
  const { platform, env, home } = around;
  const { join } = platform === 'win32' ? win32 : posix;
  const given = env['JUPYTER_DATA_DIR'];
  if (given) return given;
  const usesPlatformDirs = switched(env, 'JUPYTER_PLATFORM_DIRS') ?? false;
  if (platform === 'darwin') {
    return usesPlatformDirs
      ? join(home, 'Library', 'Application Support', appName(around))
      : join(home, 'Library', 'Jupyter');
  }
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'] || join(home, 'AppData', 'Local');
    if (usesPlatformDirs) return join(local, appName(around));
    const roaming = env['APPDATA'];
    return roaming
      ? join(roaming, 'jupyter')
      : join(env['JUPYTER_CONFIG_DIR'] || join(home, '.jupyter'), 'data');
  }
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'jupyter');
}

function systemDataFolders(around: SearchSurroundings, environment: readonly string[]): readonly string[] {
  const { platform, env, python } = around;
  const usesPlatformDirs = switched(env, 'JUPYTER_PLATFORM_DIRS') ?? false;
  if (platform === 'win32') {
    // Anybody may write to %PROGRAMDATA%, so that jupyter_core uses it only when asked to (since 5.8).
    const programData = env['PROGRAMDATA'];
    const trusts = (switched(env, 'JUPYTER_USE_PROGRAMDATA') ?? false) && programData !== undefined;
    if (!trusts) return environment;
    return [win32.join(programData, usesPlatformDirs ? appName(around) : 'jupyter')];
  }
  if (!usesPlatformDirs) return ['/usr/local/share/jupyter', '/usr/share/jupyter'];
  if (platform === 'darwin') {
    const own = posix.join('/Library/Application Support', appName(around));
    return python?.prefix.startsWith('/opt/homebrew')
      ? [posix.join('/opt/homebrew/share', appName(around)), own]
      : [own];
  }
  const shares = (env['XDG_DATA_DIRS'] || '/usr/local/share:/usr/share').split(':');
  return shares.filter((share) => share !== '').map((share) => posix.join(share, appName(around)));
}

/** A folder without the separators at its end, as jupyter_core cuts them off (`rstrip(os.sep)`). */
function withoutEnd(folder: string, separator: string): string {
  let end = folder.length;
  while (end > 0 && folder[end - 1] === separator) end -= 1;
  return folder.slice(0, end);
}

/** Python's `os.path.join` of a folder and a name: unlike Node's, it leaves the folder as it is written. */
function joined(folder: string, name: string, separator: string): string {
  const ends = separator === '\\' ? /[\\/:]$/ : /\/$/;
  return folder === '' || ends.test(folder) ? `${folder}${name}` : `${folder}${separator}${name}`;
}

/**
 * The folders that hold kernelspecs, the one that wins first, each once. They need not exist.
 *
 * Order: JUPYTER_PATH; the user's; the environment's (before the user's in a virtual environment of one's own, in
 * a conda environment other than base, or with JUPYTER_PREFER_ENV_PATH); the system's; IPython's.
 */
export function kernelFolders(around: SearchSurroundings): readonly KernelFolder[] {
  const { platform, env, home, python } = around;
  const path = platform === 'win32' ? win32 : posix;
  const at = (source: FolderSource, folders: readonly string[]): KernelFolder[] =>
    folders.map((folder) => ({ folder, source }));
  const kernels = (folders: readonly KernelFolder[]): KernelFolder[] =>
    folders.map(({ folder, source }) => ({ folder: joined(folder, 'kernels', path.sep), source }));

  const stated = (env['JUPYTER_PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => withoutEnd(folder, path.sep));
  const user = [userDataFolder(around)];
  if (python?.userBase) user.push(path.join(python.userBase, 'share', 'jupyter'));
  const environment = python === null ? [] : [path.join(python.prefix, 'share', 'jupyter')];
  const system = systemDataFolders(around, environment);
  // The environment of the system's own Python is the system's place, and not the environment's.
  const own = system === environment ? environment : environment.filter((folder) => !system.includes(folder));
  const middle = [...at('user', user), ...at('environment', own)];
  if (prefersEnvironment(around)) {
    middle.sort((a, b) => Number(a.source === 'user') - Number(b.source === 'user'));
  }
  const ipython = env['IPYTHONDIR'] || path.join(home, '.ipython');
  const all = [
    ...kernels([...at('JUPYTER_PATH', stated), ...middle, ...at('system', system)]),
    { folder: path.join(ipython, 'kernels'), source: 'IPython' as const },
  ];
  const key = (folder: string) => (platform === 'win32' ? folder.toLowerCase() : folder);
  return all.filter(
    ({ folder }, index) => all.findIndex((other) => key(other.folder) === key(folder)) === index,
  );
}
