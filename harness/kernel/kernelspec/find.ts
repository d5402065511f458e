import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { sha256 } from '../../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { quoted } from '../../model/quoted.ts';
import { readInput } from '../../model/read-input.ts';
import { launchWords, searchedProgram } from './launch-words.ts';
import { findPythonPlace } from './python-place.ts';
import { type FolderSource, type KernelFolder, kernelFolders, type PythonPlace } from './search-paths.ts';
import { type KernelSpec, parsedSpec } from './spec.ts';

/** A kernelspec that was found. */
interface FoundBase {
  /** Lower case, as jupyter_client compares names. */
  readonly name: string;
  /** Folder of its kernel.json, absolute. */
  readonly folder: string;
  readonly source: FolderSource;
  /** Folder of the spec of the same name that is used instead; `null`: this one is used. */
  readonly shadowedBy: string | null;
}

export interface UsableKernel extends FoundBase {
  readonly state: 'usable';
  readonly spec: KernelSpec;
  /** Of the bytes of kernel.json. */
  readonly sha256: string;
  /** Absolute path of the program that its argv begins with. */
  readonly program: string;
}

export interface BrokenKernel extends FoundBase {
  readonly state: 'broken';
  readonly reason: string;
}

export type FoundKernel = UsableKernel | BrokenKernel;

/** All that a search found, the spec that wins before those that it hides. */
export interface KernelSearch {
  readonly python: PythonPlace | null;
  /** The folders searched, in order, whether they exist or not. */
  readonly folders: readonly KernelFolder[];
  readonly kernels: readonly FoundKernel[];
}

/** jupyter_client's own rule for names (kernelspec.py, `_kernel_name_pat`). */
const KERNEL_NAME = /^[a-z0-9._-]+$/i;

/**
 * Look for kernelspecs where Jupyter does.
 *
 * @param python the interpreter whose environment counts; default: the first on PATH
 */
export async function findKernels(
  options: { python?: string | undefined; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {},
): Promise<KernelSearch> {
  const env = options.env ?? process.env;
  const python = await findPythonPlace(options.python, options.signal);
  const folders = kernelFolders({ platform: process.platform, env, home: homedir(), python });
  const winners = new Map<string, string>();
  const kernels: FoundKernel[] = [];
  for (const { folder, source } of folders) {
    for (const entry of await kernelFoldersIn(folder)) {
      const name = entry.toLowerCase();
      const place = join(folder, entry);
      const base = { name, folder: place, source, shadowedBy: winners.get(name) ?? null };
      kernels.push(await readKernel(base, python, env));
      if (!winners.has(name)) winners.set(name, place);
    }
  }
  kernels.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { python, folders, kernels };
}

/** Whether a path is a folder that can be seen. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

async function kernelFoldersIn(folder: string): Promise<string[]> {
  // A folder of the path that is not there, or may not be read, holds no kernels: as for Jupyter.
  const entries = await readdir(folder).catch(() => []);
  const found: string[] = [];
  for (const entry of entries.sort()) {
    const file = await stat(join(folder, entry, 'kernel.json')).catch(() => null);
    if (file?.isFile()) found.push(entry);
  }
  return found;
}

async function readKernel(
  base: FoundBase,
  python: PythonPlace | null,
  env: NodeJS.ProcessEnv,
): Promise<FoundKernel> {
  const broken = (reason: string): BrokenKernel => ({ ...base, state: 'broken', reason });
  if (!KERNEL_NAME.test(base.name)) {
    return broken('its folder has a name that is no kernel name (letters, digits, ".", "_" and "-")');
  }
  let bytes: Buffer;
  try {
    bytes = await readInput(join(base.folder, 'kernel.json'));
  } catch (error) {
    return broken(`kernel.json cannot be read: ${(error as Error).message}`);
  }
  const parsed = parsedSpec(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  if (!parsed.ok) return broken(parsed.reason);
  const [word] = launchWords(parsed.spec, { connectionFile: '', resourceFolder: base.folder, python });
  const program = await firstExecutable(searchedProgram(word, process.platform, env));
  if (program === null) return broken(`its program ${word} is not there or cannot be executed`);
  return { ...base, state: 'usable', spec: parsed.spec, sha256: sha256(bytes), program };
}

async function firstExecutable(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const isFile = (await stat(path).catch(() => null))?.isFile() ?? false;
    if (!isFile || !isAbsolute(path)) continue;
    const mayRun = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (mayRun) return path;
  }
  return null;
}

/**
 * The kernel of that name which Jupyter would take.
 *
 * @throws SoakError `unknown-kernel`, `broken-kernel`
 */
export function namedKernel(search: KernelSearch, name: string): UsableKernel {
  const found = search.kernels.find(
    (kernel) => kernel.name === name.toLowerCase() && kernel.shadowedBy === null,
  );
  if (found === undefined) {
    const names = search.kernels.filter(({ shadowedBy }) => shadowedBy === null).map((kernel) => kernel.name);
    throw new SoakError('unknown-kernel', `There is no kernelspec named ${quoted(name)}.`, {
      remedy:
        names.length > 0
          ? `Choose one of: ${names.join(', ')}. \`soak kernels\` lists the folders that were searched.`
          : 'No kernelspec was found. `soak kernels` lists the folders that were searched.',
    });
  }
  if (found.state === 'broken') {
    throw new SoakError(
      'broken-kernel',
      `The kernel ${found.name} (${found.folder}) cannot be used: ${found.reason}.`,
      {
        remedy: 'Repair or remove that kernelspec. `soak kernels` lists those that can be used.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  return found;
}

/**
 * Whether a kernelspec starts ipykernel. nbclient looks at the name alone (`KernelManager.ipykernel`), so a kernel
 * installed by `ipykernel install --name` writes into the user's history. This looks at the command as well.
 */
export function isIpykernel({ name, spec }: UsableKernel): boolean {
  return (
    ['python', 'python2', 'python3'].includes(name) ||
    spec.argv.some((word) => word === 'ipykernel' || word === 'ipykernel_launcher')
  );
}
