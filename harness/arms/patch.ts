import { applyPatch, parsePatch, type StructuredPatch } from 'diff';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

/** A patch's effect: the new text of each file that it changes or adds, by path relative to site-packages. */
export type PatchedFiles = ReadonlyMap<string, string>;

const DEV_NULL = '/dev/null';
/** Git's mode of a symbolic link. */
const LINK_MODE = '120000';
const HOW_TO_MAKE = 'Make it with `git diff` or `diff -u`.';

function withoutPrefix(name: string): string {
  return name
    .trim()
    .replace(/^[ab]\//, '')
    .replaceAll('\\', '/');
}

/** Whether a path names a Python source of the package and can name nothing else on any file system. */
function isSourceOf(packageName: string, path: string): boolean {
  const [top, ...below] = path.split('/');
  // A dot or an empty part would be a second name of another file; a colon is a drive or a stream on Windows.
  const isPlain = (part: string) => /^[\w.+-]+$/.test(part) && part !== '.' && part !== '..';
  return top === packageName && below.length > 0 && below.every(isPlain) && path.endsWith('.py');
}

/**
 * What to do about a path that has the package, but not at its top, as `git diff --no-index old new` writes it
 * (`a/old/ipykernel/…`); `null` for any other path.
 */
export function doubledPrefixRemedy(path: string, packages: readonly string[]): string | null {
  const parts = path.split('/');
  const at = parts.findIndex((part) => packages.includes(part));
  if (at < 1) return null;
  const above = parts.slice(0, at).join('/');
  return `The package stands below ${quoted(`${above}/`)}, as git diff --no-index of two folders has it. Take that away, for example with: sed -E 's#^(---|[+]{3}) [ab]/([^/]+/){${at}}#\\1 a/#' my.diff > my-change.diff; or make the diff with git diff in a clone.`;
}

/** The first hunk that does not fit after those before it, 1-based. */
function firstMisfit(source: string, file: StructuredPatch): number {
  for (let count = 1; count <= file.hunks.length; count += 1) {
    const partial = { ...file, hunks: file.hunks.slice(0, count) };
    if (applyPatch(source, partial) === false) return count;
  }
  return file.hunks.length;
}

/**
 * Apply a unified diff to the sources of one package.
 *
 * @param patch text of the diff; names may carry the usual `a/` and `b/`. Line ends of the diff may differ
 *   from the sources', which keep theirs. A hunk may fit at another line than it says, never with other text
 * @param packageName the only top-level folder that the diff may touch, for example `ipykernel`
 * @param version the package's version, for the message
 * @param read text of a file by its path relative to site-packages, `null` where there is none
 * @param label names the patch in messages, for example `the patch of the arm fix`
 * @param isLeftOut paths of the diff that are not applied; without it, all must belong to the package
 * @throws SoakError `bad-patch` (not a diff, outside the package, a deletion, a rename, no source),
 *   `patch-does-not-apply`
 */
export async function patchedFiles(
  patch: string,
  packageName: string,
  version: string,
  read: (path: string) => Promise<string | null>,
  label: string,
  isLeftOut: (path: string) => boolean = () => false,
): Promise<PatchedFiles> {
  const capital = `${label.charAt(0).toUpperCase()}${label.slice(1)}`;
  const bad = (reason: string, remedy: string, cause?: unknown) =>
    new SoakError('bad-patch', `${capital} ${reason}`, { remedy, cause });
  const misfit = (reason: string) =>
    new SoakError(
      'patch-does-not-apply',
      `${capital} does not apply to ${packageName} ${version}: ${reason}`,
      {
        remedy: `Make the patch against ${packageName} ${version}, or run it on the release that it is for: --arm 'my-change.diff + ipykernel==7.2.0'.`,
      },
    );
  let files: StructuredPatch[];
  try {
    // Text around a diff parses as a file without a name.
    files = parsePatch(patch).filter((file) => file.hunks.length > 0 || file.newFileName !== undefined);
  } catch (error) {
    throw bad(`is not a unified diff: ${(error as Error).message}`, HOW_TO_MAKE, error);
  }
  if (files.length === 0)
    throw bad('changes nothing.', `${HOW_TO_MAKE.slice(0, -1)}, or leave "patch" out of arm.json.`);
  const result = new Map<string, string>();
  for (const file of files) {
    const named = file.newFileName === DEV_NULL ? file.oldFileName : file.newFileName;
    if (isLeftOut(withoutPrefix(named ?? ''))) continue;
    const path = withoutPrefix(file.newFileName ?? '');
    const isNew = file.oldFileName === DEV_NULL;
    const shown = quoted(named ?? '');
    const remedy = `An arm can change and add Python sources under ${packageName}/ only; it cannot delete or rename them.`;
    if (file.newFileName === DEV_NULL || file.isDelete === true) throw bad(`deletes ${shown}.`, remedy);
    if ([file.oldMode, file.newMode].some((mode) => mode === LINK_MODE)) {
      throw bad(`makes ${shown} a symbolic link, which could lead anywhere.`, remedy);
    }
    if (!isSourceOf(packageName, path)) {
      const hint = doubledPrefixRemedy(path, [packageName]) ?? remedy;
      throw bad(`touches ${shown}, which is not a Python source of the package ${packageName}.`, hint);
    }
    if (!isNew && (file.isCopy === true || withoutPrefix(file.oldFileName ?? '') !== path)) {
      throw bad(`makes ${shown} out of ${quoted(file.oldFileName ?? '')}.`, remedy);
    }
    // Left out silently, a change of the author's would be missing from the arm.
    if (file.hunks.length === 0) throw bad(`changes no line of ${shown}.`, remedy);
    const existing = result.get(path) ?? (await read(path));
    if (isNew && existing !== null) throw misfit(`it adds ${path}, which already exists.`);
    if (!isNew && existing === null) throw misfit(`there is no file ${path}.`);
    const source = existing ?? '';
    const patched = applyPatch(source, file);
    if (patched === false) {
      const number = firstMisfit(source, file);
      const hunk = file.hunks[number - 1];
      throw misfit(
        `hunk ${number} of ${file.hunks.length} of ${path} (@@ -${hunk?.oldStart},${hunk?.oldLines} +${hunk?.newStart},${hunk?.newLines} @@) does not fit.`,
      );
    }
    result.set(path, patched);
  }
  return result;
}
