import type { Arm } from '../arms/arms.ts';
import { isClientPackage } from '../model/arm.ts';
import { type ClientName, COMMAND_CLIENT, type ProtocolClient } from '../model/client.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { about, EXIT_CODES, SoakError } from '../model/errors.ts';
import type { ClientEnvironment } from '../model/journal.ts';
import { shellWord } from '../model/shell-word.ts';
import type { ArmKernelMaker, ArmKernels } from './arm-kernels.ts';
import type { ClientProgram } from './client-process.ts';
import { cacheFolder, ensureEnvironment, type KernelEnvironment } from './environment/index.ts';
import { runCommand } from './environment/run-command.ts';
import { makeOverlay, type Overlay } from './overlay.ts';

/** The requirements of each client. The lock of the kernel environment pins the packages that it names. */
const REQUIREMENTS: Readonly<Record<ClientName, readonly string[]>> = {
  nbclient: ['nbclient', 'jupyter-client', 'nbformat', 'pyzmq'],
  'jupyter-execute': ['nbclient', 'jupyter-client', 'nbformat', 'pyzmq'],
  papermill: ['papermill==2.7.0', 'nbclient', 'jupyter-client', 'nbformat', 'pyzmq'],
  nbconvert: ['nbconvert==7.17.2', 'nbclient', 'jupyter-client', 'nbformat', 'pyzmq'],
  nbmake: ['nbmake==1.5.5', 'pytest==9.2.0', 'nbclient', 'jupyter-client', 'nbformat', 'pyzmq'],
  'jupyter-client': ['jupyter-client', 'nbformat', 'pyzmq'],
};

/** Packages that decide how a client sends and reads. The protocol records their versions. */
const CHIEF_PACKAGES = [
  'papermill',
  'nbconvert',
  'nbmake',
  'pytest',
  'nbclient',
  'jupyter-client',
  'nbformat',
  'pyzmq',
  'tornado',
] as const;

const FIND_PACKAGE =
  'import importlib.util, os, sys; print(os.path.dirname(importlib.util.find_spec(sys.argv[1]).origin))';
const FIND_TIMEOUT_MS = 30_000;

/** An arm under a client: the command of its kernel, and the client with the arm's change. */
export interface ClientArm extends ArmKernels {
  readonly client: {
    readonly program: ClientProgram;
    /**
     * What the client must report that it loaded. `null`: the client is unchanged, so nothing is compared.
     */
    readonly overlay: Overlay | null;
  };
}

/** The client of an experiment. Its environment exists. */
export interface PreparedClient {
  readonly protocolClient: ProtocolClient;
  readonly environment: ClientEnvironment;
  readonly armOf: (arm: Arm) => Promise<ClientArm>;
}

/** The endpoint that compares arms where the user names none: stalls if they change the client, otherwise wedges. */
export function endpointOfArms(arms: readonly Arm[]): Endpoint {
  return arms.some(({ manifest }) => isClientPackage(manifest.package)) ? 'stalled' : 'wedged';
}

/** Endpoints that judge a change of the client and a change of the kernel alike. */
const ENDPOINTS_OF_BOTH: readonly Endpoint[] = ['any', 'lost-output'];

/**
 * Refuse arms that cannot run together, or that cannot run with this client or without one.
 *
 * @param endpoint the one that the user named; `null`: none
 */
export function checkArmsOfClient(
  arms: readonly Arm[],
  client: ClientName | typeof COMMAND_CLIENT | null,
  endpoint: Endpoint | null = null,
): void {
  const changing = arms.filter(({ manifest }) => isClientPackage(manifest.package));
  const [first] = changing;
  if (client === COMMAND_CLIENT && first !== undefined) {
    throw new SoakError(
      'client-arm',
      `The arm ${first.name} changes ${first.manifest.package}, and the harness cannot change what a command imports.`,
      { remedy: `Choose one of the clients by name: ${Object.keys(REQUIREMENTS).join(', ')}.` },
    );
  }
  if (client === null && first !== undefined) {
    throw new SoakError(
      'client-arm',
      `The arm ${first.name} changes ${first.manifest.package}, but the harness is the client in this experiment.`,
      { remedy: 'Add --client nbclient, or choose arms of the kernel.' },
    );
  }
  const other = arms.find(({ manifest }) => !isClientPackage(manifest.package));
  if (
    first !== undefined &&
    other !== undefined &&
    !(endpoint !== null && ENDPOINTS_OF_BOTH.includes(endpoint))
  ) {
    throw new SoakError(
      'mixed-arms',
      `The arm ${first.name} changes the client and ${other.name} does not. ${endpoint === null ? 'An arm of the client is judged by stalls, an arm of the kernel by wedges.' : `The endpoint ${endpoint} does not judge both alike.`}`,
      {
        remedy: `Run two experiments (the control for client arms is client-control), or give an endpoint that judges both: ${ENDPOINTS_OF_BOTH.map((each) => `--endpoint ${each}`).join(' or ')}.`,
      },
    );
  }
  const bare = client === null ? undefined : arms.find(({ manifest }) => manifest.bare);
  if (bare !== undefined) {
    throw new SoakError(
      'bare-arm',
      `The arm ${bare.name} has no counters. Under ${client === COMMAND_CLIENT ? 'a command as the client' : `the client ${client}`}, they are the only way to observe the kernel.`,
      { remedy: 'Leave out the arm, or leave out --client.' },
    );
  }
}

