import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { lock } from 'proper-lockfile';
import { cacheFolder } from '../../harness/kernel/environment/index.ts';
import { findInterpreter } from '../../harness/kernel/environment/interpreter.ts';
import { venvPython } from '../../harness/kernel/environment/platform.ts';
import { runCommand } from '../../harness/kernel/environment/run-command.ts';
import { searchedProgram } from '../../harness/kernel/kernelspec/launch-words.ts';
import type { KernelCommandMaker } from '../../harness/kernel/launch.ts';
import type { RegistryKernel } from './registry-kernels.ts';

// An installation on a busy machine; the packages are small.
const INSTALL_MS = 300_000;

/** A kernel that is there, or why it is not. */
export type InstalledKernel =
  | { readonly ok: true; readonly makeCommand: KernelCommandMaker }
  | { readonly ok: false; readonly reason: string };

/**
 * Install a kernel from its registry into a folder of its own in the cache, once; what Debian has must be there already.
 * Nothing else of the machine is touched.
 */
export async function installKernel(kernel: RegistryKernel): Promise<InstalledKernel> {
  if (kernel.program !== undefined && (await missingProgram(kernel.program))) {
    const wanted = kernel.registry === 'Debian' ? kernel.packages : (kernel.needs ?? []);
    return {
      ok: false,
      reason: `needs ${wanted.join(', ')} of Debian (no program ${kernel.program} on the path)`,
    };
  }
  if (kernel.registry === 'Debian') return { ok: true, makeCommand: commandOf(kernel, '', '') };
  const installed = await installPackages(kernel.registry, kernel.packages, kernel.pythonVersion);
  if (!installed.ok) return installed;
  const { folder, python, bin } = installed;
  if (kernel.argv[0] !== '{spec}') return { ok: true, makeCommand: commandOf(kernel, python, bin) };
  const spec = await ownKernelspec(join(folder, 'venv', 'share', 'jupyter', 'kernels'));
  return { ok: true, makeCommand: commandOf({ ...kernel, ...spec }, python, bin) };
}

/** Packages that are there, or why they are not. */
export type InstalledPackages =
  | { readonly ok: true; readonly folder: string; readonly python: string; readonly bin: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Install packages into a folder of their own in the cache, once.
 *
 * @param pythonVersion such as `3.12`; default: that of the kernel environment
 */
export async function installPackages(
  registry: 'PyPI' | 'npm',
  packages: readonly string[],
  pythonVersion?: string,
): Promise<InstalledPackages> {
  const name = [...packages, ...(pythonVersion === undefined ? [] : [`py${pythonVersion}`])].join('+');
  const folder = join(cacheFolder(), 'registry-kernels', name.replace(/[^\w.=@+-]/g, '_'));
  await mkdir(folder, { recursive: true });
  const release = await lock(folder, { retries: { retries: 600, minTimeout: 500, maxTimeout: 500 } });
  try {
    const marker = join(folder, 'complete');
    const isThere = await readFile(marker, 'utf8').then(
      () => true,
      () => false,
    );
    const failed = isThere ? null : await installInto(folder, registry, packages, pythonVersion);
    if (failed !== null) return { ok: false, reason: failed };
    if (!isThere) await writeFile(marker, '');
  } finally {
    await release();
  }
  const python = venvPython(join(folder, 'venv'), process.platform);
  const bin = registry === 'npm' ? join(folder, 'node_modules', '.bin') : join(python, '..');
  return { ok: true, folder, python, bin };
}

async function missingProgram(program: string): Promise<boolean> {
  const { access } = await import('node:fs/promises');
  for (const path of searchedProgram(program, process.platform, process.env)) {
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return false;
  }
  return true;
}

async function installInto(
  folder: string,
  registry: 'PyPI' | 'npm',
  packages: readonly string[],
  pythonVersion: string | undefined,
): Promise<string | null> {
  const steps: [string, string[]][] = [];
  if (registry === 'npm') {
    steps.push([
      'npm',
      ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...packages],
    ]);
  } else {
    const { executable } = await findInterpreter(pythonVersion);
    const venv = join(folder, 'venv');
    await rm(venv, { recursive: true, force: true });
    const python = venvPython(venv, process.platform);
    steps.push([executable, ['-m', 'venv', venv]]);
    steps.push([python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]]);
  }
  for (const [program, args] of steps) {
    const { code, stdout, stderr, timedOut } = await runCommand(program, args, { timeoutMs: INSTALL_MS });
    if (code !== 0 || timedOut) {
      const last = `${stdout}\n${stderr}`
        .trim()
        .split('\n')
        .filter((line) => /error/i.test(line))
        .at(-1);
      return `cannot be installed: ${(last ?? `${program} ended with ${code}`).slice(0, 200)}`;
    }
  }
  return null;
}

/** The kernelspec that a package brings. */
async function ownKernelspec(folder: string): Promise<Pick<RegistryKernel, 'argv' | 'env'>> {
  const [name = ''] = await readdir(folder);
  const { argv, env = {} } = JSON.parse(await readFile(join(folder, name, 'kernel.json'), 'utf8')) as {
    argv: [string, ...string[]];
    env?: Record<string, string>;
  };
  const words = argv.map((word) => word.replaceAll('{resource_dir}', join(folder, name)));
  return { argv: words as [string, ...string[]], env };
}

function commandOf(kernel: RegistryKernel, python: string, bin: string): KernelCommandMaker {
  return (_folder, connectionFile) => {
    const argv = kernel.argv.map((word) =>
      word
        .replaceAll('{connection_file}', connectionFile)
        .replaceAll('{python}', python)
        .replaceAll('{bin}', bin),
    );
    return {
      argv: argv as [string, ...string[]],
      countersPath: null,
      identityPath: null,
      mayLackControl: true,
      interruptMode: kernel.interruptMode ?? 'signal',
      variables: {
        ...kernel.env,
        // As its kernelspec would find its own programs.
        ...(bin === '' ? {} : { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` }),
      },
    };
  };
}
