import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import type { Arm } from '../../arms/arms.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import type { ClientEnvironment } from '../../model/journal.ts';
import type { ExecutionWay, ProtocolTransport } from '../../model/transport.ts';
import type { ServerAddress } from '../../transport/server-settings.ts';
import type { ArmKernels } from '../arm-kernels.ts';
import { ensureEnvironment } from '../environment/index.ts';
import { armStamp, kernelspecName, servedCommand } from './arm-kernelspecs.ts';
import type { GivenServer } from './given-server.ts';

/** The lock of the kernel environment pins the packages that it names. */
const REQUIREMENTS = ['jupyter-server==2.21.1', 'jupyter-client', 'pyzmq', 'tornado'];
const CHIEF_PACKAGES = ['jupyter-server', 'jupyter-client', 'pyzmq', 'tornado'] as const;

/** What a server needs besides to execute the cells of a document (`--via rest`), each pinned. */
const EXECUTION_REQUIREMENTS = [
  'jupyter-server-documents==0.3.3',
  'jupyter-ydoc==4.2.1',
  'pycrdt==0.14.13',
  'jupyter-server-fileid==0.9.3',
];
const EXECUTION_PACKAGES = ['jupyter-server-documents', 'jupyter-ydoc', 'pycrdt', 'jupyter-server-fileid'];

/** The harness's own server. Its environment exists. */
export interface OwnServer {
  readonly protocolTransport: ProtocolTransport;
  readonly environment: ClientEnvironment;
  /** The server's interpreter. */
  readonly python: string;
  /** Folder that contains all working folders of the notebooks. */
  readonly rootDir: string;
  readonly via: ExecutionWay;
}

/** A server that already runs and has a kernelspec of each arm. */
export interface PreparedGivenServer {
  readonly protocolTransport: ProtocolTransport;
  readonly environment: null;
  readonly address: ServerAddress;
}

/** The server of an experiment. */
export type PreparedServer = OwnServer | PreparedGivenServer;

/**
 * Refuse bare arms.
 *
 * @param remedy what to do if an arm cannot run through a server
 * @throws SoakError `bare-arm`
 */
export function checkArmsOfServer(
  arms: readonly Arm[],
  remedy = 'Leave it out, or leave out --transport server and --server-url.',
): void {
  const bare = arms.find(({ manifest }) => manifest.bare);
  if (bare === undefined) return;
  throw new SoakError(
    'bare-arm',
    `The arm ${bare.name} has no counters, which show what a server sends the kernel on its own.`,
    { remedy },
  );
}

/**
 * Make (or find in the cache) an environment with jupyter_server, separate from the kernels' environments.
 *
 * @throws SoakError `notebooks-apart`, and what `ensureEnvironment` throws
 */
export async function prepareServer(
  notebooks: readonly string[],
  options: {
    python?: string | undefined;
    via?: ExecutionWay;
    onProgress: (line: string) => void;
    signal: AbortSignal;
  },
): Promise<OwnServer> {
  const rootDir = commonFolder(notebooks);
  const { python, via = 'websocket', onProgress, signal } = options;
  const isRest = via === 'rest';
  const environment = await ensureEnvironment({
    python,
    requirements: isRest ? [...REQUIREMENTS, ...EXECUTION_REQUIREMENTS] : REQUIREMENTS,
    onProgress: (line) => onProgress(`jupyter-server: ${line}`),
    signal,
  });
  const { facts } = environment;
  return {
    protocolTransport: {
      name: 'server',
      versions: {
        ...Object.fromEntries(
          [...CHIEF_PACKAGES, ...(isRest ? EXECUTION_PACKAGES : [])].flatMap((name) => {
            const version = facts.packages[name];
            return version === undefined ? [] : [[name, version]];
          }),
        ),
        ...libraryVersion(),
      },
      ...(isRest ? { via } : {}),
    },
    environment: {
      key: environment.key,
      python: `${facts.implementation} ${facts.python}`,
      libzmq: facts.libzmq ?? 'unknown',
      packages: facts.packages,
    },
    python: environment.python,
    rootDir,
    via,
  };
}

function libraryVersion(): Record<string, string> {
  const library = createRequire(import.meta.url)('@jupyterlab/services/package.json') as { version: string };
  return { '@jupyterlab/services': library.version };
}

/**
 * Check that a given server has a kernelspec of each arm, and that each kernelspec is the right arm.
 *
 * @returns the arms, each started by its kernelspec
 * @throws SoakError `arm-not-installed`, and what `inspectServer` throws
 */
export async function prepareGivenServer<Arm extends Pick<ArmKernels, 'overlay' | 'makeCommand'>>(
  url: string,
  arms: ReadonlyMap<string, Arm>,
  env: NodeJS.ProcessEnv,
): Promise<{ server: PreparedGivenServer; arms: Map<string, Arm> }> {
  const { inspectServer } = await import('./given-server.ts');
  const given = await inspectServer(url, env);
  const { kernelspecs } = given;
  const served = new Map<string, Arm>();
  for (const [label, arm] of arms) {
    const name = kernelspecName(arm.overlay.arm.name);
    const found = kernelspecs.get(name);
    if (found?.stamp !== (await armStamp(arm)))
      throw notInstalled(label, name, found, [...kernelspecs.keys()]);
    served.set(label, { ...arm, makeCommand: servedCommand(name) });
  }
  return { server: givenTransport(given), arms: served };
}

/** The transport of an experiment on a given server. */
export function givenTransport({ address, versions }: GivenServer): PreparedGivenServer {
  return {
    protocolTransport: { name: 'server', versions: { ...versions, ...libraryVersion() }, given: true },
    environment: null,
    address,
  };
}

function notInstalled(
  arm: string,
  name: string,
  found: { readonly stamp: string | null } | undefined,
  there: readonly string[],
): SoakError {
  const listed = there.length === 0 ? 'none' : there.slice(0, 12).join(', ');
  const reason =
    found === undefined
      ? `The server has no kernel ${name}, by which the arm ${arm} is started; it has ${listed}.`
      : `The server's kernel ${name} is not the arm ${arm} as it is here: ${found.stamp === null ? 'it was not installed by soak arms install' : 'its sources, settings or runtime are others'}.`;
  return new SoakError('arm-not-installed', reason, {
    remedy: `On the server's machine: npm run soak -- arms install '${arm}' --data-dir DIR, with a DIR that its \`jupyter --paths\` lists under data. On this one the version of kernel-soak must be the same.`,
    exitCode: EXIT_CODES.environment,
  });
}

/**
 * The deepest folder that contains all of these files. A server's kernels run in its root or below.
 *
 * @throws SoakError `notebooks-apart` when there is no such folder, as on two drives of Windows
 */
export function commonFolder(files: readonly string[]): string {
  const [first = [], ...others] = files.map((file) => dirname(resolve(file)).split(sep));
  const length = first.findIndex((part, index) => others.some((each) => each[index] !== part));
  const common = (length < 0 ? first : first.slice(0, length)).join(sep);
  if (common !== '' || (sep === '/' && first.length > 0)) return common === '' ? sep : join(common, sep, '.');
  throw new SoakError(
    'notebooks-apart',
    'The notebooks are on different drives, but a server has only one root folder.',
    {
      remedy: 'Give notebooks on one drive, or leave out --transport server.',
    },
  );
}