interface ClientEnvironmentOptions {
  readonly python?: string | undefined;
  /** An existing environment of the client, used as it is. Default: one is made. */
  readonly env?: string | undefined;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Smallest major versions with the classes that the client's runtime (arms/runtime/soak_client_counters.py) watches. */
const OLDEST: Readonly<Record<string, number>> = { 'jupyter-client': 8 };

/** What an environment lacks that the client needs, as requirements of pip. A release that is too old counts as lacking. */
export function missingOfClient(
  client: ClientName,
  packages: Readonly<Record<string, string>>,
): readonly string[] {
  return REQUIREMENTS[client]
    .map((requirement) => requirement.replace(/==.*/, ''))
    .flatMap((name) => {
      const [version, oldest] = [packages[name], OLDEST[name]];
      if (version === undefined) return [name];
      return oldest !== undefined && Number.parseInt(version, 10) < oldest ? [`${name}>=${oldest}`] : [];
    });
}

async function clientEnvironment(
  name: ClientName,
  { python, env, onProgress, signal }: ClientEnvironmentOptions,
): Promise<KernelEnvironment> {
  const around = { onProgress: (line: string) => onProgress(`${name}: ${line}`), signal };
  if (env === undefined) return ensureEnvironment({ python, requirements: REQUIREMENTS[name], ...around });
  const given = await about({ name: 'client-env' }, () => ensureEnvironment({ env, ...around }));
  const missing = missingOfClient(name, given.facts.packages);
  if (missing.length === 0) return given;
  throw new SoakError('environment-incomplete', `--client-env "${env}" lacks ${missing.join(', ')}.`, {
    option: { name: 'client-env' },
    remedy: `Install what is missing: "${given.python}" -m pip install ${missing.map((each) => shellWord(each)).join(' ')}. Or leave out --client-env: soak then makes an environment for ${name}.`,
    exitCode: EXIT_CODES.environment,
  });
}

/**
 * Make (or find in the cache) the environment of a client, separate from the kernel's, or take the given one, and return
 * how each arm runs under the client.
 *
 * @throws SoakError of `ensureEnvironment` and `makeOverlay`; `environment-incomplete`
 */
export async function prepareClient(
  client: { readonly name: ClientName; readonly cellTimeoutSeconds: number | null },
  kernelsOf: ArmKernelMaker,
  options: ClientEnvironmentOptions,
): Promise<PreparedClient> {
  const { signal } = options;
  const environment = await clientEnvironment(client.name, options);
  const { packages } = environment.facts;
  const program = (name: string, overlay: string | null): ClientProgram => ({
    name: client.name,
    python: environment.python,
    cellTimeoutSeconds: client.cellTimeoutSeconds,
    package: name,
    overlay,
  });
  const overlayOf = async (arm: Arm): Promise<Overlay> => {
    const name = arm.manifest.package;
    const found = await runCommand(environment.python, ['-I', '-c', FIND_PACKAGE, name], {
      timeoutMs: FIND_TIMEOUT_MS,
      signal,
    });
    const version = packages[name.replaceAll('_', '-')];
    if (found.code !== 0 || version === undefined) {
      throw new SoakError('environment-broken', `The environment of ${client.name} has no ${name}.`, {
        remedy: 'Clear the cache folder and run the command again.',
        exitCode: EXIT_CODES.environment,
      });
    }
    return makeOverlay(arm, {
      python: environment.python,
      packageFolder: found.stdout.trim(),
      version,
      environmentKey: environment.key,
      cacheDir: cacheFolder(),
    });
  };
  return {
    protocolClient: {
      name: client.name,
      cellTimeoutMs: client.cellTimeoutSeconds === null ? null : client.cellTimeoutSeconds * 1000,
      versions: Object.fromEntries(
        CHIEF_PACKAGES.flatMap((name) => (packages[name] === undefined ? [] : [[name, packages[name]]])),
      ),
    },
    environment: {
      key: environment.key,
      python: `${environment.facts.implementation} ${environment.facts.python}`,
      libzmq: environment.facts.libzmq ?? 'unknown',
      packages,
    },
    async armOf(arm) {
      if (!isClientPackage(arm.manifest.package)) {
        const kernels = await kernelsOf(arm);
        return { ...kernels, client: { program: program('jupyter_client', null), overlay: null } };
      }
      const kernels = await kernelsOf(unchangedKernelOf(arm));
      const overlay = await overlayOf(arm);
      return {
        ...kernels,
        overlay: {
          ...kernels.overlay,
          protocolArm: { ...kernels.overlay.protocolArm, ...overlay.protocolArm },
          patch: overlay.patch,
        },
        client: { program: program(arm.manifest.package, overlay.folder), overlay },
      };
    },
  };
}

/**
 * The kernel of an arm that changes the client: the released kernel, with the runtime, in the arm's
 * environment.
 */
function unchangedKernelOf(arm: Arm): Arm {
  const { patch: _patch, engagement: _engagement, ...manifest } = arm.manifest;
  return {
    ...arm,
    patch: null,
    patchPackage: 'ipykernel',
    trees: [],
    isInert: false,
    manifest: { ...manifest, package: 'ipykernel', appliesTo: '>=6.0.0' },
  };
}
