import type { ProtocolArm } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Arm } from '../plan/arms.ts';
import {
  armRequirements,
  cacheFolder,
  ensureEnvironment,
  type KernelEnvironment,
  lockText,
  versionsBesideLock,
} from './environment/index.ts';
import { armCommand, type KernelCommandMaker } from './launch.ts';
import { makeOverlay, type Overlay } from './overlay.ts';

/** An arm whose environment and overlay are there: its kernels can be launched. */
export interface ArmKernels {
  readonly overlay: Overlay;
  readonly makeCommand: KernelCommandMaker;
  /** The arm's own, or the experiment's. */
  readonly environment: KernelEnvironment;
}

/** What arms without an environment of their own run in, and how one is made. */
export interface ArmKernelOptions {
  /** Interpreter of the environments: a path, a command or a version; default: the first on PATH. */
  readonly python?: string | undefined;
  /** An existing environment for every arm, used as it is. */
  readonly env?: string | undefined;
  /** Default: KERNEL_SOAK_CACHE, else the system's folder for caches. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Makes what an arm's kernels need; arms that share an environment share the look at it. */
export type ArmKernelMaker = (arm: Arm) => Promise<ArmKernels>;

/**
 * Make (or find in the cache) what an arm's kernels run in, and the arm's overlay on it:
 * `armKernelMaker({})(await loadArmSpec('ipykernel==7.4.0'))`. The first arm of a release that was not used
 * before takes as long as an installation, later ones a second.
 *
 * The maker throws SoakError `conflicting-options` for an arm with an environment of its own under `env`,
 * `no-ipykernel`, and what `ensureEnvironment` and `makeOverlay` throw.
 */
export function armKernelMaker(options: ArmKernelOptions = {}): ArmKernelMaker {
  const environments = new Map<string, Promise<KernelEnvironment>>();
  return async (arm) => {
    const key = canonicalJson(arm.environment);
    const environment = environments.get(key) ?? armEnvironment(arm, options);
    environments.set(key, environment);
    return armKernels(arm, await environment, options);
  };
}

async function armKernels(
  arm: Arm,
  environment: KernelEnvironment,
  options: ArmKernelOptions,
): Promise<ArmKernels> {
  const { ipykernel } = environment.facts;
  if (ipykernel === null) {
    throw new SoakError('no-ipykernel', 'The kernel environment has no ipykernel.', {
      remedy: 'Run `soak doctor` to see what is missing.',
      exitCode: EXIT_CODES.environment,
    });
  }
  const overlay = await makeOverlay(arm, {
    python: environment.python,
    packageFolder: ipykernel.folder,
    version: ipykernel.version,
    environmentKey: environment.key,
    cacheDir: cacheFolder(options.cacheDir),
  });
  const protocolArm: ProtocolArm = { ...overlay.protocolArm, ...armFacts(arm, environment) };
  return {
    overlay: { ...overlay, protocolArm },
    makeCommand: armCommand(environment, overlay),
    environment,
  };
}

async function armEnvironment(arm: Arm, options: ArmKernelOptions): Promise<KernelEnvironment> {
  const { python, env, cacheDir, onProgress, signal } = options;
  const shared = { cacheDir, onProgress, signal };
  if (arm.environment === null) return ensureEnvironment({ python, env, ...shared });
  if (env !== undefined) {
    throw new SoakError(
      'conflicting-options',
      `The arm ${arm.name} has an environment of its own, and --env gives every arm the same one, as it is.`,
      { remedy: 'Leave --env out, or the requirements and the Python of the arm.' },
    );
  }
  return ensureEnvironment({
    python: arm.environment.python ?? python,
    requirements: armRequirements(arm.environment.requirements),
    ...shared,
    onProgress: onProgress && ((line) => onProgress(`${arm.name}: ${line}`)),
  });
}

/** What the protocol says of an arm beyond its overlay; nothing of an arm that asks for nothing. */
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
    ...(manifest.arguments.length === 0 ? {} : { arguments: manifest.arguments }),
  };
}
