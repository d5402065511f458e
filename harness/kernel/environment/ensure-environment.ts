import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import {
  cacheFolder,
  clearSlot,
  environmentKey,
  fileSystemError,
  givenEnvironmentKey,
  type Marker,
  readMarker,
  type Slot,
  slotOf,
  withSlotLocked,
  writeMarker,
} from './cache.ts';
import { type EnvironmentFacts, probeEnvironment } from './facts.ts';
import { installPackages } from './install.ts';
import type { Installer } from './install-error.ts';
import { findInterpreter, type Interpreter, interpreterOfEnvironment } from './interpreter.ts';
import { warmMatplotlib } from './matplotlib.ts';
import { venvPython } from './platform.ts';
import { installation, lockText, requirementName } from './requirements.ts';

/** An environment that kernels can be launched from. */
export interface KernelEnvironment {
  /** Absolute path of its interpreter. */
  readonly python: string;
  /** Hash of its inputs; for a given environment of its interpreter's version and its packages. */
  readonly key: string;
  readonly facts: EnvironmentFacts;
  readonly made: 'cached' | 'created' | 'given';
  /** MPLCONFIGDIR for kernels, its font cache built; `null` without matplotlib. */
  readonly matplotlibConfigDir: string | null;
}

export interface EnvironmentOptions {
  /** Interpreter to make the environment with: a path or a command. Default: the first on PATH. */
  readonly python?: string | undefined;
  /** An existing environment, used as it is: its interpreter or its folder. Excludes `python` and `requirements`. */
  readonly env?: string | undefined;
  /**
   * All direct requirements, instead of the default ones; the lock constrains what they leave open.
   * `requirementsWith(['ipykernel==7.4.0'])` replaces one of the defaults.
   */
  readonly requirements?: readonly string[] | undefined;
  /** Versions that go before the lock's: `name==version`, some with a marker. */
  readonly pins?: readonly string[] | undefined;
  /**
   * Every package with its version, as an experiment recorded it. Where the cache has another environment or none, one of
   * exactly these is made. Its key stays that of the requirements. Not used for the lock itself, which leaves nothing open.
   */
  readonly exactly?: Readonly<Record<string, string>> | undefined;
  /** Default: KERNEL_SOAK_CACHE, else the system's folder for caches. */
  readonly cacheDir?: string | undefined;
  /** Default: uv where it is on PATH and runs, else pip. */
  readonly installer?: Installer | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The kernel environment, from the cache or made now. Safe to call in several processes at once; a cached one
 * that was damaged or altered is made anew, once, and `onProgress` is told.
 *
 * @throws SoakError with exit code 4 (environment) when it cannot be had; the signal's reason when aborted,
 *   after the installer's processes have ended.
 */
export async function ensureEnvironment(options: EnvironmentOptions = {}): Promise<KernelEnvironment> {
  if (options.env !== undefined) return givenEnvironment(options.env, options);
  const { exactly, ...others } = options;
  if (exactly !== undefined && options.requirements !== undefined) return exactEnvironment(exactly, others);
  const { interpreter, slot, lock } = await placeOf(options);
  const found = await lookUp(slot, options.signal);
  if (found.state === 'ready') return found.environment;

  const onProgress = options.onProgress ?? (() => {});
  return withSlotLocked(slot, { onProgress, signal: options.signal }, async (signal) => {
    // Another process may have made it while this one waited.
    const current = await lookUp(slot, signal);
    if (current.state === 'ready') return current.environment;
    if (current.state === 'damaged') {
      onProgress(`The cached kernel environment cannot be used (${current.reason}): making it anew`);
    }
    await clearSlot(slot, onProgress);
    const attempt = randomBytes(3).toString('hex');
    const attemptFolder = join(slot.folder, attempt);
    await mkdir(attemptFolder);
    const installer = await installPackages({
      interpreter,
      installation: installation(options.requirements, lock, options.pins),
      folder: venvFolder(slot, attempt),
      installer: options.installer,
      onProgress,
      signal,
    });
    const python = venvPython(venvFolder(slot, attempt), process.platform);
    const facts = await factsOfNew(python, signal);
    const matplotlibConfigDir = facts.packages['matplotlib']
      ? await warmMatplotlib(python, matplotlibFolder(slot, attempt), { onProgress, signal })
      : null;
    signal.throwIfAborted();
    await writeMarker(slot, { format: 1, folder: attempt, installer, packages: facts.packages });
    return { python, key: slot.key, facts, made: 'created', matplotlibConfigDir };
  });
}

async function exactEnvironment(
  exactly: Readonly<Record<string, string>>,
  options: EnvironmentOptions,
): Promise<KernelEnvironment> {
  const { key, found } = await inspectEnvironment(options);
  if (found.state === 'ready' && canonicalJson(found.environment.facts.packages) === canonicalJson(exactly)) {
    return found.environment;
  }
  options.onProgress?.('The package index may have newer versions by now: the recorded ones are installed');
  const requirements = Object.entries(exactly).map(([name, version]) => `${name}==${version}`);
  return { ...(await ensureEnvironment({ ...options, requirements, pins: undefined })), key };
}

/** What `ensureEnvironment` would find, without making anything. */
export type EnvironmentState =
  | { readonly state: 'ready'; readonly environment: KernelEnvironment }
  | { readonly state: 'absent' }
  /** Made once, but it no longer runs or was altered: the next use makes it anew. */
  | { readonly state: 'damaged'; readonly reason: string };

export interface EnvironmentInspection {
  readonly interpreter: Interpreter;
  readonly key: string;
  /** Where it is, or would be. */
  readonly folder: string;
  readonly found: EnvironmentState;
}

/**
 * Looks for the environment that the options name, installing nothing.
 *
 * @throws SoakError when there is no interpreter that could be used.
 */
export async function inspectEnvironment(options: EnvironmentOptions = {}): Promise<EnvironmentInspection> {
  const { interpreter, slot } = await placeOf(options);
  return {
    interpreter,
    key: slot.key,
    folder: slot.folder,
    found: await lookUp(slot, options.signal),
  };
}

/** An environment named with `--env`, whether or not kernels can be launched from it: see `facts.missing`. */
export async function inspectGivenEnvironment(
  env: string,
  signal?: AbortSignal,
): Promise<{ interpreter: Interpreter; key: string; facts: EnvironmentFacts }> {
  const interpreter = await interpreterOfEnvironment(env, signal);
  const probe = await probeEnvironment(interpreter.executable, signal);
  if (!probe.runs) {
    throw new SoakError('environment-broken', `--env "${env}" cannot be used: ${probe.reason}.`, {
      option: { name: 'env' },
      remedy: 'Repair that environment, or leave out --env and let soak make one.',
      exitCode: EXIT_CODES.environment,
    });
  }
  return { interpreter, key: givenEnvironmentKey(interpreter, probe.facts.packages), facts: probe.facts };
}

/** How to get what is missing from an environment that is the user's, as a sentence. */
export function missingRemedy(python: string, missing: EnvironmentFacts['missing']): string {
  const names = missing.map((entry) => entry.package).join(' ');
  const isThere = missing.some((entry) => entry.reason !== 'not installed');
  return `Install what is missing: "${python}" -m pip install ${isThere ? '--force-reinstall ' : ''}${names}`;
}

async function givenEnvironment(env: string, options: EnvironmentOptions): Promise<KernelEnvironment> {
  if (options.python !== undefined || options.requirements !== undefined) {
    throw new SoakError(
      'conflicting-options',
      '--env uses an existing environment as it is. It cannot be combined with --python or with packages to install.',
      { option: { name: 'env' }, remedy: 'Leave one of them out.', exitCode: EXIT_CODES.usage },
    );
  }
  const { interpreter, key, facts } = await inspectGivenEnvironment(env, options.signal);
  const python = interpreter.executable;
  if (facts.missing.length > 0) {
    const list = facts.missing.map((entry) => `${entry.package} (${entry.reason})`).join(', ');
    throw new SoakError('environment-incomplete', `--env "${env}" lacks what a kernel needs: ${list}.`, {
      option: { name: 'env' },
      remedy: missingRemedy(python, facts.missing),
      exitCode: EXIT_CODES.environment,
    });
  }
  const folder = join(cacheFolder(options.cacheDir), 'matplotlib', key);
  const onProgress = options.onProgress ?? (() => {});
  try {
    const matplotlibConfigDir = facts.packages['matplotlib']
      ? await warmMatplotlib(python, folder, { onProgress, signal: options.signal })
      : null;
    return { python, key, facts, made: 'given', matplotlibConfigDir };
  } catch (error) {
    throw fileSystemError(error, folder);
  }
}

async function placeOf(
  options: EnvironmentOptions,
): Promise<{ interpreter: Interpreter; slot: Slot; lock: string }> {
  // Refuses what is not a requirement before anything is written.
  for (const requirement of [...(options.requirements ?? []), ...(options.pins ?? [])]) {
    requirementName(requirement);
  }
  const interpreter = await findInterpreter(options.python, options.signal);
  const lock = lockText();
  const key = environmentKey(interpreter, lock, options.requirements, options.pins);
  return { interpreter, slot: slotOf(cacheFolder(options.cacheDir), key), lock };
}

async function lookUp(slot: Slot, signal: AbortSignal | undefined): Promise<EnvironmentState> {
  const marker = await readMarker(slot);
  if (marker === null) return { state: 'absent' };
  const python = venvPython(venvFolder(slot, marker.folder), process.platform);
  const probe = await probeEnvironment(python, signal);
  if (!probe.runs) return { state: 'damaged', reason: probe.reason };
  const alteration = alterationOf(marker, probe.facts);
  if (alteration !== null) return { state: 'damaged', reason: alteration };
  const hasMatplotlib = probe.facts.packages['matplotlib'] !== undefined;
  return {
    state: 'ready',
    environment: {
      python,
      key: slot.key,
      facts: probe.facts,
      made: 'cached',
      matplotlibConfigDir: hasMatplotlib ? matplotlibFolder(slot, marker.folder) : null,
    },
  };
}

/** How an environment differs from what was installed, or `null`. */
function alterationOf(marker: Marker, facts: EnvironmentFacts): string | null {
  const names = new Set([...Object.keys(marker.packages), ...Object.keys(facts.packages)]);
  for (const name of names) {
    const was = marker.packages[name];
    const is = facts.packages[name];
    if (was !== is) return `${name} was ${was ?? 'absent'} and is ${is ?? 'absent'}`;
  }
  const broken = facts.missing.find((entry) => marker.packages[entry.package] !== undefined);
  return broken ? `${broken.package} is broken: ${broken.reason}` : null;
}

async function factsOfNew(python: string, signal: AbortSignal): Promise<EnvironmentFacts> {
  const probe = await probeEnvironment(python, signal);
  const broken = probe.runs
    ? probe.facts.missing.find((entry) => probe.facts.packages[entry.package] !== undefined)
    : undefined;
  if (probe.runs && broken === undefined) return probe.facts;
  const reason = probe.runs ? `${broken?.package}: ${broken?.reason}` : probe.reason;
  throw new SoakError(
    'environment-broken',
    `The kernel environment was installed but does not work: ${reason}.`,
    {
      remedy: 'Try another interpreter with --python, or an existing environment with --env.',
      exitCode: EXIT_CODES.environment,
    },
  );
}

function venvFolder(slot: Slot, attempt: string): string {
  return join(slot.folder, attempt, 'venv');
}

function matplotlibFolder(slot: Slot, attempt: string): string {
  return join(slot.folder, attempt, 'matplotlib');
}
