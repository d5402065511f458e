import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../../harness/model/package-root.ts';
import { builtCommand } from './built-command.ts';

/** How a command ended. */
export interface Soaked {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a user starts it, in a process of its own, to its end. */
export async function runSoak(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Soaked> {
  const [file, ...rest] = builtCommand(args);
  const options = { cwd: packageRoot(), env: { ...process.env, ...variables } };
  try {
    const { stdout, stderr } = await promisify(execFile)(file, rest, options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Soaked;
    return { code, stdout, stderr };
  }
}
