import { basename } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { type Arm, armApplies } from '../arms/arms.ts';
import type { GitTree } from '../arms/git-tree.ts';
import { BUILT_FILES, LIBRARY_FOLDERS, type OverlayPackage } from '../arms/packages.ts';
import { patchedFiles } from '../arms/patch.ts';
import { isBesidePackage } from '../arms/patch-file.ts';
import { SoakError } from '../model/errors.ts';
import type { ChangedFile } from './marks.ts';
import { filesBelow } from './source-files.ts';

/** A package in an environment. */
export interface InstalledPackage {
  /** Absolute, its last part the import name. */
  readonly folder: string;
  readonly version: string;
}

/** What an arm puts first on its kernels' path. */
export interface ArmSources {
  /** Contents by path, with `/`, each package's name first. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The change as a patch. `null`: the arm has none. */
  readonly patch: string | null;
  /** Python sources that differ from the installed ones, sorted by path. */
  readonly changed: readonly ChangedFile[];
}

const INERT_LINE = '# kernel-soak: a line without effect\n';
const isInstalled = (path: string) => !path.split('/').includes('__pycache__');

/** Files of the installed packages, with the libraries that their compiled modules look for beside them. */
async function installedFiles(
  packages: ReadonlyMap<OverlayPackage, InstalledPackage>,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const add = async (name: string, folder: string) => {
    for (const [path, bytes] of await filesBelow(folder, isInstalled)) files.set(`${name}/${path}`, bytes);
  };
  for (const [name, { folder }] of packages) {
    await add(name, folder);
    const libraries = LIBRARY_FOLDERS[name];
    if (libraries === undefined) continue;
    // A package that was built here finds its library by an absolute path.
    await add(libraries, `${folder.slice(0, -basename(folder).length)}${libraries}`).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      },
    );
  }
  return files;
}

/** `__version__` in a commit of ipykernel, or the environment's version if the commit does not state it plainly. */
function versionIn(files: ReadonlyMap<string, Buffer>, installed: string): string {
  const text = files.get('ipykernel/_version.py')?.toString('utf8') ?? '';
  return /^__version__\s*(?::\s*\w+\s*)?=\s*["']([^"']+)["']/m.exec(text)?.[1] ?? installed;
}

/** The release of a pyzmq clone. Its compiled part comes from the environment, and must be of the same release. */
function assertSameRelease(tree: GitTree, installed: InstalledPackage): void {
  const text = tree.files.get('zmq/sugar/version.py')?.toString('utf8') ?? '';
  const version = /^__version__\s*(?::\s*\w+\s*)?=\s*["']([^"']+)["']/m.exec(text)?.[1] ?? 'unknown';
  const [release = ''] = /^\d+\.\d+/.exec(version) ?? [];
  if (release !== '' && installed.version.startsWith(`${release}.`)) return;
  throw new SoakError(
    'bad-git-arm',
    `The commit ${tree.commit.slice(0, 10)} has pyzmq ${version}, but the compiled part of pyzmq in the environment is ${installed.version}. Only the Python part comes from a clone.`,
    {
      remedy: `Install that release with it, if it exists: --arm 'git:PATH@REV + pyzmq==${release || '26.4'}.0'.`,
    },
  );
}

/** A commit's sources in place of the installed ones. Installed tests and files that only a build makes are kept. */
function withTree(files: Map<string, Buffer>, tree: GitTree): Map<string, Buffer> {
  const prefix = `${tree.package}/`;
  const isKept = (path: string) =>
    !path.startsWith(prefix) ||
    !path.endsWith('.py') ||
    isBesidePackage(path) ||
    BUILT_FILES.some((built) => path === `${prefix}${built}`);
  const kept = [...files].filter(([path]) => isKept(path));
  const added = [...tree.files].filter(([path]) => !isBesidePackage(path));
  return new Map([...kept, ...added]);
}

/** A comment at the end of each file that differs: the same files edited, and nothing changed. */
function inertEdits(
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
  fallback: string,
): Map<string, string> {
  const edited = [...before].flatMap(([path, bytes]) => {
    const changed = after.get(path);
    return path.endsWith('.py') && (changed === undefined || !changed.equals(bytes)) ? [path] : [];
  });
  return new Map(
    (edited.length > 0 ? edited : [fallback]).map((path) => {
      const text = before.get(path)?.toString('utf8') ?? '';
      return [path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${INERT_LINE}`];
    }),
  );
}

/** A unified diff of edited files. */
function patchOf(before: ReadonlyMap<string, Buffer>, edits: ReadonlyMap<string, string>): string {
  return [...edits]
    .map(([path, text]) =>
      createTwoFilesPatch(`a/${path}`, `b/${path}`, before.get(path)?.toString('utf8') ?? '', text),
    )
    .join('');
}

/**
 * Read the sources of an arm: the installed packages, or a commit's sources in their place, with the patch applied.
 *
 * @param packages what the overlay holds, ipykernel first
 * @throws SoakError `arm-does-not-apply`, `bad-patch`, `patch-does-not-apply`, `bad-git-arm`
 */
export async function readArmSources(
  arm: Arm,
  packages: ReadonlyMap<OverlayPackage, InstalledPackage>,
): Promise<ArmSources> {
  const installed = await installedFiles(packages);
  let files = installed;
  for (const tree of arm.trees) {
    const of = packages.get(tree.package);
    if (tree.package === 'zmq' && of !== undefined) assertSameRelease(tree, of);
    files = withTree(files, tree);
  }
  const name = arm.manifest.package;
  const versionOf = (each: OverlayPackage) => {
    const installedVersion = packages.get(each)?.version ?? '';
    const isOfCommit = arm.trees.some((tree) => tree.package === each);
    return isOfCommit && each === 'ipykernel' ? versionIn(files, installedVersion) : installedVersion;
  };
  const applies = armApplies(arm, versionOf(name));
  if (!applies.applies) {
    throw new SoakError(
      'arm-does-not-apply',
      `The arm ${arm.name} cannot be used with this environment: it ${applies.reason}.`,
      {
        remedy: `Choose another arm, or an environment with such ${name === 'ipykernel' ? 'an ipykernel' : `a ${name}`}.`,
      },
    );
  }
  if (arm.patch !== null) {
    const before = files;
    const changes = await patchedFiles(
      arm.patch,
      arm.patchPackage,
      versionOf(arm.patchPackage),
      (path) => Promise.resolve(before.get(path)?.toString('utf8') ?? null),
      arm.patchFile === undefined ? `the patch of the arm ${arm.name}` : `the diff ${arm.patchFile}`,
      arm.isRepositoryPatch ? isBesidePackage : undefined,
    );
    files = new Map(before);
    for (const [path, text] of changes) files.set(path, Buffer.from(text));
  }
  if (arm.isInert) {
    const touched = arm.patch === null ? (arm.trees[0]?.package ?? 'ipykernel') : arm.patchPackage;
    const edits = inertEdits(installed, files, `${touched}/__init__.py`);
    const edited = new Map(installed);
    for (const [path, text] of edits) edited.set(path, Buffer.from(text));
    return {
      files: edited,
      patch: patchOf(installed, edits),
      changed: changedFiles(installed, edited),
    };
  }
  return {
    files,
    patch: arm.patch,
    changed: changedFiles(installed, files),
  };
}

function changedFiles(
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): ChangedFile[] {
  return [...after]
    .filter(([path, bytes]) => path.endsWith('.py') && before.get(path)?.equals(bytes) !== true)
    .map(([path, bytes]) => ({
      path,
      before: before.get(path)?.toString('utf8') ?? null,
      after: bytes.toString('utf8'),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
