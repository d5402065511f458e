import { applyPatch, parsePatch, type StructuredPatch } from 'diff';
import { SoakError } from '../model/errors.ts';

/** A patch's effect: the new text of each file that it changes or adds, by path relative to site-packages. */
export type PatchedFiles = ReadonlyMap<string, string>;

const DEV_NULL = '/dev/null';

function withoutPrefix(name: string): string {
  return name.replace(/^[ab]\//, '').replaceAll('\\', '/');
}

function targetOf(file: StructuredPatch): string {
  const name = file.newFileName === undefined || file.newFileName === DEV_NULL ? '' : file.newFileName;
  return withoutPrefix(name.trim());
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
 * @param patch text of the diff; names may carry the usual `a/` and `b/`
 * @param packageName the only top-level folder that the diff may touch, for example `ipykernel`
 * @param version the package's version, for the message
 * @param read text of a file by its path relative to site-packages, `null` where there is none
 * @throws SoakError `bad-patch` (not a diff, outside the package, a deletion), `patch-does-not-apply`
 */
export async function patchedFiles(
  patch: string,
  packageName: string,
  version: string,
  read: (path: string) => Promise<string | null>,
  label: string,
): Promise<PatchedFiles> {
  let files: StructuredPatch[];
  try {
    files = parsePatch(patch).filter((file) => file.hunks.length > 0);
  } catch (error) {
    throw new SoakError(
      'bad-patch',
      `The patch of ${label} is not a unified diff: ${(error as Error).message}`,
      { remedy: 'Make it with `git diff` or `diff -u`.', cause: error },
    );
  }
  if (files.length === 0) {
    throw new SoakError('bad-patch', `The patch of ${label} changes nothing.`, {
      remedy: 'Make it with `git diff` or `diff -u`, or leave "patch" out of arm.json.',
    });
  }
  const result = new Map<string, string>();
  for (const file of files) {
    const path = targetOf(file);
    const parts = path.split('/');
    if (parts[0] !== packageName || parts.length < 2 || parts.some((part) => part === '..' || part === '')) {
      throw new SoakError(
        'bad-patch',
        `The patch of ${label} touches ${JSON.stringify(file.newFileName ?? file.oldFileName ?? '')}, which is not a file of the package ${packageName}.`,
        {
          remedy: `An arm can change and add files under ${packageName}/ only; it cannot delete or rename them.`,
        },
      );
    }
    const isNew = file.oldFileName === DEV_NULL;
    const source = isNew ? '' : (result.get(path) ?? (await read(path)));
    if (source === null) {
      throw new SoakError(
        'patch-does-not-apply',
        `The patch of ${label} does not apply to ${packageName} ${version}: there is no file ${path}.`,
        { remedy: `Make the patch against ${packageName} ${version}, or choose the version it is for.` },
      );
    }
    const patched = applyPatch(source, file);
    if (patched === false) {
      const number = firstMisfit(source, file);
      const hunk = file.hunks[number - 1];
      throw new SoakError(
        'patch-does-not-apply',
        `The patch of ${label} does not apply to ${packageName} ${version}: hunk ${number} of ${file.hunks.length} of ${path} (@@ -${hunk?.oldStart},${hunk?.oldLines} +${hunk?.newStart},${hunk?.newLines} @@) does not fit.`,
        { remedy: `Make the patch against ${packageName} ${version}, or choose the version it is for.` },
      );
    }
    result.set(path, patched);
  }
  return result;
}
