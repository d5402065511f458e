import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';
import type { PythonPlace } from './search-paths.ts';
import type { KernelSpec } from './spec.ts';

/** What the words in braces of an argv stand for. */
export interface LaunchPlaces {
  readonly connectionFile: string;
  /** Folder of the kernel.json. */
  readonly resourceFolder: string;
  readonly python: PythonPlace | null;
}

/**
 * The words of a launch, as jupyter_client makes them (`KernelManager.format_kernel_cmd`, `launch_kernel`):
 * `{connection_file}`, `{resource_dir}` and `{prefix}` are replaced, other braces stay; a leading `~` is the home
 * folder; a plain `python`, `python3` or `python3.N` of the searching interpreter's version is that interpreter.
 */
export function launchWords(spec: KernelSpec, places: LaunchPlaces): [string, ...string[]] {
  const { python } = places;
  const values: Readonly<Record<string, string | undefined>> = {
    connection_file: places.connectionFile,
    resource_dir: places.resourceFolder,
    prefix: python?.prefix,
  };
  const replaced = spec.argv.map((word) =>
    word
      .replace(/\{([A-Za-z0-9_]+)\}/g, (whole, name: string) =>
        Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
      )
      .replace(/^~(?=$|[\\/])/, () => homedir()),
  );
  const [first = '', ...rest] = replaced;
  const major = python?.version.split('.')[0];
  const isOurPython =
    python !== null && ['python', `python${major}`, `python${python.version}`].includes(first);
  return [isOurPython ? python.executable : first, ...rest];
}

/** Paths at which a program may be, best first: itself when it has a folder, else along PATH. */
export function searchedProgram(
  word: string,
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const path = platform === 'win32' ? win32 : posix;
  const endings =
    platform === 'win32' && path.extname(word) === ''
      ? (env['PATHEXT'] || '.COM;.EXE;.BAT;.CMD').split(';')
      : [''];
  const folders = /[\\/]/.test(platform === 'win32' ? word : word.replaceAll('\\', ''))
    ? ['']
    : (env['PATH'] ?? env['Path'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) =>
    endings.map((ending) => (folder === '' ? `${word}${ending}` : path.join(folder, `${word}${ending}`))),
  );
}
