import { basename } from 'node:path';
import { DEFAULT_KERNEL, type Notebook, statedKernel } from '../frontend/notebook.ts';
import { missingOfClient } from '../kernel/client-arms.ts';
import { inspectGivenEnvironment } from '../kernel/environment/index.ts';
import {
  isIpykernel,
  type KernelSearch,
  namedKernel,
  type UsableKernel,
} from '../kernel/kernelspec/index.ts';
import { searchKernels } from '../kernel/kernelspec/search-kernels.ts';
import { sha256 } from '../model/canonical.ts';
import type { ClientName } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import type { RawOptions } from '../options/table.ts';

/** Which kernel a notebook is to be diagnosed on, as the command line says it. */
export interface KernelChoice {
  readonly env: string | null;
  readonly python: string | null;
  readonly kernel: string | null;
  readonly arm: string;
  readonly isArmGiven: boolean;
  /** Packages that are to be there: soak makes an environment with them. */
  readonly packages: Pick<RawOptions<'run'>, 'with' | 'requirements'>;
}

/** A kernel, chosen: the options of `soak run` that mean it. */
export interface ChosenKernel {
  readonly options: Pick<RawOptions<'run'>, 'env' | 'python' | 'kernel' | 'arm' | 'with' | 'requirements'>;
  /** The environment that has the client too. `null`: soak makes one for the client. */
  readonly clientEnv: string | null;
  /** Whether a client can execute the notebook: only ipykernel can be started by one here. */
  readonly hasClient: boolean;
  /** What tells it from another of the same name; `null`: soak makes the environment, and its options say which. */
  readonly environmentSha256: string | null;
  /** Why this one, as a clause that can be published. */
  readonly why: string;
}

/**
 * The kernel that the user's own Jupyter would take: the one that is named on the command line, else the notebook's own,
 * else `python3`. Where it is an ipykernel, its interpreter is used as an environment, so that the kernel can be watched
 * from within and the client of the same environment executes the notebook. If none is there, soak makes an environment.
 *
 * @throws SoakError `conflicting-options`, `unknown-kernel`, `broken-kernel`, `bad-notebook`, and what inspecting an
 *   environment throws
 */
export async function chosenKernel(
  notebook: Notebook,
  choice: KernelChoice,
  client: ClientName,
  signal: AbortSignal,
): Promise<ChosenKernel> {
  const { env, python, kernel, arm, isArmGiven, packages } = choice;
  const hasPackages = Object.keys(packages).length > 0;
  const others = [env, python, isArmGiven ? arm : null, hasPackages ? packages : null];
  if (kernel !== null && others.some((each) => each !== null)) {
    throw new SoakError(
      'conflicting-options',
      `--kernel ${kernel} cannot be used with --env, --python, --with, --requirements or --arm: they choose another kernel.`,
      { remedy: 'Leave out --kernel, or the others.' },
    );
  }
  if (env !== null) return ofEnvironment(env, arm, client, 'the environment that was named', signal);
  if (python !== null || isArmGiven || hasPackages) {
    const named = [
      ...(isArmGiven ? [`the arm ${arm}`] : []),
      ...(python === null ? [] : ['that Python']),
      ...(hasPackages ? ['those packages'] : []),
    ];
    return ofSoak(choice, `an environment that soak made for ${named.join(' and ')}`);
  }
  const search = await searchKernels(undefined, signal);
  if (kernel !== null) {
    return ofSpec(namedKernel(search, kernel), 'which was named', choice, client, signal);
  }
  const stated = statedKernel(notebook);
  if (stated !== null && isThere(search, stated)) {
    return ofSpec(namedKernel(search, stated), 'which the notebook names', choice, client, signal);
  }
  // A notebook in another language is not for python3.
  const isPython = notebook.language === null || /python/i.test(notebook.language);
  if (isPython && isThere(search, DEFAULT_KERNEL)) {
    return ofSpec(
      namedKernel(search, DEFAULT_KERNEL),
      `the default, ${notFound(stated)}`,
      choice,
      client,
      signal,
    );
  }
  if (!isPython) throw noKernel(notebook, stated, search);
  return ofSoak(
    choice,
    `an environment that soak made, because there is no kernel python3 and ${notFound(stated)}`,
  );
}

function notFound(stated: string | null): string {
  return stated === null || stated.toLowerCase() === DEFAULT_KERNEL
    ? 'the notebook names no other'
    : `the kernel ${stated}, which the notebook names, is not found`;
}

function isThere(search: KernelSearch, name: string): boolean {
  return search.kernels.some((each) => each.name === name.toLowerCase());
}

function noKernel(notebook: Notebook, stated: string | null, search: KernelSearch): SoakError {
  const names = search.kernels.filter(({ shadowedBy }) => shadowedBy === null).map(({ name }) => name);
  const named = stated === null ? 'names no kernel' : `names the kernel ${stated}, which is not found`;
  return new SoakError(
    'unknown-kernel',
    `The notebook ${notebook.path} is written in ${notebook.language}, and it ${named}.`,
    {
      remedy: `Install that kernel, or name another: --kernel NAME. ${names.length === 0 ? 'No kernel was found here' : `Found here: ${names.join(', ')}`} (soak kernels lists where was searched).`,
    },
  );
}

async function ofSpec(
  kernel: UsableKernel,
  why: string,
  { arm }: KernelChoice,
  client: ClientName,
  signal: AbortSignal,
): Promise<ChosenKernel> {
  const named = `the kernel ${kernel.name}, ${why}`;
  // A kernelspec may start ipykernel by another program, such as conda: then only that program knows the environment.
  if (!isIpykernel(kernel) || !/^(python|pypy)/i.test(basename(kernel.program))) {
    return {
      options: { kernel: [kernel.name] },
      clientEnv: null,
      hasClient: false,
      environmentSha256: kernel.sha256,
      why: named,
    };
  }
  const own = Object.keys(kernel.spec.env);
  const unset =
    own.length === 0
      ? ''
      : ` (without the variables that its kernelspec sets: ${own.slice(0, 5).join(', ')})`;
  return ofEnvironment(kernel.program, arm, client, `the environment of ${named}${unset}`, signal);
}

async function ofEnvironment(
  env: string,
  arm: string,
  client: ClientName,
  why: string,
  signal: AbortSignal,
): Promise<ChosenKernel> {
  const { facts, key } = await inspectGivenEnvironment(env, signal);
  const missing = missingOfClient(client, facts.packages);
  const hasItsOwn = missing.length === 0;
  return {
    options: { env, arm: [arm] },
    clientEnv: hasItsOwn ? env : null,
    hasClient: true,
    environmentSha256: sha256(key),
    why: `${why}${hasItsOwn ? '' : `; it lacks ${missing.join(', ')}, so ${client} runs in an environment that soak made`}`,
  };
}

function ofSoak({ python, arm, packages }: KernelChoice, why: string): ChosenKernel {
  return {
    options: { ...(python === null ? {} : { python }), ...packages, arm: [arm] },
    clientEnv: null,
    hasClient: true,
    environmentSha256: null,
    why,
  };
}
