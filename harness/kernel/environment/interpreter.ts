import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { z } from 'zod';
import { deadlineMs } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import {
  type Command,
  pyenvVersions,
  pythonCandidates,
  pythonRemedy,
  venvPython,
  versionCandidates,
} from './platform.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** The oldest Python that ipykernel 7 installs on. */
export const MINIMUM_PYTHON = [3, 10] as const;

/**
 * Written for every Python since 2.7, so that one that is too old can say so. The path of the working folder
 * goes first: a file named json.py there would otherwise be run.
 */
const IDENTIFY = `
import sys
sys.path = [p for p in sys.path if p]
import json, os, sysconfig
try:
    import importlib.util
    ensurepip = importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None
except Exception:
    ensurepip = False
print(json.dumps({
    "kernelSoak": 1,
    "version": "%d.%d.%d" % sys.version_info[:3] + ("" if sys.version_info[3] == "final" else sys.version_info[3]),
    "major": sys.version_info[0],
    "minor": sys.version_info[1],
    "implementation": getattr(getattr(sys, "implementation", None), "name", "unknown"),
    "platform": sysconfig.get_platform(),
    "freeThreaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "executable": sys.executable,
    "base": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "ensurepip": ensurepip,
}))
`;

const identitySchema = z.object({
  kernelSoak: z.literal(1),
  version: z.string(),
  major: z.number().int(),
  minor: z.number().int(),
  /** `sys.implementation.name`, for example `cpython`. */
  implementation: z.string(),
  /** Operating system and architecture that it was built for, for example `linux-x86_64`. */
  platform: z.string(),
  freeThreaded: z.boolean(),
  /** Absolute path of the interpreter itself, past shims and launchers. */
  executable: z.string().min(1),
  /** Absolute real path of the interpreter that a virtual environment rests on. */
  base: z.string(),
  /** Whether `python -m venv` can put pip into what it makes. */
  ensurepip: z.boolean(),
});
export type Interpreter = Omit<z.infer<typeof identitySchema>, 'kernelSoak'>;

/** A Python named by its version, such as `3.13`, `3.13.1` or `3.13t`. */
const VERSION = /^\d+\.\d+(?:\.\d+)?t?$/;

/**
 * The interpreter to make an environment with: the one named by `python`, else the first on PATH that is new
 * enough. A virtual environment's folder stands for its interpreter, a version such as `3.13` for the first
 * such interpreter on PATH or in pyenv's folder.
 *
 * @throws SoakError `python-missing`, `python-not-usable` or `python-too-old`.
 */
export async function findInterpreter(
  python: string | undefined,
  signal?: AbortSignal,
): Promise<Interpreter> {
  if (python !== undefined && VERSION.test(python)) return interpreterOfVersion(python, signal);
  if (python !== undefined) {
    const executable = await interpreterOf(python);
    return identified([executable], '--python', await identify([executable], signal));
  }
  const candidates = pythonCandidates(process.platform);
  let tooOld: SoakError | undefined;
  for (const candidate of candidates) {
    const result = await identify(candidate, signal);
    const interpreter = identityFrom(result);
    if (interpreter === null) continue;
    if (isNewEnough(interpreter)) return interpreter;
    tooOld ??= tooOldError(interpreter);
  }
  if (tooOld) throw tooOld;
  throw new SoakError(
    'python-missing',
    `No Python was found: ${candidates.map((candidate) => `"${candidate.join(' ')}"`).join(' and ')} do not run.`,
    { remedy: pythonRemedy(process.platform), exitCode: EXIT_CODES.environment },
  );
}

async function interpreterOfVersion(version: string, signal: AbortSignal | undefined): Promise<Interpreter> {
  const seen = new Set<string>();
  let tooOld: SoakError | undefined;
  for (const candidate of [...versionCandidates(version, process.platform), ...(await installedByPyenv())]) {
    const interpreter = identityFrom(await identify(candidate, signal));
    if (interpreter === null) continue;
    if (isVersion(interpreter, version)) {
      if (isNewEnough(interpreter)) return interpreter;
      tooOld ??= tooOldError(interpreter);
    }
    seen.add(`${interpreter.version}${interpreter.freeThreaded ? 't' : ''}`);
  }
  if (tooOld) throw tooOld;
  const there = seen.size === 0 ? 'none was found' : `found were ${[...seen].sort().join(', ')}`;
  throw new SoakError('python-missing', `Python ${version} is not installed: ${there}.`, {
    remedy: `Install it, or name an interpreter by its path with --python. ${pythonRemedy(process.platform)}`,
    exitCode: EXIT_CODES.environment,
  });
}

