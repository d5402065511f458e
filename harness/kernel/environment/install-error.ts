import { DeadlinePassed } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { diskFullError } from './cache.ts';
import { installRefusal } from './install-refusal.ts';
import { type Interpreter, MINIMUM_PYTHON } from './interpreter.ts';
import { venvRemedy } from './platform.ts';
import type { CommandResult } from './run-command.ts';

export type Installer = 'uv' | 'pip';

/** The newest Python that the lock is made and tested for. */
const NEWEST_TESTED_PYTHON = '3.14';

/** Lines of an installer's output that an error quotes: pip's reason is within its last few. */
const QUOTED_LINES = 6;
const QUOTED_LINE_LENGTH = 300;

const DISK_FULL =
  /no space left on device|errno 28|os error 28|not enough space on the disk|disk quota exceeded/i;
const NETWORK =
  /failed to establish a new connection|newconnectionerror|connecttimeout|readtimeout|name resolution|getaddrinfo|could not connect|connection refused|connection reset|error sending request|dns error|network is unreachable|connectivity is disabled|proxyerror|certificate verify failed|invalid peer certificate|operation timed out/i;
const NOT_FOUND =
  /no matching distribution found|no solution found|could not find a version|no matching version/i;
const ALTERED =
  /do not match the hashes|hash mismatch|hashes are required in --require-hashes mode|all requirements must have a hash/i;
const VENV_MISSING = /ensurepip is not available|no module named '?(venv|ensurepip)/i;

/** With less left, a failure without a reason of its own is taken for a full disk: ensurepip hides the reason. */
const FULL_DISK_BYTES = 20 * 1024 * 1024;

/** What was being done, for the message. */
export interface InstallationStep {
  readonly installer: Installer;
  readonly step: string;
  readonly interpreter: Interpreter;
  readonly folder: string;
  /** Space left where it was made, bytes; `null` when unknown. */
  readonly freeBytes: number | null;
}

/** Why an installer's command did not end well, as an error that says what to do. */
export function installError(result: CommandResult, context: InstallationStep): SoakError {
  const { installer, step, interpreter, folder, freeBytes } = context;
  const output = `${result.stdout}\n${result.stderr}`;
  const quoted = relevantLines(output);
  if (result.timedOut) {
    const { message } = new DeadlinePassed('install-step', undefined);
    return new SoakError(
      'installation-stalled',
      `The kernel environment could not be installed (${step}): ${message}\n${quoted}`,
      {
        remedy:
          'Run the command again: finished downloads are kept. Check the network and the proxy, or use an ' +
          'existing environment with --env.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  // The order matters: pip, without a network, ends by saying that it found no matching distribution.
  if (DISK_FULL.test(output)) return diskFullError(folder, new Error(quoted));
  if (NETWORK.test(output)) {
    return new SoakError(
      'no-network',
      `The kernel environment could not be installed: ${installer} did not reach a package index.\n${quoted}`,
      {
        remedy:
          'The first use needs the network. Afterwards the environment is cached. ' +
          `Check the connection, the proxy and ${installer}'s index settings` +
          (installer === 'uv' ? " (uv does not read pip's), " : ', ') +
          'or use an existing environment with --env.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  if (ALTERED.test(output)) {
    return new SoakError(
      'package-altered',
      `The kernel environment could not be installed: a package differs from the one in the lock file.\n${quoted}`,
      {
        remedy:
          'The package index has other files than PyPI had when the lock file was made. Use another index, or an existing ' +
          'environment with --env.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  if (VENV_MISSING.test(output)) return venvMissingError(interpreter);
  const refusal = installRefusal(output, interpreter);
  if (refusal !== null) return refusal;
  if (NOT_FOUND.test(output)) {
    return new SoakError(
      'package-not-found',
      `The kernel environment could not be installed: a package has no release for Python ` +
        `${interpreter.version} on ${interpreter.platform}.\n${quoted}`,
      {
        remedy:
          `The pinned packages are for Python ${MINIMUM_PYTHON.join('.')} to ${NEWEST_TESTED_PYTHON}: ` +
          'choose one of these with --python, or use an existing environment with --env.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  if (freeBytes !== null && freeBytes < FULL_DISK_BYTES) return diskFullError(folder, new Error(quoted));
  const how = result.spawnError
    ? `could not be started (${result.spawnError.message})`
    : `ended with ${result.signal ?? `exit code ${result.code}`}`;
  return new SoakError(
    'installation',
    `The kernel environment could not be installed: ${step} ${how}.\n${quoted}`,
    {
      remedy: 'See the lines above. To use an existing environment instead, give --env.',
      exitCode: EXIT_CODES.environment,
      cause: result.spawnError ?? undefined,
    },
  );
}

export function venvMissingError(interpreter: Interpreter): SoakError {
  const version = `${interpreter.major}.${interpreter.minor}`;
  return new SoakError(
    'venv-missing',
    `Python ${interpreter.version} (${interpreter.executable}) cannot make virtual environments: ` +
      'its venv or ensurepip module is missing, and uv is not on PATH.',
    { remedy: venvRemedy(version, process.platform), exitCode: EXIT_CODES.environment },
  );
}

/** The last lines that say something, bounded, without repetitions, and without credentials in addresses. */
export function relevantLines(output: string): string {
  const lines = output
    .split(/\r?\n/)
    .map((line) => withoutCredentials(line.trimEnd()).slice(0, QUOTED_LINE_LENGTH))
    .filter((line) => line.trim() !== '' && !/^\s*(Retrying|\[notice\]|notice:)/i.test(line));
  return [...new Set(lines)]
    .slice(-QUOTED_LINES)
    .map((line) => `  ${line}`)
    .join('\n');
}

function withoutCredentials(line: string): string {
  return line.replace(/(:\/\/)[^/\s@]+@/g, '$1***@');
}
