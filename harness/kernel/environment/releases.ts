import { compare, valid } from '@renovatebot/pep440';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { quoted } from '../../model/quoted.ts';
import { findInterpreter } from './interpreter.ts';
import { requirementName } from './requirements.ts';
import { runCommand } from './run-command.ts';

// One page of an index; a slow proxy takes seconds.
const LIST_TIMEOUT_MS = 60_000;

/** What to list. */
export interface ReleaseListOptions {
  /** Interpreter whose pip lists them, and for whose version they must be; default: the first on PATH. */
  readonly python?: string | undefined;
  /** Pre-releases too. */
  readonly pre: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The versions in what `pip index versions` prints, ascending (PEP 440). Empty when it lists none.
 */
export function listedVersions(stdout: string): string[] {
  const line = /^Available versions:(.*)$/m.exec(stdout)?.[1] ?? '';
  const versions = line
    .split(',')
    .map((version) => version.trim())
    .filter((version) => valid(version) !== null);
  return [...new Set(versions)].sort(compare);
}

/**
 * The releases of a package that this Python can install, ascending, as its own pip and index settings see
 * them. Yanked releases are left out by pip, pre-releases unless asked for.
 *
 * @throws SoakError `bad-requirement` for what is no package's name, `no-release-list` when pip cannot list them
 */
export async function listReleases(name: string, options: ReleaseListOptions): Promise<string[]> {
  const normalised = requirementName(name);
  if (normalised !== name.toLowerCase().replace(/[-_.]+/g, '-')) {
    throw new SoakError('bad-requirement', `${quoted(name)} is not a package name.`, {
      remedy: 'Give only the name, such as ipykernel.',
    });
  }
  const interpreter = await findInterpreter(options.python, options.signal);
  const pre = options.pre ? ['--pre'] : [];
  const result = await runCommand(
    interpreter.executable,
    ['-m', 'pip', 'index', 'versions', '--disable-pip-version-check', '--no-input', ...pre, '--', normalised],
    { timeoutMs: LIST_TIMEOUT_MS, signal: options.signal },
  );
  const versions = listedVersions(result.stdout);
  if (result.code === 0 && versions.length > 0) return versions;
  const said = result.stderr.split('\n').filter((line) => /^ERROR|No module/.test(line));
  const why = result.timedOut
    ? 'its index did not answer in a minute'
    : (said.at(-1)?.replace(/^ERROR: /, '') ?? `it ended with ${result.code}`);
  throw new SoakError('no-release-list', `pip could not list the releases of ${normalised}: ${why}`, {
    remedy: 'Check the name, the network and pip, or name the releases yourself: --releases 6.31.0,7.0.0,…',
    exitCode: EXIT_CODES.environment,
  });
}
