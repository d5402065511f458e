import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arm } from '../arms/arms.ts';
import { OVERLAY_PACKAGES } from '../arms/packages.ts';
import { patchedFiles } from '../arms/patch.ts';
import { isBesidePackage } from '../arms/patch-file.ts';
import { BETWEEN_WORDS } from '../arms/release-words.ts';
import { SoakError } from '../model/errors.ts';
import { shellWord } from '../model/shell-word.ts';
import { findInterpreter } from './environment/interpreter.ts';
import { listReleases } from './environment/releases.ts';
import { runCommand } from './environment/run-command.ts';
import { fetchWheel } from './environment/wheel.ts';

/** Releases that are looked into, the newest first. A diff is seldom older, and each one is a download. */
const RELEASES = 8;
const UNPACK_TIMEOUT_MS = 60_000;

/** How releases are found and read. */
export interface ReleaseReader {
  /** Releases of a package, ascending. */
  readonly list: (name: string) => Promise<readonly string[]>;
  /** Folder that has a release's package in it. */
  readonly folderOf: (name: string, version: string) => Promise<string>;
}

/** Whether a diff that does not fit is one of a repository, of a package that is in the kernel's environment. */
export function isUnfit(arm: Arm, error: unknown): error is SoakError {
  return arm.patchFile !== undefined && error instanceof SoakError && error.code === 'patch-does-not-apply';
}

/**
 * The error of a diff that does not fit the release in the environment, with what to do: the newest release that it
 * fits, as a command. Where no release can be read, the error as it is.
 */
export async function unfitError(arm: Arm, error: SoakError, reader: ReleaseReader): Promise<SoakError> {
  const name = OVERLAY_PACKAGES[arm.patchPackage];
  const searched = await newestFit(arm, name, reader).catch(() => null);
  if (searched === null || arm.patchFile === undefined) return error;
  const { fit, tried } = searched;
  const remedy =
    fit !== null
      ? `It fits ${name} ${fit}. Try it there: --try ${shellWord(changeAt(arm, name, fit))}.`
      : `It fits none of ${tried.length} releases either (${tried.at(-1)} to ${tried[0]}). If it was made in a clone, give the commit in place of the diff: --try git:PATH@BRANCH.`;
  return new SoakError(error.code, error.message, { remedy, cause: error });
}

/** The change as it was given, with this release of the package in place of another. */
function changeAt({ source }: Arm, name: string, version: string): string {
  const isOther = (word: string) => !new RegExp(`^${name}(?![A-Za-z0-9._-])`, 'i').test(word);
  const words = source.split(BETWEEN_WORDS).map((word) => word.replace(/^inert:/, ''));
  return [...words.filter(isOther), `${name}==${version}`].join(' + ');
}

/** The newest release that the diff fits, among the newest ones, and those that were tried; `null`: none could be read. */
async function newestFit(
  arm: Arm,
  name: string,
  reader: ReleaseReader,
): Promise<{ readonly fit: string | null; readonly tried: readonly string[] } | null> {
  const newest = [...(await reader.list(name))].reverse().slice(0, RELEASES);
  const tried: string[] = [];
  for (const version of newest) {
    // One that this Python cannot have is no reason not to look at the next.
    const folder = await reader.folderOf(name, version).catch(() => null);
    if (folder === null) continue;
    tried.push(version);
    if (await fits(arm, version, folder)) return { fit: version, tried };
  }
  return tried.length === 0 ? null : { fit: null, tried };
}

async function fits(arm: Arm, version: string, folder: string): Promise<boolean> {
  const read = (path: string) => readFile(join(folder, path), 'utf8').catch(() => null);
  try {
    await patchedFiles(arm.patch ?? '', arm.patchPackage, version, read, 'the diff', isBesidePackage);
    return true;
  } catch (error) {
    if (error instanceof SoakError) return false;
    throw error;
  }
}

/** Read releases from the index, as wheels in a temporary folder, which is removed afterwards. */
export async function withReleaseReader<Result>(
  options: {
    readonly python: string | undefined;
    readonly onProgress: (line: string) => void;
    readonly signal: AbortSignal;
  },
  use: (reader: ReleaseReader) => Promise<Result>,
): Promise<Result> {
  const { python, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'kernel-soak-fit-'));
  try {
    const interpreter = await findInterpreter(python, signal);
    return await use({
      list: (name) => listReleases(name, { python, pre: false, signal }),
      folderOf: async (name, version) => {
        const place = join(folder, version);
        const wheel = await fetchWheel(name, version, interpreter, join(place, 'wheel'), options);
        const unpacked = join(place, 'files');
        const { code, stderr } = await runCommand(
          interpreter.executable,
          ['-I', '-m', 'zipfile', '-e', wheel, unpacked],
          { timeoutMs: UNPACK_TIMEOUT_MS, signal },
        );
        if (code !== 0) throw new Error(`${wheel} cannot be unpacked: ${stderr}`);
        return unpacked;
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
