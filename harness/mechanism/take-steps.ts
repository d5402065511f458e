import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureEnvironment, inspectGivenEnvironment } from '../kernel/environment/index.ts';
import { relevantLines } from '../kernel/environment/install-error.ts';
import { runCommand } from '../kernel/environment/run-command.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { type EdgeDrain, edgeDrainSchema } from './edge-drain.ts';

/** The script takes three seconds. A machine that needs more than this cannot be told from one that hangs. */
const SCRIPT_TIMEOUT_MS = 300_000;

/**
 * Make an environment with one release of pyzmq.
 *
 * @param version `null`: the release of the kernel environment
 * @returns the interpreter
 */
export async function madePython(
  version: string | null,
  python: string | undefined,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  // A given release needs no Jupyter, so its environment is small and made in seconds.
  const requirements = version === null ? undefined : [`pyzmq==${version}`, 'tornado'];
  return (await ensureEnvironment({ python, requirements, onProgress, signal })).python;
}

/**
 * The interpreter of an existing environment. `ensureEnvironment` would ask for an ipykernel, which is not needed here.
 *
 * @throws SoakError `environment-incomplete` without pyzmq
 */
export async function givenPython(env: string, signal: AbortSignal): Promise<string> {
  const { interpreter, facts } = await inspectGivenEnvironment(env, signal);
  if (facts.pyzmq !== null) return interpreter.executable;
  throw new SoakError('environment-incomplete', `--env "${env}" has no pyzmq that can be used.`, {
    remedy: `Install it: "${interpreter.executable}" -m pip install pyzmq tornado`,
    exitCode: EXIT_CODES.environment,
  });
}

/**
 * Take the steps with one interpreter's pyzmq.
 *
 * @param write is given the script's text as it comes
 * @throws SoakError `mechanism-not-run` when the script could not be run to its end
 */
export async function takeSteps(
  python: string,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<EdgeDrain> {
  const folder = await mkdtemp(join(tmpdir(), 'soak-mechanism-'));
  try {
    const result = join(folder, 'result.json');
    const script = join(packageRoot(), 'arms', 'runtime', 'edge_drain.py');
    const run = await runCommand(python, ['-I', '-B', script, '--json', result], {
      env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
      timeoutMs: SCRIPT_TIMEOUT_MS,
      signal,
      onLine: (text) => write(`${text}\n`),
    });
    const text = await readFile(result, 'utf8').catch(() => null);
    const ran = (run.code === EXIT_CODES.done || run.code === EXIT_CODES.failed) && !run.timedOut;
    if (!ran || text === null) {
      const how = run.timedOut
        ? `did not end within ${SCRIPT_TIMEOUT_MS / 60_000} minutes`
        : `ended with ${run.signal ?? `exit code ${run.code}`}`;
      throw new SoakError(
        'mechanism-not-run',
        `The steps could not be taken to their end: ${how}.\n${relevantLines(run.stderr)}`,
        {
          remedy: `Try it by hand: "${python}" "${script}"`,
          exitCode: EXIT_CODES.environment,
          cause: run.spawnError ?? undefined,
        },
      );
    }
    return edgeDrainSchema.parse(JSON.parse(text));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
