import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ArmPackage, isClientPackage, type ProtocolArm } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { type Arm, armApplies } from '../plan/arms.ts';
import { patchedFiles } from '../plan/patch.ts';

/** A module that a process of each package loads in any case. */
const ALWAYS_LOADED: Readonly<Record<ArmPackage, string>> = {
  ipykernel: 'ipykernel/kernelapp.py',
  jupyter_client: 'jupyter_client/channels.py',
  nbclient: 'nbclient/client.py',
};
/** In an overlay: the hash of every file that it was made with, byte code and data included. */
const CONTENTS_FILE = 'contents.json';
// Two processes that both find a damaged overlay, or a virus scanner that holds a file for a moment.
const MOVE_ATTEMPTS = 5;

/** SHA-256 of each source file, by path relative to the overlay, with `/`. */
export type SourceHashes = Readonly<Record<string, string>>;

/** A copy of the installed package with an arm's patch in it, ready to be put first on a kernel's path. */
export interface Overlay {
  readonly arm: Arm;
  /** Folder that holds the package's folder; `null` for a bare arm, which has none. */
  readonly folder: string | null;
  readonly sources: SourceHashes;
  readonly protocolArm: ProtocolArm;
}

/** Where overlays are made from and kept. */
export interface OverlayInputs {
  /** Interpreter of the environment that has the package. */
  readonly python: string;
  /** Installed folder of the package that the arm changes, such as `…/site-packages/ipykernel`. */
  readonly packageFolder: string;
  /** Version of the package. */
  readonly version: string;
  /** Hash of the environment, so that bytecode of one Python never serves another. */
  readonly environmentKey: string;
  readonly cacheDir: string;
}

/** Files below a folder that satisfy `wanted`, links followed, by path relative to the folder, with `/`. */
async function filesBelow(folder: string, wanted: (path: string) => boolean): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const path of await readdir(folder, { recursive: true })) {
    const relative = path.replaceAll('\\', '/');
    if (!wanted(relative)) continue;
    const whole = join(folder, path);
    if ((await stat(whole)).isFile()) files.set(relative, await readFile(whole));
  }
  return files;
}

const isSource = (path: string) => path.endsWith('.py');
const isInstalled = (path: string) => !path.split('/').includes('__pycache__');

function hashesOf(files: ReadonlyMap<string, Buffer>): Record<string, string> {
  return Object.fromEntries([...files].map(([path, bytes]) => [path, sha256(bytes)]));
}

/** One hash for a set of sources: names and contents, independent of order. */
export function treeHash(sources: SourceHashes): string {
  return sha256(canonicalJson(sources));
}

/**
 * Compile every source to bytecode that carries its source's hash, not its time: a copy whose times
 * changed would otherwise start three times slower, and the interpreter itself checks that what it
 * runs is what the source file says.
 */
