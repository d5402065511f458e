import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Arm } from '../arms/arms.ts';
import type { OverlayPackage } from '../arms/packages.ts';
import { isClientPackage, type ProtocolArm } from '../model/arm.ts';
import type { ArmChange } from '../model/arm-change.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { DeadlinePassed, deadlineMs, fileWithDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { makeFolder } from '../model/make-folder.ts';
import { type InstalledPackage, readArmSources } from './arm-sources.ts';
import { runCommand } from './environment/run-command.ts';
import type { ExpectedRuntime } from './kernel-identity.ts';
import { armChange, compileMarked, type Mark } from './marks.ts';
import {
  filesBelow,
  hashesOf,
  isModule,
  type SiteSources,
  type SourceHashes,
  treeHash,
} from './source-files.ts';

/** Part of every overlay's place: raise it when overlays of an earlier layout must not be used. */
const FORMAT = 3;
/** In an overlay: the hash of every file that it was made with, byte code and data included. */
const CONTENTS_FILE = 'contents.json';
// Two processes that both find a damaged overlay, or a virus scanner that holds a file for a moment.
const MOVE_ATTEMPTS = 5;

/** A copy of the installed package with an arm's patch in it, ready to be put first on a kernel's path. */
export interface Overlay {
  readonly arm: Arm;
  /** Folder that holds the packages' folders; `null` for a bare arm, which has none. */
  readonly folder: string | null;
  /** Import names of the packages in it. */
  readonly packages: readonly OverlayPackage[];
  readonly sources: SourceHashes;
  readonly protocolArm: ProtocolArm;
  /** Text of the patch that `protocolArm` names by its hash; `null`: the arm has none. */
  readonly patch: string | null;
  /** What its kernels load besides, from the environment; `null`: not looked at. */
  readonly site: SiteSources | null;
  /** What its kernels run on; `null`: not looked at. */
  readonly runtime: ExpectedRuntime | null;
  /** What its kernels mark as executed: the same in every arm of an experiment. */
  readonly marks: readonly Mark[];
}

/** Where overlays are made from and kept. */
export interface OverlayInputs {
  /** Interpreter of the environment that has the package. */
  readonly python: string;
  /** Installed folder of the package that the arm changes, such as `…/site-packages/ipykernel`. */
  readonly packageFolder: string;
  /** Version of the package. */
  readonly version: string;
  /** Further packages that the overlay holds, changed or not; absent: none. */
  readonly others?: ReadonlyMap<OverlayPackage, InstalledPackage>;
  /** Hash of the environment, so that bytecode of one Python never serves another. */
  readonly environmentKey: string;
  readonly cacheDir: string;
  /** Modules of the environment that kernels load besides the overlay; absent: not looked at. */
  readonly site?: SiteSources;
  /** What kernels must run on; absent: not looked at. */
  readonly runtime?: ExpectedRuntime;
  /** What to mark, and what of it is the arm's own change; absent: nothing is marked. */
  readonly marks?: { readonly all: readonly Mark[]; readonly change: ArmChange | null };
}

/**
 * Compile every source to bytecode that carries its source's hash, not its time: a copy whose times
 * changed would otherwise start three times slower, and the interpreter itself checks that what it
 * runs is what the source file says.
 */
async function compileSources(python: string, name: string, folder: string): Promise<void> {
  const args = ['-I', '-m', 'compileall', '-q', '--invalidation-mode', 'checked-hash', folder];
  const { code, stdout, timedOut, spawnError } = await runCommand(python, args, {
    timeoutMs: deadlineMs('compile-overlay'),
  });
  if (timedOut) throw new DeadlinePassed('compile-overlay', undefined);
  if (code === 0) return;
  throw new SoakError('bad-patch', `The patched ${name} does not compile: ${stdout.trim().slice(0, 800)}`, {
    remedy: 'Fix the patch: the patched file must be valid Python for this interpreter.',
    cause: spawnError ?? undefined,
  });
}

/**
 * Make (or find) the overlay of an arm. Every arm is made the same way, control too, and
 * site-packages is only read. Two processes may make the same overlay at once: it is built beside
 * its place and moved in whole.
 *
 * @throws SoakError `arm-does-not-apply`, `bad-patch`, `patch-does-not-apply`; DeadlinePassed
 */
export function makeOverlay(arm: Arm, inputs: OverlayInputs): Promise<Overlay> {
  return fileWithDeadline('write-cache', buildOverlay(arm, inputs));
}

/** The packages that an arm's overlay holds. */
function overlaidPackages(arm: Arm, inputs: OverlayInputs): Map<OverlayPackage, InstalledPackage> {
  return new Map<OverlayPackage, InstalledPackage>([
    [arm.manifest.package, { folder: inputs.packageFolder, version: inputs.version }],
    ...(inputs.others ?? []),
  ]);
}

