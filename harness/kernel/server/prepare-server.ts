import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { SoakError } from '../../model/errors.ts';
import type { ClientEnvironment } from '../../model/journal.ts';
import type { ProtocolTransport } from '../../model/transport.ts';
import type { Arm } from '../../plan/arms.ts';
import { ensureEnvironment } from '../environment/index.ts';

/** The lock of the kernel environment constrains what it names. */
const REQUIREMENTS = ['jupyter-server==2.21.1', 'jupyter-client', 'pyzmq', 'tornado'];
const CHIEF_PACKAGES = ['jupyter-server', 'jupyter-client', 'pyzmq', 'tornado'] as const;

/** The server of an experiment, its environment made. */
export interface PreparedServer {
  readonly protocolTransport: ProtocolTransport;
  readonly environment: ClientEnvironment;
  /** Interpreter of the server. */
  readonly python: string;
  /** Folder above all that notebooks run in. */
  readonly rootDir: string;
}

/** @throws SoakError `bare-arm` */
export function checkArmsOfServer(arms: readonly Arm[]): void {
  const bare = arms.find(({ manifest }) => manifest.bare);
  if (bare === undefined) return;
  throw new SoakError(
    'bare-arm',
    `The arm ${bare.name} has no counters, and without them nobody knows what a server sent the kernel by itself.`,
    { remedy: 'Leave it out, or leave out --transport server.' },
  );
}

/**
 * Make (or find in the cache) an environment with jupyter_server in it, beside those of the kernels.
 *
 * @throws SoakError `notebooks-apart`, and what `ensureEnvironment` throws
 */
export async function prepareServer(
  notebooks: readonly string[],
  options: { python?: string | undefined; onProgress: (line: string) => void; signal: AbortSignal },
): Promise<PreparedServer> {
  const rootDir = commonFolder(notebooks);
  const { python, onProgress, signal } = options;
  const environment = await ensureEnvironment({
    python,
    requirements: REQUIREMENTS,
    onProgress: (line) => onProgress(`jupyter-server: ${line}`),
    signal,
  });
  const { facts } = environment;
  const library = createRequire(import.meta.url)('@jupyterlab/services/package.json') as { version: string };
  return {
    protocolTransport: {
      name: 'server',
      versions: {
        ...Object.fromEntries(
          CHIEF_PACKAGES.flatMap((name) => {
            const version = facts.packages[name];
            return version === undefined ? [] : [[name, version]];
          }),
        ),
        '@jupyterlab/services': library.version,
      },
    },
    environment: {
      key: environment.key,
      python: `${facts.implementation} ${facts.python}`,
      libzmq: facts.libzmq ?? 'unknown',
      packages: facts.packages,
    },
    python: environment.python,
    rootDir,
  };
}

/**
 * The deepest folder that all of these files are in or below: a server's kernels run below its root.
 *
 * @throws SoakError `notebooks-apart` when there is none, as on two drives of Windows
 */
export function commonFolder(files: readonly string[]): string {
  const [first = [], ...others] = files.map((file) => dirname(resolve(file)).split(sep));
  const length = first.findIndex((part, index) => others.some((each) => each[index] !== part));
  const common = (length < 0 ? first : first.slice(0, length)).join(sep);
  if (common !== '' || (sep === '/' && first.length > 0)) return common === '' ? sep : join(common, sep, '.');
  throw new SoakError('notebooks-apart', 'The notebooks are on different drives: one server has one root.', {
    remedy: 'Give notebooks of one drive, or leave out --transport server.',
  });
}
