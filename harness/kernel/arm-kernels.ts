import type { Arm } from '../arms/arms.ts';
import { OVERLAY_PACKAGES, type OverlayPackage } from '../arms/packages.ts';
import { isClientPackage, type ProtocolArm } from '../model/arm.ts';
import type { ArmChange } from '../model/arm-change.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { InstalledPackage } from './arm-sources.ts';
import {
  armRequirements,
  cacheFolder,
  ensureEnvironment,
  type KernelEnvironment,
  lockText,
  versionsBesideLock,
} from './environment/index.ts';
import { isUnfit, type ReleaseReader, unfitError, withReleaseReader } from './fitting-release.ts';
import { armCommand, type KernelCommandMaker } from './launch.ts';
import { type Mark, marksOf } from './marks.ts';
import { makeOverlay, type Overlay, type OverlayInputs, readOverlayChange } from './overlay.ts';
import { type SiteSources, siteSources, siteSourcesWithout, treeHash } from './source-files.ts';

/** An arm with its environment and overlay made. Its kernels can be launched. */
export interface ArmKernels {
  readonly overlay: Overlay;
  readonly makeCommand: KernelCommandMaker;
  /** The arm's own, or the experiment's. */
  readonly environment: KernelEnvironment;
  /** Hash of the environment's modules that a kernel loads besides its overlay. */
  readonly siteSha256: string;
}

/** The environment of arms that have none of their own, and how to make it. */
export interface ArmKernelOptions {
  /** Interpreter of the environments: a path, a command or a version; default: the first on PATH. */
  readonly python?: string | undefined;
  /** An existing environment for every arm, used as it is. */
  readonly env?: string | undefined;
  /** Default: KERNEL_SOAK_CACHE, else the system's folder for caches. */
  readonly cacheDir?: string | undefined;
  /**
   * Packages besides ipykernel that every arm's overlay holds, changed or not. The arms of an experiment then
   * differ in the content of their overlays, not in how it is loaded. Default: the arm's own packages.
   */
  readonly packages?: readonly OverlayPackage[] | undefined;
  /**
   * The arms of the experiment. The overlays of all arms mark the changes of all of them, so that each kernel
   * reports which parts of its arm's change it executed. Absent: nothing is marked.
   */
  readonly arms?: readonly Arm[] | undefined;
  /** Where to look for a release that a diff fits, if it does not fit the environment's. Default: the index. */
  readonly releases?: ReleaseReader | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Makes what an arm's kernels need. Arms with the same environment share one inspection of it. */
export type ArmKernelMaker = (arm: Arm) => Promise<ArmKernels>;

/**
 * Make (or find in the cache) the environment of an arm's kernels, and the arm's overlay:
 * `armKernelMaker({})(await loadArmSpec('ipykernel==7.4.0'))`. The first arm of a release that was not used
 * before takes as long as an installation. Later arms take a second.
 *
 * The maker throws SoakError `conflicting-options` for an arm with an environment of its own under `env`,
 * `no-ipykernel`, and what `ensureEnvironment` and `makeOverlay` throw.
 */
export function armKernelMaker(options: ArmKernelOptions = {}): ArmKernelMaker {
  const environments = new Map<string, Promise<KernelEnvironment>>();
  const sites = new Map<string, Promise<SiteSources>>();
  const madeFor = async (arm: Arm): Promise<MadeEnvironment> => {
    const key = canonicalJson(arm.environment);
    const environment = environments.get(key) ?? armEnvironment(arm, options);
    environments.set(key, environment);
    const made = await environment;
    const site = sites.get(made.key) ?? siteSources(made.facts.sourceFolders);
    sites.set(made.key, site);
    return { environment: made, site: await site };
  };
  const kernelArms = (options.arms ?? []).filter(({ manifest }) => !isClientPackage(manifest.package));
  let changes: Promise<ReadonlyMap<Arm, ArmChange | null>> | undefined;
  const changesOf = async () => {
    const found = new Map<Arm, ArmChange | null>();
    for (const arm of kernelArms) {
      const inputs = overlayInputs(arm, await madeFor(arm), options);
      found.set(arm, await orUnfit(arm, options, () => readOverlayChange(arm, inputs)));
    }
    return found;
  };
  return async (arm) => {
    const made = await madeFor(arm);
    changes ??= changesOf();
    const byArm = await changes;
    const all: Mark[] = marksOf([...byArm.values()].flatMap((change) => change ?? []));
    return orUnfit(arm, options, () =>
      armKernels(arm, made, { all, change: byArm.get(arm) ?? null }, options),
    );
  };
}

/** A diff that does not fit the environment's release: the error names the release that it fits. */
async function orUnfit<Result>(
  arm: Arm,
  { python, releases, onProgress = () => {}, signal = new AbortController().signal }: ArmKernelOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isUnfit(arm, error)) throw error;
    const { message } = error;
    onProgress(`${message.split(':')[0]}; looking for a release that it fits`);
    const better = (reader: ReleaseReader) => unfitError(arm, error, reader);
    const index = { python: arm.environment?.python ?? python, onProgress, signal };
    const found = releases === undefined ? withReleaseReader(index, better) : better(releases);
    throw await found.catch(() => error);
  }
}

