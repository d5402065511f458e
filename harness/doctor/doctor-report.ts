import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import {
  cacheFolder,
  defaultVersion,
  type EnvironmentFacts,
  findInstaller,
  inspectEnvironment,
  inspectGivenEnvironment,
  missingRemedy,
  type UsableInstaller,
} from '../kernel/environment/index.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';

/** Whether an arm applies to an ipykernel version, and why. */
export interface ArmApplicability {
  readonly name: string;
  readonly applies: boolean;
  readonly reason: string;
}

export interface DoctorOptions {
  readonly python?: string | undefined;
  readonly env?: string | undefined;
  readonly json?: boolean | undefined;
}

/** What `soak doctor` found; with `--json` printed as it is. */
export interface DoctorReport {
  readonly harness: {
    readonly version: string;
    readonly node: string;
    readonly zeromqJs: string | null;
    /** libzmq of the harness. */
    readonly libzmq: string | null;
    readonly platform: string;
    readonly arch: string;
    readonly osRelease: string;
  };
  /** The interpreter that the environment is or would be made with; `null` when there is none. */
  readonly python: { readonly version: string; readonly executable: string } | null;
  readonly environment: {
    /** `absent`: the first run makes it. `damaged`: the next run makes it anew. */
    readonly state: 'cached' | 'given' | 'absent' | 'damaged' | 'unknown';
    readonly key: string | null;
    /** Why it is damaged. */
    readonly reason: string | null;
    readonly facts: EnvironmentFacts | null;
    /** The ipykernel that runs would use: the one found, else the pinned one. */
    readonly ipykernel: string | null;
  };
  /** What would install packages; `null` with `--env`, which installs nothing, or when there is nothing. */
  readonly installer: UsableInstaller | null;
  readonly cache: { readonly folder: string; readonly writable: boolean };
  readonly arms: readonly ArmApplicability[];
  readonly missing: readonly { readonly what: string; readonly reason: string; readonly remedy: string }[];
}

/**
 * What is there. Reads only; never rejects for what is missing.
 *
 * @throws SoakError `conflicting-options` for `--env` with `--python`.
 */
export async function doctorReport(
  options: DoctorOptions,
  listArms?: (ipykernelVersion: string) => Promise<readonly ArmApplicability[]>,
): Promise<DoctorReport> {
  if (options.env !== undefined && options.python !== undefined) {
    throw new SoakError('conflicting-options', '--env and --python cannot be combined.', {
      remedy: '--env looks at an existing environment, --python at the one that would be made: choose one.',
      exitCode: EXIT_CODES.usage,
    });
  }
  const missing: DoctorReport['missing'][number][] = [];
  const harness = await harnessFacts(missing);
  const kernel = await (options.env === undefined
    ? madeEnvironment(options.python, missing)
    : givenEnvironment(options.env, missing));
  const cache = { folder: cacheFolder(), writable: await isWritable(cacheFolder()) };
  if (!cache.writable) {
    missing.push({
      what: 'cache folder',
      reason: `${cache.folder} cannot be written`,
      remedy: 'Make it writable, or set KERNEL_SOAK_CACHE to a folder that is.',
    });
  }
  const { ipykernel } = kernel.environment;
  const arms = listArms && ipykernel !== null ? await listArms(ipykernel) : [];
  return { harness, ...kernel, cache, arms, missing };
}

type Missing = DoctorReport['missing'][number][];
type KernelFindings = Pick<DoctorReport, 'python' | 'environment' | 'installer'>;

async function harnessFacts(missing: Missing): Promise<DoctorReport['harness']> {
  const manifest = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  let zeromqJs: string | null = null;
  let libzmq: string | null = null;
  try {
    const require = createRequire(import.meta.url);
    zeromqJs = (require('zeromq/package.json') as { version: string }).version;
    libzmq = (await import('zeromq')).version;
  } catch (error) {
    missing.push({
      what: 'zeromq.js',
      reason: (error as Error).message.split('\n')[0] ?? 'it does not load',
      remedy: 'Run "npm ci" on this machine: its binary is chosen by platform and architecture.',
    });
  }
  return {
    version: manifest.version,
    node: process.versions.node,
    zeromqJs,
    libzmq,
    platform: process.platform,
    arch: process.arch,
    osRelease: release(),
  };
}

async function madeEnvironment(python: string | undefined, missing: Missing): Promise<KernelFindings> {
  const pinned = defaultVersion('ipykernel');
  try {
    const { interpreter, key, found } = await inspectEnvironment({ python });
    const installer = await findInstaller(interpreter, process.cwd());
    if (found.state !== 'ready' && installer.kind === 'none') {
      missing.push({
        what: 'uv or venv',
        reason: installer.error.message,
        remedy: installer.error.remedy,
      });
    }
    const facts = found.state === 'ready' ? found.environment.facts : null;
    return {
      python: { version: interpreter.version, executable: interpreter.executable },
      environment: {
        state: found.state === 'ready' ? 'cached' : found.state,
        key,
        reason: found.state === 'damaged' ? found.reason : null,
        facts,
        ipykernel: facts?.ipykernel?.version ?? pinned,
      },
      installer: installer.kind === 'none' ? null : installer,
    };
  } catch (error) {
    missing.push(missingFrom(error, 'Python'));
    return { python: null, environment: { ...UNKNOWN_ENVIRONMENT, ipykernel: pinned }, installer: null };
  }
}

async function givenEnvironment(env: string, missing: Missing): Promise<KernelFindings> {
  try {
    const { interpreter, key, facts } = await inspectGivenEnvironment(env);
    for (const entry of facts.missing) {
      missing.push({
        what: entry.package,
        reason: entry.reason,
        remedy: missingRemedy(interpreter.executable, [entry]),
      });
    }
    return {
      python: { version: interpreter.version, executable: interpreter.executable },
      environment: {
        state: 'given',
        key,
        reason: null,
        facts,
        ipykernel: facts.ipykernel?.version ?? null,
      },
      installer: null,
    };
  } catch (error) {
    missing.push(missingFrom(error, 'environment'));
    return { python: null, environment: UNKNOWN_ENVIRONMENT, installer: null };
  }
}

const UNKNOWN_ENVIRONMENT: DoctorReport['environment'] = {
  state: 'unknown',
  key: null,
  reason: null,
  facts: null,
  ipykernel: null,
};

function missingFrom(error: unknown, what: string): DoctorReport['missing'][number] {
  if (!(error instanceof SoakError)) throw error;
  return { what, reason: error.message, remedy: error.remedy };
}

async function isWritable(folder: string): Promise<boolean> {
  // The folder need not exist yet: its nearest ancestor that does decides.
  for (let path = folder; ; path = dirname(path)) {
    try {
      await access(path, constants.W_OK);
      return true;
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isAbsent || dirname(path) === path) return false;
    }
  }
}
