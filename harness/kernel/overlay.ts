import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ProtocolArm } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { type Arm, armApplies } from '../plan/arms.ts';
import { patchedFiles } from '../plan/patch.ts';

const PACKAGE = 'ipykernel';

/** SHA-256 of each source file, by path relative to the overlay, with `/`. */
export type SourceHashes = Readonly<Record<string, string>>;

/** A copy of the installed package with an arm's patch in it, ready to be put first on a kernel's path. */
export interface Overlay {
  readonly arm: Arm;
  /** Folder that holds `ipykernel/`; `null` for a bare arm, which has none. */
  readonly folder: string | null;
  readonly sources: SourceHashes;
  readonly protocolArm: ProtocolArm;
}

/** Where overlays are made from and kept. */
export interface OverlayInputs {
  /** Interpreter of the kernel environment. */
  readonly python: string;
  /** Installed package folder, `…/site-packages/ipykernel`. */
  readonly packageFolder: string;
  readonly ipykernel: string;
  /** Hash of the environment, so that bytecode of one Python never serves another. */
  readonly environmentKey: string;
  readonly cacheDir: string;
}

async function sourceHashes(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith('.py')) continue;
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(folder.length + 1).replaceAll('\\', '/');
    hashes[relative] = sha256(await readFile(path));
  }
  return hashes;
}

/** One hash for a set of sources: names and contents, independent of order. */
export function treeHash(sources: SourceHashes): string {
  return sha256(canonicalJson(sources));
}

async function installedSources(packageFolder: string): Promise<Record<string, string>> {
  const site = dirname(packageFolder);
  const hashes = await sourceHashes(packageFolder);
  return Object.fromEntries(
    Object.entries(hashes).map(([path, hash]) => [
      `${packageFolder.slice(site.length + 1)}/${path}`.replaceAll('\\', '/'),
      hash,
    ]),
  );
}

/**
 * Compile every source to bytecode that carries its source's hash, not its time: a copy whose times
 * changed would otherwise start three times slower, and the interpreter itself checks that what it
 * runs is what the source file says.
 */
async function compileSources(python: string, folder: string): Promise<void> {
  const args = ['-I', '-m', 'compileall', '-q', '--invalidation-mode', 'checked-hash', folder];
  try {
    await promisify(execFile)(python, args, { windowsHide: true });
  } catch (error) {
    const output = (error as { stdout?: string }).stdout ?? '';
    throw new SoakError(
      'bad-patch',
      `The patched ${PACKAGE} does not compile: ${output.trim().slice(0, 800)}`,
      {
        remedy: 'Mend the patch: what it leaves must be valid Python for this interpreter.',
        cause: error,
      },
    );
  }
}

/**
 * Make (or find) the overlay of an arm. Every arm is made the same way, control too, and
 * site-packages is only read. Two processes may make the same overlay at once: it is built beside
 * its place and moved in whole.
 *
 * @throws SoakError `arm-does-not-apply`, `bad-patch`, `patch-does-not-apply`
 */
export async function makeOverlay(arm: Arm, inputs: OverlayInputs): Promise<Overlay> {
  const applies = armApplies(arm, inputs.ipykernel);
  if (!applies.applies) {
    throw new SoakError(
      'arm-does-not-apply',
      `The arm ${arm.name} cannot be used here: it ${applies.reason}.`,
      {
        remedy: 'Choose another arm, or an environment with such an ipykernel.',
      },
    );
  }
  const installed = await installedSources(inputs.packageFolder);
  const site = dirname(inputs.packageFolder);
  const changes =
    arm.patch === null
      ? new Map<string, string>()
      : await patchedFiles(
          arm.patch,
          PACKAGE,
          inputs.ipykernel,
          (path) => (path in installed ? readFile(join(site, path), 'utf8') : Promise.resolve(null)),
          `the arm ${arm.name}`,
        );
  const sources: Record<string, string> = { ...installed };
  for (const [path, text] of changes) sources[path] = sha256(text);
  const protocolArm: ProtocolArm = {
    name: arm.name,
    role: arm.manifest.role,
    description: arm.manifest.description,
    patchSha256: arm.patch === null ? null : sha256(arm.patch),
    treeSha256: treeHash(sources),
    engagement: arm.manifest.engagement ?? null,
  };
  if (arm.manifest.bare) return { arm, folder: null, sources, protocolArm };

  const overlays = join(inputs.cacheDir, 'overlays');
  const folder = join(overlays, sha256(`${inputs.environmentKey}\n${protocolArm.treeSha256}`).slice(0, 24));
  if (!(await isIntact(folder, sources))) {
    await mkdir(overlays, { recursive: true });
    const building = await mkdtemp(join(overlays, 'building-'));
    try {
      await cp(inputs.packageFolder, join(building, PACKAGE), {
        recursive: true,
        filter: (path) => !path.endsWith('__pycache__'),
      });
      for (const [path, text] of changes) {
        await mkdir(dirname(join(building, path)), { recursive: true });
        await writeFile(join(building, path), text);
      }
      await compileSources(inputs.python, building);
      await moveIntoPlace(building, folder, sources);
    } finally {
      await rm(building, { recursive: true, force: true });
    }
  }
  return { arm, folder, sources, protocolArm };
}

async function isIntact(folder: string, sources: SourceHashes): Promise<boolean> {
  const found = await sourceHashes(folder).catch(() => null);
  return found !== null && treeHash(found) === treeHash(sources);
}

async function moveIntoPlace(building: string, folder: string, sources: SourceHashes): Promise<void> {
  try {
    await rename(building, folder);
    return;
  } catch (error) {
    // Another process may have been first; what it left must be the same, or a damaged cache.
    if (await isIntact(folder, sources)) return;
    await rm(folder, { recursive: true, force: true });
    await rename(building, folder).catch((again: unknown) => {
      throw new SoakError('overlay', `The overlay cannot be put at ${folder}: ${(again as Error).message}`, {
        remedy: 'Check that the cache folder is writable, or set KERNEL_SOAK_CACHE to another.',
        exitCode: EXIT_CODES.environment,
        cause: error,
      });
    });
  }
}

/**
 * Compare what a kernel says it loaded with what the arm is made of.
 *
 * @returns `null` when every loaded file is the arm's; else one sentence naming the first that is not.
 */
export function identityMismatch(overlay: Overlay, loaded: SourceHashes): string | null {
  for (const [path, hash] of Object.entries(loaded)) {
    const expected = overlay.sources[path];
    if (expected === undefined) return `it loaded ${path}, which is not in the arm's overlay`;
    if (expected !== hash)
      return `it loaded ${path} with SHA-256 ${hash.slice(0, 12)}…, not ${expected.slice(0, 12)}…`;
  }
  const module = `${PACKAGE}/kernelapp.py`;
  return module in loaded ? null : `it did not load ${module} from the arm's overlay`;
}