interface MadeEnvironment {
  readonly environment: KernelEnvironment;
  readonly site: SiteSources;
}

function overlayInputs(
  arm: Arm,
  { environment, site }: MadeEnvironment,
  options: ArmKernelOptions,
): OverlayInputs {
  const { ipykernel } = environment.facts;
  if (ipykernel === null) {
    throw new SoakError('no-ipykernel', 'The kernel environment has no ipykernel.', {
      remedy: 'Run `soak doctor` to see what is missing.',
      exitCode: EXIT_CODES.environment,
    });
  }
  const others = overlaidBesides(
    [arm.patchPackage, ...arm.trees.map((tree) => tree.package)],
    environment,
    options,
  );
  return {
    python: environment.python,
    packageFolder: ipykernel.folder,
    version: ipykernel.version,
    environmentKey: environment.key,
    cacheDir: cacheFolder(options.cacheDir),
    others,
    site: siteSourcesWithout(site, ['ipykernel', ...others.keys()]),
    runtime: { python: environment.facts.python, libzmq: environment.facts.libzmq },
  };
}

async function armKernels(
  arm: Arm,
  made: MadeEnvironment,
  marks: NonNullable<OverlayInputs['marks']>,
  options: ArmKernelOptions,
): Promise<ArmKernels> {
  const { environment, site } = made;
  const overlay = await makeOverlay(arm, { ...overlayInputs(arm, made, options), marks });
  const protocolArm: ProtocolArm = { ...overlay.protocolArm, ...armFacts(arm, environment) };
  return {
    overlay: { ...overlay, protocolArm },
    makeCommand: armCommand(environment, overlay),
    environment,
    siteSha256: treeHash(site.sources),
  };
}

/** Every package that an arm changes in its kernel. The overlays of all arms hold all of them. */
export function packagesInOverlays(arms: readonly Arm[]): OverlayPackage[] {
  const kernelArms = arms.filter(({ manifest }) => !isClientPackage(manifest.package));
  return [
    ...new Set(kernelArms.flatMap((arm) => [arm.patchPackage, ...arm.trees.map((tree) => tree.package)])),
  ];
}

function overlaidBesides(
  own: readonly OverlayPackage[],
  { facts }: KernelEnvironment,
  { packages = [] }: ArmKernelOptions,
): Map<OverlayPackage, InstalledPackage> {
  const names = [...new Set([...packages, ...own])].filter((name) => name !== 'ipykernel').sort();
  return new Map(
    names.map((name) => {
      const folder = facts.sourceFolders[name];
      const version = facts.packages[OVERLAY_PACKAGES[name]];
      if (folder === undefined || version === undefined) {
        throw new SoakError(
          'environment-incomplete',
          `The kernel environment has no ${OVERLAY_PACKAGES[name]}.`,
          {
            remedy: 'Choose an environment that has it: an arm changes an installed package.',
            exitCode: EXIT_CODES.environment,
          },
        );
      }
      return [name, { folder, version }];
    }),
  );
}

async function armEnvironment(arm: Arm, options: ArmKernelOptions): Promise<KernelEnvironment> {
  const { python, env, cacheDir, onProgress, signal } = options;
  const shared = { cacheDir, onProgress, signal };
  if (arm.environment === null) return ensureEnvironment({ python, env, ...shared });
  if (env !== undefined) {
    throw new SoakError(
      'conflicting-options',
      `The arm ${arm.name} asks for its own environment, but --env gives every arm the same one.`,
      { remedy: "Leave out --env, or leave out the arm's requirements and Python." },
    );
  }
  return ensureEnvironment({
    python: arm.environment.python ?? python,
    requirements: armRequirements(arm.environment.requirements),
    ...shared,
    onProgress: onProgress && ((line) => onProgress(`${arm.name}: ${line}`)),
  });
}

/**
 * What the protocol records of an arm besides its overlay. Empty for an arm that asks for nothing special.
 */
function armFacts({ environment, manifest }: Arm, { facts }: KernelEnvironment): Partial<ProtocolArm> {
  return {
    ...(environment === null
      ? {}
      : {
          environment: {
            requirements: [...environment.requirements],
            python: environment.python,
            lockSha256: sha256(lockText()),
            versions: versionsBesideLock(facts.packages),
          },
        }),
    ...(Object.keys(manifest.variables).length === 0 ? {} : { variables: manifest.variables }),
    ...(manifest.eventLoop === undefined ? {} : { eventLoop: manifest.eventLoop }),
    ...(manifest.launch === undefined ? {} : { launch: manifest.launch }),
    ...(manifest.arguments.length === 0 ? {} : { arguments: manifest.arguments }),
  };
}
