import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../model/package-root.ts';

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
  const command = ['--import', 'tsx', join(packageRoot(), 'harness', 'cli.ts'), ...args];
  const options = { cwd: packageRoot(), env: { ...process.env, ...variables } };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Soaked;
    return { code, stdout, stderr };
  }
}
