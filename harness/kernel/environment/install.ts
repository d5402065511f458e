import { statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deadlineMs } from '../../model/deadlines.ts';
import type { SoakError } from '../../model/errors.ts';
import { type InstallationStep, type Installer, installError, venvMissingError } from './install-error.ts';
import type { Interpreter } from './interpreter.ts';
import { venvPython } from './platform.ts';
import type { Installation } from './requirements.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/**
 * Settings that would make an installer install other packages or elsewhere. Index, proxy and certificate
 * settings stay: without them a company's network cannot be used.
 */
const REDIRECTING_SETTINGS = [
  'CONDA_PREFIX',
  'PIP_CONSTRAINT',
  'PIP_DRY_RUN',
  'PIP_NO_DEPS',
  'PIP_PREFIX',
  'PIP_PYTHON',
  'PIP_REQUIREMENT',
  'PIP_ROOT',
  'PIP_TARGET',
  'PYTHONHOME',
  'PYTHONPATH',
  'UV_CONSTRAINT',
  'UV_OVERRIDE',
  'UV_PYTHON',
  'UV_SYSTEM_PYTHON',
  'VIRTUAL_ENV',
] as const;

export interface InstallOptions {
  readonly interpreter: Interpreter;
  readonly installation: Installation;
  /** Where the virtual environment goes; must not exist. Its parent must. */
  readonly folder: string;
  /** Which one to use; by default uv where it runs, else pip. */
  readonly installer: Installer | undefined;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes a virtual environment, installs the packages and byte-compiles them. Both installers leave the same
 * packages: what `venv` seeds (pip, setuptools) is taken out again. Returns the installer used.
 *
 * @throws SoakError `no-network`, `disk-full`, `venv-missing`, `no-such-version`, `package-not-built`,
 *   `conflicting-requirements`, `package-not-found` or `installation`.
 */
export async function installPackages(options: InstallOptions): Promise<Installer> {
  const found: InstallerFound = options.installer
    ? { kind: options.installer, version: null }
    : await findInstaller(options.interpreter, dirname(options.folder), options.signal);
  if (found.kind === 'none') throw found.error;
  const installer = found.kind;
  options.onProgress(
    `Making the kernel environment with ${installer} (Python ${options.interpreter.version}); this is done once`,
  );
  if (options.installation.constraints !== '') {
    options.onProgress('It is not the locked one: versions are as the lock has them, and no hash is checked');
  }
  const files = await writeRequirements(options);
  await (installer === 'uv' ? installWithUv(options, files) : installWithPip(options, files));
  return installer;
}

/** What would install packages into an environment of an interpreter. */
export type InstallerFound = UsableInstaller | { readonly kind: 'none'; readonly error: SoakError };

export interface UsableInstaller {
  readonly kind: Installer;
  /** `null` when it is known only once the environment is there. */
  readonly version: string | null;
}

/** uv where it runs in `folder`, else pip where the interpreter can make an environment with it. */
export async function findInstaller(
  interpreter: Interpreter,
  folder: string,
  signal?: AbortSignal,
): Promise<InstallerFound> {
  // In the folder where it will run: a version manager's shim may work in one folder and not in another.
  const uv = await runCommand('uv', ['--version'], { cwd: folder, timeoutMs: deadlineMs('find-uv'), signal });
  if (uv.code === 0) return { kind: 'uv', version: /\d+(\.\d+)+/.exec(uv.stdout)?.[0] ?? null };
  // venv brings its own pip, so that its version is known only afterwards.
  return interpreter.ensurepip
    ? { kind: 'pip', version: null }
    : { kind: 'none', error: venvMissingError(interpreter) };
}

/** Arguments that name the requirements, understood by both installers. */
async function writeRequirements({ folder, installation }: InstallOptions): Promise<readonly string[]> {
  const requirements = join(dirname(folder), 'requirements.txt');
  await writeFile(requirements, installation.requirements);
  // The lock: what has no hash in it, such as a package that an altered index adds, is refused.
  if (installation.constraints === '') return ['--require-hashes', '-r', requirements];
  const constraints = join(dirname(folder), 'constraints.txt');
  await writeFile(constraints, installation.constraints);
  return ['-r', requirements, '-c', constraints];
}

async function installWithUv(options: InstallOptions, files: readonly string[]): Promise<void> {
  const { folder, interpreter } = options;
  const python = venvPython(folder, process.platform);
  await step(options, 'uv', 'uv venv', 'uv', [
    'venv',
    '--quiet',
    '--no-project',
    '--python',
    interpreter.executable,
    folder,
  ]);
  await step(options, 'uv', 'uv pip install', 'uv', [
    'pip',
    'install',
    '--no-progress',
    '--compile-bytecode',
    '--python',
    python,
    ...files,
  ]);
}

async function installWithPip(options: InstallOptions, files: readonly string[]): Promise<void> {
  const { folder, interpreter } = options;
  const python = venvPython(folder, process.platform);
  const pip = ['-I', '-m', 'pip', '--disable-pip-version-check', '--no-input'];
  await step(options, 'pip', 'python -m venv', interpreter.executable, ['-I', '-m', 'venv', folder]);
  // Before, not after: if a package needs setuptools, it is installed again.
  await step(options, 'pip', 'pip uninstall', python, [...pip, 'uninstall', '--quiet', '-y', 'setuptools']);
  await step(options, 'pip', 'pip install', python, [
    ...pip,
    'install',
    '--progress-bar=off',
    '--no-warn-script-location',
    '--compile',
    ...files,
  ]);
  await step(options, 'pip', 'pip uninstall', python, [...pip, 'uninstall', '--quiet', '-y', 'pip']);
}

async function step(
  options: InstallOptions,
  installer: Installer,
  name: string,
  executable: string,
  args: readonly string[],
): Promise<CommandResult> {
  const { folder, interpreter, onProgress, signal } = options;
  const result = await runCommand(executable, args, {
    // uv and pip read settings of the project in the working folder: there is none here.
    cwd: dirname(folder),
    env: installerEnvironment(process.env),
    timeoutMs: deadlineMs('install-step'),
    signal,
    onLine: (line) => {
      const progress = progressOf(line);
      if (progress !== null) onProgress(progress);
    },
  });
  if (result.code === 0) return result;
  const freeBytes = await freeBytesAt(dirname(folder));
  const context: InstallationStep = { installer, step: name, interpreter, folder, freeBytes };
  throw installError(result, context);
}

async function freeBytesAt(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    // Only a hint for the message, and not every file system tells.
    return null;
  }
}

/**
 * An installer's line as a word about what goes on, or `null` for one that says nothing to a person who waits.
 * Both print one line a package at most, and only while they download.
 */
export function progressOf(line: string): string | null {
  const collecting = /^Collecting (\S+)/.exec(line);
  if (collecting) return `Fetching ${collecting[1]}`;
  const installing = /^Installing collected packages: (.*)/.exec(line);
  if (installing) return `Installing ${installing[1]?.split(',').length} packages and compiling them`;
  return /^(Building|Resolved|Prepared|Installed) \S/.test(line) ? line.trim() : null;
}

/** The process environment without what would redirect an installation, and with what makes it quiet. */
export function installerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(
    Object.entries(env).filter(([name]) => !(REDIRECTING_SETTINGS as readonly string[]).includes(name)),
  );
  return {
    ...kept,
    // Overrides a configuration file that asks for the user folder, which a virtual environment refuses.
    PIP_USER: '0',
    PIP_REQUIRE_VIRTUALENV: '0',
    PYTHONIOENCODING: 'utf-8',
    UV_PYTHON_DOWNLOADS: 'never',
    UV_NO_PROGRESS: '1',
    NO_COLOR: '1',
  };
}