function isVersion({ version, major, minor, freeThreaded }: Interpreter, wanted: string): boolean {
  if (wanted.endsWith('t') !== freeThreaded) return false;
  const plain = wanted.replace(/t$/, '');
  return plain === version || plain === `${major}.${minor}`;
}

/** Interpreters in pyenv's folder, the newest first. */
async function installedByPyenv(): Promise<Command[]> {
  const { folder, interpreterOf } = pyenvVersions(process.env, homedir(), process.platform);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^\d+\.\d+(?:\.\d+)?t?$/.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name): Command => [interpreterOf(name)]);
}

/**
 * The interpreter of an environment that the user names with `--env`: an executable or a virtual
 * environment's folder.
 *
 * @throws SoakError `python-missing`, `python-not-usable` or `python-too-old`.
 */
export async function interpreterOfEnvironment(env: string, signal?: AbortSignal): Promise<Interpreter> {
  const executable = await interpreterOf(env);
  return identified([executable], '--env', await identify([executable], signal));
}

async function interpreterOf(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    // Not a path that can be read: then it is a command to look up on PATH, and spawn says if it is not there.
    () => false,
  );
  return isFolder ? venvPython(path, process.platform) : path;
}

function identify(command: Command, signal: AbortSignal | undefined): Promise<CommandResult> {
  const [executable, ...args] = command;
  // -E and -s and not -I, which Python 2 does not know. The user's working folder is kept: version managers'
  // shims choose by it.
  return runCommand(executable, [...args, '-E', '-s', '-c', IDENTIFY], {
    timeoutMs: deadlineMs('identify-python'),
    signal,
  });
}

function identityFrom(result: CommandResult): Interpreter | null {
  if (result.code !== 0) return null;
  // A wrapper script may print something of its own first.
  const line = result.stdout.trim().split('\n').at(-1) ?? '';
  try {
    return identitySchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function identified(command: Command, option: string, result: CommandResult): Interpreter {
  const interpreter = identityFrom(result);
  const named = command.join(' ');
  if (interpreter === null) {
    if (result.spawnError?.code === 'ENOENT') {
      throw new SoakError('python-missing', `${option} "${named}" does not exist.`, {
        remedy: `Check the path. ${pythonRemedy(process.platform)}`,
        exitCode: EXIT_CODES.environment,
        cause: result.spawnError,
      });
    }
    throw new SoakError(
      'python-not-usable',
      `${option} "${named}" is not a working Python: ${why(result)}.`,
      {
        remedy: 'Name a Python interpreter, or the folder of a virtual environment.',
        exitCode: EXIT_CODES.environment,
        cause: result.spawnError ?? undefined,
      },
    );
  }
  if (!isNewEnough(interpreter)) throw tooOldError(interpreter);
  return interpreter;
}

function why(result: CommandResult): string {
  if (result.spawnError) {
    return result.spawnError.code === 'EACCES' ? 'it is not executable' : result.spawnError.message;
  }
  if (result.timedOut) return `it did not answer within ${deadlineMs('identify-python') / 1000} s`;
  if (result.code === 0) return 'it ran, but did not answer as Python does';
  const ended = result.signal === null ? `exit code ${result.code}` : `ended by ${result.signal}`;
  const lines = result.stderr.trim().split('\n');
  // Python's own errors end with their reason; other programs begin with it.
  const line = (lines[0]?.startsWith('Traceback') ? lines.at(-1) : lines[0])?.slice(0, 200) ?? '';
  return line === '' ? ended : `${ended}, "${line}"`;
}

function isNewEnough({ major, minor }: Interpreter): boolean {
  const [minimumMajor, minimumMinor] = MINIMUM_PYTHON;
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}

function tooOldError(interpreter: Interpreter): SoakError {
  return new SoakError(
    'python-too-old',
    `Python ${interpreter.version} (${interpreter.executable}) is too old. The kernels need Python ${MINIMUM_PYTHON.join('.')} or later.`,
    {
      remedy: 'Choose a newer interpreter, for example with --python python3.12.',
      exitCode: EXIT_CODES.environment,
    },
  );
}