async function compileSources(python: string, name: string, folder: string): Promise<void> {
  const args = ['-I', '-m', 'compileall', '-q', '--invalidation-mode', 'checked-hash', folder];
  try {
    await promisify(execFile)(python, args, { windowsHide: true });
  } catch (error) {
    const output = (error as { stdout?: string }).stdout ?? '';
    throw new SoakError('bad-patch', `The patched ${name} does not compile: ${output.trim().slice(0, 800)}`, {
      remedy: 'Mend the patch: what it leaves must be valid Python for this interpreter.',
      cause: error,
    });
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
  const name = arm.manifest.package;
  const applies = armApplies(arm, inputs.version);
  if (!applies.applies) {
    throw new SoakError(
      'arm-does-not-apply',
      `The arm ${arm.name} cannot be used here: it ${applies.reason}.`,
      {
        remedy: `Choose another arm, or an environment with such ${name === 'ipykernel' ? 'an ipykernel' : `a ${name}`}.`,
      },
    );
  }
  const files = new Map<string, Buffer>();
  for (const [path, bytes] of await filesBelow(inputs.packageFolder, isInstalled)) {
    files.set(`${name}/${path}`, bytes);
  }
  const changes =
    arm.patch === null
      ? new Map<string, string>()
      : await patchedFiles(
          arm.patch,
          name,
          inputs.version,
          (path) => Promise.resolve(files.get(path)?.toString('utf8') ?? null),
          `the arm ${arm.name}`,
        );
  for (const [path, text] of changes) files.set(path, Buffer.from(text));
  const sources = hashesOf(new Map([...files].filter(([path]) => isSource(path))));
  const protocolArm: ProtocolArm = {
    name: arm.name,
    role: arm.manifest.role,
    description: arm.manifest.description,
    patchSha256: arm.patch === null ? null : sha256(arm.patch),
    treeSha256: treeHash(sources),
    engagement: arm.manifest.engagement ?? null,
    ...(isClientPackage(name) ? { package: name } : {}),
  };
  if (arm.manifest.bare) return { arm, folder: null, sources, protocolArm };

  const overlays = join(inputs.cacheDir, 'overlays');
  const folder = join(overlays, sha256(`${inputs.environmentKey}\n${protocolArm.treeSha256}`).slice(0, 24));
  if (!(await isIntact(folder, name, sources))) {
    await mkdir(overlays, { recursive: true });
    const building = await mkdtemp(join(overlays, 'building-'));
    try {
      // Written anew and not copied: a copy could be a link into site-packages, or read-only.
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(building, path)), { recursive: true });
        await writeFile(join(building, path), bytes);
      }
      await compileSources(inputs.python, name, building);
      const made = hashesOf(await filesBelow(join(building, name), () => true));
      await writeFile(join(building, CONTENTS_FILE), canonicalJson(made));
      await moveIntoPlace(building, folder, name, sources);
    } finally {
      await rm(building, { recursive: true, force: true });
    }
  }
  return { arm, folder, sources, protocolArm };
}

/** Whether an overlay has the arm's sources, and every other file, byte code too, as it was made. */
async function isIntact(folder: string, name: ArmPackage, sources: SourceHashes): Promise<boolean> {
  try {
    const files = await filesBelow(join(folder, name), () => true);
    const found = new Map([...files].map(([path, bytes]) => [`${name}/${path}`, bytes]));
    const foundSources = hashesOf(new Map([...found].filter(([path]) => isSource(path))));
    const made = await readFile(join(folder, CONTENTS_FILE), 'utf8');
    return treeHash(foundSources) === treeHash(sources) && canonicalJson(hashesOf(files)) === made;
  } catch {
    return false; // absent, or not readable as an overlay
  }
}

async function moveIntoPlace(
  building: string,
  folder: string,
  name: ArmPackage,
  sources: SourceHashes,
): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; attempt < MOVE_ATTEMPTS; attempt += 1) {
    try {
      await rename(building, folder);
      return;
    } catch (error) {
      failure = error;
    }
    // Another process may have been first; what it left is the same, unless the cache was damaged.
    if (await isIntact(folder, name, sources)) return;
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

/**
 * Compare what a kernel or client says it loaded with what the arm is made of.
 *
 * @returns `null` when every loaded file is the arm's; else one sentence naming the first that is not.
 */
export function identityMismatch(overlay: Overlay, loaded: SourceHashes): string | null {
  for (const [path, hash] of Object.entries(loaded)) {
    const expected = Object.hasOwn(overlay.sources, path) ? overlay.sources[path] : undefined;
    if (expected === undefined) return `it loaded ${path}, which is not in the arm's overlay`;
    if (expected !== hash)
      return `it loaded ${path} with SHA-256 ${hash.slice(0, 12)}…, not ${expected.slice(0, 12)}…`;
  }
  const module = ALWAYS_LOADED[overlay.arm.manifest.package];
  return Object.hasOwn(loaded, module) ? null : `it did not load ${module} from the arm's overlay`;
}
