import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../model/canonical.ts';
import { SoakError } from '../../model/errors.ts';
import { quoted } from '../../model/quoted.ts';
import { readInput } from '../../model/read-input.ts';
import { condaEnvironment, condaPlatform, pixiLock } from './conda-files.ts';
import type { PackageList } from './package-list.ts';
import { type ReadIncluded, requirementsFile } from './requirements-file.ts';
import { poetryLock, pylock, uvLock } from './toml-locks.ts';

/** A file of packages, read. */
export interface PackageFile extends PackageList {
  /** Without folders. */
  readonly name: string;
  /** Over its text, and that of every file that it includes. */
  readonly sha256: string;
}

const KINDS =
  'a requirements file (.txt, .in), uv.lock, poetry.lock, pylock.toml, pixi.lock or an environment.yml of conda';

/** Files that have packages in them and are not read, and what makes one that is. */
const OTHERS: Readonly<Record<string, string>> = {
  'pyproject.toml':
    'Give the lock file beside it (uv.lock or poetry.lock), or write its dependencies into a requirements file.',
  'Pipfile.lock': 'Write a requirements file: pipenv requirements > requirements.txt.',
  'pdm.lock': 'Write a requirements file: pdm export -o requirements.txt.',
};

/**
 * Read a file of packages by the kind that its name says.
 *
 * @throws SoakError `bad-requirements`
 */
export async function readPackageFile(path: string): Promise<PackageFile> {
  const name = basename(path);
  const other = Object.hasOwn(OTHERS, name) ? OTHERS[name] : undefined;
  if (other !== undefined) throw badFile(path, 'files of this kind are not read', other);
  const texts: string[] = [];
  const read = async (file: string): Promise<string> => {
    const text = String(await readInput(file)).replaceAll('\r\n', '\n');
    texts.push(text);
    return text;
  };
  const includedFrom =
    (folder: string): ReadIncluded =>
    async (included) => {
      const file = resolve(folder, included);
      return { text: await read(file), readIncluded: includedFrom(dirname(file)) };
    };
  let list: PackageList;
  try {
    list = await listOf(name, await read(resolve(path)), includedFrom(dirname(resolve(path))));
  } catch (error) {
    if (error instanceof SoakError) throw error;
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw badFile(path, reason.replace(/\.$/, ''), `Give ${KINDS}.`, error);
  }
  if (list.requirements.length + list.pins.length === 0) {
    throw badFile(path, 'it names no package that can be installed', `Give ${KINDS}.`);
  }
  return { ...list, name, sha256: sha256(texts.join('\0')) };
}

function badFile(path: string, reason: string, remedy: string, cause?: unknown): SoakError {
  return new SoakError('bad-requirements', `--requirements ${quoted(path)} cannot be used: ${reason}.`, {
    remedy,
    cause,
    option: { name: 'requirements', value: path },
  });
}

async function listOf(name: string, text: string, readIncluded: ReadIncluded): Promise<PackageList> {
  if (/(?:^|[.-])uv\.lock$/.test(name)) return uvLock(text);
  if (/(?:^|[.-])poetry\.lock$/.test(name)) return poetryLock(text);
  if (/^pylock(?:\.[^.]+)?\.toml$/.test(name)) return pylock(text);
  if (/(?:^|[.-])pixi\.lock$/.test(name))
    return pixiLock(text, condaPlatform(process.platform, process.arch));
  if (/\.ya?ml$/i.test(name)) return condaEnvironment(text);
  if (/\.(?:lock|toml|json)$/i.test(name)) throw new Error('its name does not say what it is');
  return requirementsFile(text, readIncluded);
}
