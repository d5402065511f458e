import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';
import type { KernelCommandMaker } from '../launch.ts';
import type { UsableKernel } from './find.ts';
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

/**
 * A value of a kernelspec's `env` with `$NAME`, `${NAME}` and `$$` replaced as Python's
 * `string.Template.safe_substitute` does: a name that is not set stays as it is written.
 */
export function expandedVariable(value: string, env: NodeJS.ProcessEnv): string {
  return value.replace(
    /\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g,
    (whole, dollar: string | undefined, plain: string | undefined, braced: string | undefined) =>
      dollar !== undefined ? '$' : (env[plain ?? braced ?? ''] ?? whole),
  );
}

/**
 * Variables that language runtimes find their own files by, beyond the allow-list of every kernel. What else a
 * kernel needs of the session it names in its kernelspec: `"env": {"TOKEN": "${TOKEN}"}`.
 */
const RUNTIME_VARIABLES = [
  /^CONDA_PREFIX$/,
  /^VIRTUAL_ENV$/,
  /^JAVA_HOME$/,
  /^R_(HOME|LIBS|LIBS_USER|LIBS_SITE)$/,
  /^JULIA_(DEPOT_PATH|PROJECT|LOAD_PATH|NUM_THREADS)$/,
  /^NODE_PATH$/,
  /^(GOPATH|GOROOT|DOTNET_ROOT|RUSTUP_HOME|CARGO_HOME|GEM_HOME|GEM_PATH|XDG_[A-Z]+_HOME)$/,
];

/** What a kernelspec's kernel gets of the session, and what its kernelspec sets. */
export function kernelspecVariables(spec: KernelSpec, session: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(session)) {
    if (value !== undefined && RUNTIME_VARIABLES.some((pattern) => pattern.test(name)))
      variables[name] = value;
  }
  for (const [name, value] of Object.entries(spec.env)) variables[name] = expandedVariable(value, session);
  return variables;
}

/** Launches a kernelspec's kernel as its argv says: nothing injected, no counters. */
export function kernelspecCommand(
  kernel: UsableKernel,
  python: PythonPlace | null,
  session: NodeJS.ProcessEnv = process.env,
): KernelCommandMaker {
  return (_folder, connectionFile) => {
    const [, ...args] = launchWords(kernel.spec, { connectionFile, resourceFolder: kernel.folder, python });
    return {
      argv: [kernel.program, ...args],
      countersPath: null,
      identityPath: null,
      variables: kernelspecVariables(kernel.spec, session),
      interruptMode: kernel.spec.interruptMode,
      mayLackControl: true,
    };
  };
}
