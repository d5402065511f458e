import type { WantedEnvironment } from '../arms/arm-environment.ts';
import type { Arm } from '../arms/arms.ts';
import { OVERLAY_PACKAGES, type OverlayPackage } from '../arms/packages.ts';
import { isClientPackage, type ProtocolArm, type ProtocolArmEnvironment } from '../model/arm.ts';
import type { ArmChange } from '../model/arm-change.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { InstalledPackage } from './arm-sources.ts';
import {
  armRequirements,
  cacheFolder,
  ensureEnvironment,
  environmentCopy,
  type KernelEnvironment,
  lockText,
  versionsBesideLock,
} from './environment/index.ts';
import { interpreterOfEnvironment } from './environment/interpreter.ts';
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
  /**
   * What an experiment recorded of an arm when it began. Its environment is then made of exactly those packages, whatever
   * the index has and the copied environment is by now. Absent: the experiment begins.
   */
  readonly recorded?: ((arm: string) => RecordedEnvironment | undefined) | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An arm's environment, as a journal has it. */
export interface RecordedEnvironment {
  /** What the arm asked for. `undefined`: nothing of its own. */
  readonly asked: ProtocolArmEnvironment | undefined;
  /** Every package, by normalised name. */
  readonly packages: Readonly<Record<string, string>>;
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
  const environments = new Map<string, Promise<Omit<MadeEnvironment, 'site'>>>();
  const sites = new Map<string, Promise<SiteSources>>();
  const said = new Set<string>();
  const madeFor = async (arm: Arm): Promise<MadeEnvironment> => {
    const key = canonicalJson(arm.environment);
    const environment = environments.get(key) ?? armEnvironment(arm, options, said);
    environments.set(key, environment);
    const { environment: made, asked } = await environment;
    const site = sites.get(made.key) ?? siteSources(made.facts.sourceFolders);
    sites.set(made.key, site);
    return { environment: made, asked, site: await site };
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
  /** What the arm asks for, a copy of an environment spelled out. `null`: the experiment's own environment. */
  readonly asked: WantedEnvironment | null;
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
  const protocolArm: ProtocolArm = { ...overlay.protocolArm, ...armFacts(arm, made) };
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

/** @param said what was said of other arms: arms mostly have the same packages */
async function armEnvironment(
  arm: Arm,
  options: ArmKernelOptions,
  said: Set<string>,
): Promise<Omit<MadeEnvironment, 'site'>> {
  const { python, env, cacheDir, onProgress, signal, recorded } = options;
  const shared = { cacheDir, onProgress, signal };
  if (arm.environment === null)
    return { environment: await ensureEnvironment({ python, env, ...shared }), asked: null };
  if (env !== undefined) {
    throw new SoakError(
      'conflicting-options',
      `The arm ${arm.name} asks for its own environment, but --env gives every arm the same one.`,
      {
        remedy: `Leave out --env, or use a copy of that environment in each arm: --arm 'env:PATH + NAME==VERSION'.`,
      },
    );
  }
  const say = onProgress && ((line: string) => onProgress(`${arm.name}: ${line}`));
  const earlier = recorded?.(arm.name);
  const { interpreter, ...asked } = await spelledOut(arm.environment, earlier?.asked, signal);
  const leftOut = asked.leftOut?.join('; ');
  if (leftOut !== undefined && !said.has(leftOut)) onProgress?.(`Left out: ${leftOut}`);
  if (leftOut !== undefined) said.add(leftOut);
  const environment = await ensureEnvironment({
    python: interpreter ?? asked.python ?? python,
    requirements: armRequirements(asked),
    pins: asked.pins,
    exactly: earlier?.packages,
    ...shared,
    onProgress: say,
  });
  return { environment, asked };
}

/** What an arm asks for, with the packages of an environment to copy by their versions. */
async function spelledOut(
  wanted: WantedEnvironment,
  earlier: ProtocolArmEnvironment | undefined,
  signal: AbortSignal | undefined,
): Promise<WantedEnvironment & { readonly interpreter?: string }> {
  const { copyOf } = wanted;
  if (copyOf === undefined) return wanted;
  const copy =
    earlier === undefined
      ? await environmentCopy(copyOf, wanted.requirements, signal)
      : // The user may have changed that environment since, and the experiment has not.
        { ...earlier, interpreter: (await interpreterOfEnvironment(copyOf, signal)).executable };
  const { requirements, python, interpreter, leftOut = [] } = copy;
  return {
    ...wanted,
    requirements,
    python: wanted.python ?? python,
    ...(leftOut.length === 0 ? {} : { leftOut }),
    ...(wanted.python === null ? { interpreter } : {}),
  };
}

/**
 * What the protocol records of an arm besides its overlay. Empty for an arm that asks for nothing special.
 */
function armFacts(
  { manifest }: Arm,
  { asked, environment: { facts } }: Pick<MadeEnvironment, 'asked' | 'environment'>,
): Partial<ProtocolArm> {
  return {
    ...(asked === null
      ? {}
      : {
          environment: {
            requirements: [...asked.requirements],
            python: asked.python,
            lockSha256: sha256(lockText()),
            versions: versionsBesideLock(facts.packages),
            ...(asked.copyOf === undefined ? {} : { isCopy: true as const }),
            ...(asked.files === undefined ? {} : { files: [...asked.files] }),
            ...(asked.leftOut === undefined ? {} : { leftOut: [...asked.leftOut] }),
          },
        }),
    ...(Object.keys(manifest.variables).length === 0 ? {} : { variables: manifest.variables }),
    ...(manifest.eventLoop === undefined ? {} : { eventLoop: manifest.eventLoop }),
    ...(manifest.launch === undefined ? {} : { launch: manifest.launch }),
    ...(manifest.arguments.length === 0 ? {} : { arguments: manifest.arguments }),
  };
}
