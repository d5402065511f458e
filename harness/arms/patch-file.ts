import { basename } from 'node:path';
import { parsePatch } from 'diff';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';
import { readInput } from '../model/read-input.ts';
import { diffAlone } from './diff-alone.ts';
import { isOverlayPackage, OVERLAY_PACKAGES, type OverlayPackage } from './packages.ts';
import { doubledPrefixRemedy } from './patch.ts';

/** A change as its author made it: the diff of a repository, which may also touch tests and documents. */
export interface PatchFile {
  readonly text: string;
  readonly package: OverlayPackage;
  /** Paths of the diff that belong to no package. They are not applied. */
  readonly leftOut: readonly string[];
}

/** Places in a repository that no kernel loads. A pull request may touch them, but an arm does not need them. */
const BESIDE_PACKAGE =
  /^(?:(?:\.github|changelog|docs?|examples?|news|newsfragments|testing|tests?|tools)\/.+|[\w.-]+\.(?:md|rst|txt|toml|cfg|ya?ml|json|lock)|\.[\w.-]+)$/i;
const TESTS = /^[A-Za-z]\w*\/(?:.+\/)?tests?\//;

/** Whether a path of a repository's diff is one that an arm does not need. */
export function isBesidePackage(path: string): boolean {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return false;
  return BESIDE_PACKAGE.test(path) || TESTS.test(path);
}

/**
 * Read a diff of a clone of one of the packages that an arm may change.
 *
 * @throws SoakError `bad-patch` if it is not a diff, touches no such package or two, has a link, or a path leads out
 */
export async function readPatchFile(path: string): Promise<PatchFile> {
  const bad = (reason: string, remedy: string, cause?: unknown) =>
    new SoakError('bad-patch', `The patch ${path} ${reason}`, { remedy, cause });
  const text = await readInput(path)
    .then((bytes) => diffAlone(String(bytes)))
    .catch((error: unknown) => {
      throw bad('cannot be read.', 'Check the path.', error);
    });
  let names: string[];
  try {
    names = parsePatch(text).flatMap(({ oldFileName, newFileName }) => {
      const name = newFileName === '/dev/null' ? oldFileName : newFileName;
      return name === undefined ? [] : [name.trim().replace(/^[ab]\//, '')];
    });
  } catch (error) {
    throw bad(`is not a unified diff: ${(error as Error).message}`, 'Make it with `git diff`.', error);
  }
  if (names.length === 0) throw bad('changes nothing.', 'Make it with `git diff`.');
  const outside = names.find(
    (name) => /^[/\\]|^[A-Za-z]:/.test(name) || name.split(/[\\/]/).some((part) => part === '..'),
  );
  const packages = 'An arm can change and add Python sources of one of the packages';
  const remedy = `${packages} ${Object.keys(OVERLAY_PACKAGES).join(', ')}. Tests and documents of its repository are left out.`;
  if (outside !== undefined) throw bad(`writes outside the package: ${quoted(outside)}.`, remedy);
  const leftOut = names.filter(isBesidePackage);
  const touched = new Set(
    names.filter((name) => !isBesidePackage(name)).map((name) => name.split('/')[0] ?? ''),
  );
  const strange = [...touched].find((name) => !isOverlayPackage(name));
  if (strange !== undefined) {
    const file = names.find((name) => name.split('/')[0] === strange && !isBesidePackage(name));
    throw bad(
      `touches ${quoted(file ?? strange)}, which belongs to no package that an arm may change.`,
      doubledPrefixRemedy(file ?? '', Object.keys(OVERLAY_PACKAGES)) ?? remedy,
    );
  }
  const [first, second] = [...touched].filter(isOverlayPackage);
  if (first === undefined) throw bad(`touches no package, only ${leftOut.join(', ')}.`, remedy);
  if (second !== undefined) {
    throw bad(`touches two packages, ${first} and ${second}.`, 'Give each package its own arm.');
  }
  return { text, package: first, leftOut };
}

/** A name for the arm of a patch: the file's, without what ends it. */
export function patchName(path: string): string {
  return basename(path.replaceAll('\\', '/')).replace(/\.(?:diff|patch)$/i, '');
}