/**
 * What an arm changes of the installed packages; `null` for an arm that changes no file.
 *
 * @throws SoakError as `makeOverlay`
 */
export async function readOverlayChange(arm: Arm, inputs: OverlayInputs): Promise<ArmChange | null> {
  if (arm.manifest.bare) return null;
  const { changed } = await readArmSources(arm, overlaidPackages(arm, inputs));
  if (changed.length === 0) return null;
  const overlays = join(inputs.cacheDir, 'overlays');
  await makeFolder(overlays);
  const folder = await mkdtemp(join(overlays, 'building-'));
  try {
    return await armChange(inputs.python, changed, join(folder, 'changed.json'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function buildOverlay(arm: Arm, inputs: OverlayInputs): Promise<Overlay> {
  const name = arm.manifest.package;
  const packages = overlaidPackages(arm, inputs);
  const { files, patch } = await readArmSources(arm, packages);
  const sources = hashesOf(new Map([...files].filter(([path]) => isModule(path))));
  const commits = arm.trees.map((tree) => ({ package: tree.package, commit: tree.commit }));
  const protocolArm: ProtocolArm = {
    name: arm.name,
    role: arm.manifest.role,
    description: arm.manifest.description,
    patchSha256: patch === null ? null : sha256(patch),
    treeSha256: treeHash(sources),
    engagement: arm.manifest.engagement ?? null,
    ...(isClientPackage(name) ? { package: name } : {}),
    ...(commits.length === 0 ? {} : { commits }),
    ...(inputs.marks === undefined || inputs.marks.change === null ? {} : { change: inputs.marks.change }),
    ...(arm.manifest.schedules ? { schedules: true as const } : {}),
    ...(arm.manifest.citedReference === undefined ? {} : { citedReference: arm.manifest.citedReference }),
  };
  const marks = inputs.marks?.all ?? [];
  const beside = {
    patch,
    packages: [...packages.keys()],
    site: inputs.site ?? null,
    runtime: inputs.runtime ?? null,
    marks,
  };
  if (arm.manifest.bare) return { arm, folder: null, sources, protocolArm, ...beside };

  const overlays = join(inputs.cacheDir, 'overlays');
  const identity = `${FORMAT}\n${inputs.environmentKey}\n${protocolArm.treeSha256}\n${canonicalJson(marks)}`;
  const folder = join(overlays, sha256(identity).slice(0, 24));
  if (!(await isIntact(folder, sources))) {
    await makeFolder(overlays);
    const building = await mkdtemp(join(overlays, 'building-'));
    try {
      // Written anew and not copied: a copy could be a link into site-packages, or read-only.
      for (const [path, bytes] of files) {
        await makeFolder(dirname(join(building, path)));
        await writeFile(join(building, path), bytes);
      }
      await compileSources(inputs.python, name, building);
      await compileMarked(inputs.python, building, marks);
      const made = hashesOf(await filesBelow(building, () => true));
      await writeFile(join(building, CONTENTS_FILE), canonicalJson(made));
      await moveIntoPlace(building, folder, sources);
    } finally {
      await rm(building, { recursive: true, force: true });
    }
  }
  return { arm, folder, sources, protocolArm, ...beside };
}

/** Whether an overlay has the arm's sources, and every other file, byte code too, as it was made. */
async function isIntact(folder: string, sources: SourceHashes): Promise<boolean> {
  try {
    const files = await filesBelow(folder, (path) => path !== CONTENTS_FILE);
    const foundSources = hashesOf(new Map([...files].filter(([path]) => isModule(path))));
    const made = await readFile(join(folder, CONTENTS_FILE), 'utf8');
    return treeHash(foundSources) === treeHash(sources) && canonicalJson(hashesOf(files)) === made;
  } catch {
    return false; // absent, or not readable as an overlay
  }
}

async function moveIntoPlace(building: string, folder: string, sources: SourceHashes): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; attempt < MOVE_ATTEMPTS; attempt += 1) {
    try {
      await rename(building, folder);
      return;
    } catch (error) {
      failure = error;
    }
    // Another process may have been first; what it left is the same, unless the cache was damaged.
    if (await isIntact(folder, sources)) return;
    // Moved aside whole, so that no other process ever sees a part of it.
    const aside = `${building}-damaged-${attempt}`;
    await rename(folder, aside).catch((error: unknown) => {
      failure = error;
    });
    await rm(aside, { recursive: true, force: true });
  }
  throw new SoakError('overlay', `The overlay cannot be put at ${folder}: ${(failure as Error).message}`, {
    remedy: 'Check that the cache folder is writable, or set KERNEL_SOAK_CACHE to another.',
    exitCode: EXIT_CODES.environment,
    cause: failure,
  });
}
