import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WantedEnvironment } from '../../arms/arm-environment.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { packageRoot } from '../../model/package-root.ts';

/** What an installer is given. */
export interface Installation {
  /** Lines of a requirements file. */
  readonly requirements: string;
  /** Lines of a constraints file; empty when the requirements are themselves complete. */
  readonly constraints: string;
}

/** The lock of the default environment: every package, transitive ones too, with environment markers and hashes. */
export function lockText(): string {
  // A checkout on Windows may have turned the line ends: the key must not depend on that.
  return readFileSync(lockPath(), 'utf8').replaceAll('\r\n', '\n');
}

export function lockPath(): string {
  return join(packageRoot(), 'arms', 'runtime', 'requirements.txt');
}

/** The direct requirements of the default environment, without comments. */
export function directRequirements(): readonly string[] {
  return requirementLines(readFileSync(join(packageRoot(), 'arms', 'runtime', 'requirements.in'), 'utf8'));
}

/** The version that a direct requirement is pinned to with `==`; `null` when it is not. */
export function defaultVersion(name: string): string | null {
  const line = directRequirements().find((requirement) => requirementName(requirement) === name);
  return /==\s*([^\s;,]+)/.exec(line ?? '')?.[1] ?? null;
}

/**
 * The default environment's direct requirements with some replaced, for an arm that is another release:
 * `requirementsWith(['ipykernel==7.4.0'])`. A name that is not among the defaults is added.
 */
export function requirementsWith(overrides: readonly string[]): readonly string[] {
  const replaced = new Set(overrides.map(requirementName));
  return [...directRequirements().filter((line) => !replaced.has(requirementName(line))), ...overrides];
}

/** What a kernel runs on: added to what describes a whole environment, where that lacks it. */
const KERNEL_PACKAGES = ['ipykernel', 'pyzmq', 'tornado', 'ipython', 'jupyter-client'];

/**
 * The direct requirements of an arm's environment: the defaults with the arm's in their place; `undefined`,
 * which is the lock itself, where the lock has exactly what the arm asks for. A default that a pin is about is required
 * without its own version. A copy of an environment is what it is: nothing is added.
 */
export function armRequirements({
  requirements,
  pins = [],
  isWhole = false,
  copyOf,
}: Pick<WantedEnvironment, 'requirements' | 'pins' | 'isWhole' | 'copyOf'>): readonly string[] | undefined {
  if (copyOf !== undefined) return requirements;
  const locked = new Set(requirementLines(lockText()));
  const isLock = !isWhole && pins.length === 0 && requirements.every((each) => locked.has(each));
  if (isLock) return undefined;
  const pinned = new Set(pins.map(requirementName));
  const named = new Set(requirements.map(requirementName));
  const defaults = directRequirements()
    .filter((line) => !isWhole || KERNEL_PACKAGES.includes(requirementName(line)))
    .filter((line) => !named.has(requirementName(line)))
    .map((line) => (pinned.has(requirementName(line)) ? requirementName(line) : line));
  return [...defaults, ...requirements];
}

/**
 * Packages of an environment whose version the lock does not decide: those that it does not name, and those
 * at another version than any that it names.
 */
export function versionsBesideLock(packages: Readonly<Record<string, string>>): Record<string, string> {
  const pins = new Map<string, Set<string>>();
  for (const line of requirementLines(lockText())) {
    const version = /==\s*([^\s;,]+)/.exec(line)?.[1];
    const name = requirementName(line);
    if (version !== undefined) pins.set(name, (pins.get(name) ?? new Set()).add(version));
  }
  return Object.fromEntries(
    Object.entries(packages).filter(([name, version]) => !pins.get(name)?.has(version)),
  );
}

/**
 * What to install: the whole lock, hashes included, or `requirements` with the lock's versions as constraints. A
 * requirement that says a version (or an address) of its own is taken out of the constraints: the lock holds for
 * everything else.
 *
 * @param pins versions that go before the lock's
 */
export function installation(
  requirements: readonly string[] | undefined,
  lock: string,
  pins: readonly string[] = [],
): Installation {
  if (requirements === undefined) {
    return { requirements: `${wholeLines(lock).join('\n')}\n`, constraints: '' };
  }
  const overridden = new Set(requirements.filter(namesVersion).map(requirementName));
  const pinned = new Set(pins.map(requirementName));
  const constraints = [
    ...requirementLines(lock).filter((line) => !pinned.has(requirementName(line))),
    ...pins,
  ].filter((line) => !overridden.has(requirementName(line)));
  return { requirements: `${requirements.join('\n')}\n`, constraints: `${constraints.join('\n')}\n` };
}

/** Requirements without hashes, comments (also uv's "# via" annotations), options and blank lines. */
export function requirementLines(text: string): readonly string[] {
  return wholeLines(text).map((line) => line.replace(/\s+--hash=\S+/g, ''));
}

/** Requirements, each on a line of its own with its hashes. */
function wholeLines(text: string): readonly string[] {
  return text
    .replace(/\s*\\\r?\n\s*/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('-'));
}

/**
 * The normalised name (PEP 503) of a requirement such as `Jupyter_Client>=8 ; python_version < "4"`.
 *
 * @throws SoakError `bad-requirement` when it does not begin with a name, such as a path or an option.
 */
export function requirementName(requirement: string): string {
  const name = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?=$|[\s[<>=!~;@(])/.exec(requirement.trim())?.[0];
  if (name === undefined) {
    throw new SoakError('bad-requirement', `"${requirement}" is not a package requirement.`, {
      remedy: 'Write it as name==version, or "name @ file:///path" for a local one.',
      exitCode: EXIT_CODES.usage,
    });
  }
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

function namesVersion(requirement: string): boolean {
  const [specifier = ''] = requirement.split(';');
  return /[<>=!~@]/.test(specifier);
}
