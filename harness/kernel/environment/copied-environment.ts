import { join } from 'node:path';
import { z } from 'zod';
import { normalisedRequirement, requirementParts } from '../../arms/arm-environment.ts';
import { deadlineMs } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { packageRoot } from '../../model/package-root.ts';
import { quoted } from '../../model/quoted.ts';
import { interpreterOfEnvironment } from './interpreter.ts';
import { runCommand } from './run-command.ts';

const installedSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string(),
    origin: z.enum(['index', 'editable', 'folder', 'address']),
  }),
);
export type InstalledPackages = z.infer<typeof installedSchema>;

/** What an environment would need to be made again from a package index. */
export interface EnvironmentCopy {
  /** Version of its Python, such as `3.13.1`. */
  readonly python: string;
  /** Its interpreter. */
  readonly interpreter: string;
  /** `name==version` of each package, sorted, those that are asked for in place of its own. */
  readonly requirements: readonly string[];
  /** Packages that no index has, each with the reason. */
  readonly leftOut: readonly string[];
}

/** Installers: a new environment needs none of the old one's. */
const INSTALLERS = ['pip', 'uv'];

const REASONS = {
  editable: 'it is installed in editable mode',
  folder: 'it is installed from a folder or a file',
  address: 'it is installed from an address',
} as const;

/**
 * Look at an environment of the user's, changing nothing, and say what a copy of it consists of.
 *
 * @param asked normalised requirements that take the place of the environment's own
 * @throws SoakError `python-missing`, `python-not-usable`, `python-too-old`, `environment-broken`, `environment-incomplete`
 */
export async function environmentCopy(
  env: string,
  asked: readonly string[],
  signal?: AbortSignal,
): Promise<EnvironmentCopy> {
  const interpreter = await interpreterOfEnvironment(env, signal);
  const script = join(packageRoot(), 'arms', 'runtime', 'list_packages.py');
  const listed = await runCommand(interpreter.executable, ['-I', script], {
    timeoutMs: deadlineMs('probe-python'),
    signal,
  });
  let installed: InstalledPackages;
  try {
    installed = installedSchema.parse(JSON.parse(listed.stdout));
  } catch (error) {
    const said = listed.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
    throw new SoakError(
      'environment-broken',
      `The environment ${quoted(env)} cannot say what it has installed${said === '' ? '' : `: ${said}`}.`,
      {
        remedy: 'Repair that environment, or name another one: env:PATH.',
        exitCode: EXIT_CODES.environment,
        cause: error,
      },
    );
  }
  const copy = copiedPackages(installed, asked);
  if (!copy.requirements.some((each) => requirementParts(each).name === 'ipykernel')) {
    throw new SoakError('environment-incomplete', `The environment ${quoted(env)} has no ipykernel.`, {
      remedy: `Give the copy one: --arm 'env:${env} + ipykernel==VERSION'.`,
      exitCode: EXIT_CODES.environment,
    });
  }
  return { python: interpreter.version, interpreter: interpreter.executable, ...copy };
}

/** The requirements of a copy of what is installed, and what cannot be in it. */
export function copiedPackages(
  installed: InstalledPackages,
  asked: readonly string[],
): Pick<EnvironmentCopy, 'requirements' | 'leftOut'> {
  const named = new Set(asked.map((each) => requirementParts(each).name));
  const kept = installed.filter(({ name }) => !named.has(name) && !INSTALLERS.includes(name));
  const requirements: string[] = [...asked];
  const leftOut: string[] = [];
  for (const { name, version, origin } of kept) {
    if (origin !== 'index') {
      leftOut.push(`${name}: ${REASONS[origin]}`);
      continue;
    }
    // What a source folder calls its version may be none.
    try {
      requirements.push(normalisedRequirement(`${name}==${version}`));
    } catch {
      leftOut.push(`${name}: its version ${quoted(version.slice(0, 40))} is none that an index has`);
    }
  }
  return { requirements: requirements.sort(), leftOut };
}
