import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { relevantLines } from './install-error.ts';
import { installRefusal } from './install-refusal.ts';
import type { Interpreter } from './interpreter.ts';
import { runCommand } from './run-command.ts';

const DOWNLOAD_TIMEOUT_MS = 120_000;

/**
 * Download a release as a wheel, to be read. Nothing of it is installed, imported or built.
 *
 * @param name as it is released
 * @param folder where it goes; made if it is not there
 * @returns the wheel's path
 * @throws SoakError `no-such-version` with near ones, `download`
 */
export async function fetchWheel(
  name: string,
  version: string,
  interpreter: Interpreter,
  folder: string,
  { onProgress, signal }: { readonly onProgress: (line: string) => void; readonly signal: AbortSignal },
): Promise<string> {
  onProgress(`fetching ${name} ${version}`);
  const options = ['--no-deps', '--only-binary=:all:', '--no-input', '--disable-pip-version-check'];
  const result = await runCommand(
    interpreter.executable,
    ['-m', 'pip', 'download', ...options, '--dest', folder, '--', `${name}==${version}`],
    { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal },
  );
  const output = `${result.stdout}\n${result.stderr}`;
  const [file] = result.code === 0 ? (await readdir(folder)).filter((each) => each.endsWith('.whl')) : [];
  if (file !== undefined) return join(folder, file);
  throw (
    installRefusal(output, interpreter) ??
    new SoakError('download', `${name} ${version} could not be fetched: ${relevantLines(output)}`, {
      remedy: 'Check the network and pip, or give the folder of a clone.',
      exitCode: EXIT_CODES.environment,
    })
  );
}
