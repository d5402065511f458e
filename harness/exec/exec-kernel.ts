import { dirname, resolve } from 'node:path';
import { loadArmSpec } from '../arms/arm-spec.ts';
import { readWantedPackages, withPackages } from '../arms/wanted-packages.ts';
import { assertLanguage } from '../experiment/kernel-language.ts';
import { DEFAULT_KERNEL, type Notebook, statedKernel } from '../frontend/notebook.ts';
import { type ArmKernelOptions, armKernelMaker } from '../kernel/arm-kernels.ts';
import { findInterpreter } from '../kernel/environment/interpreter.ts';
import type { KernelSearch, UsableKernel } from '../kernel/kernelspec/index.ts';
import { isIpykernel, kernelspecCommand, namedKernel } from '../kernel/kernelspec/index.ts';
import { searchKernels } from '../kernel/kernelspec/search-kernels.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { EXEC_EXIT_CODES, SoakError } from '../model/errors.ts';
import { askKernel } from '../run/ask-kernel.ts';
import type { RunContext } from '../run/run-context.ts';
import type { ExecKernel } from './journal.ts';

/** Which kernel `soak exec` is to use, as the command line says it. */
export interface KernelChoice {
  /** A kernelspec's name. `undefined`: the one that the notebook names, if it is found. */
  readonly kernel?: string | undefined;
  /** An arm on the soak environment. */
  readonly arm?: string | undefined;
  readonly python?: string | undefined;
  readonly env?: string | undefined;
  /** Packages of the soak environment besides its own. */
  readonly with?: readonly string[] | undefined;
  readonly requirements?: readonly string[] | undefined;
}

/** What of a choice means the soak environment. */
const OF_ENVIRONMENT = ['arm', 'python', 'env', 'with', 'requirements'] as const;

/** A kernel for `soak exec`, chosen and there. */
export interface ChosenKernel {
  /** Names it in the records of runs. */
  readonly arm: string;
  /** One clause for a person: which kernel, and why this one. */
  readonly words: string;
  readonly makeCommand: KernelCommandMaker;
  /** Interpreter of the reaper. */
  readonly python: string;
  /** What the journal says about it. The kernel of a kernelspec is started once and asked. */
  readonly identify: (context: RunContext) => Promise<ExecKernel>;
}

/**
 * Choose the kernel. `--arm`, `--python`, `--env`, `--with` and `--requirements` mean the soak environment. Otherwise it is `--kernel`, or the
 * kernelspec that the notebook names (`python3` if it names none, as in nbclient). If that is not found, it is the soak
 * environment with the arm control. As in nbclient, a named kernel may have another language than the notebook.
 *
 * @throws SoakError `conflicting-options`, `unknown-kernel`, `broken-kernel`, `bad-notebook`, and what making an
 *   environment throws
 */
export async function chosenKernel(
  notebook: Notebook,
  choice: KernelChoice,
  options: Pick<ArmKernelOptions, 'onProgress' | 'signal'>,
): Promise<ChosenKernel> {
  const { kernel, ...ofEnvironment } = choice;
  const asksForEnvironment = OF_ENVIRONMENT.some((name) => ofEnvironment[name] !== undefined);
  if (kernel !== undefined && asksForEnvironment) {
    throw new SoakError(
      'conflicting-options',
      `--kernel ${kernel} cannot be used with --arm, --python, --env, --with or --requirements: they choose another kernel.`,
      { remedy: 'Leave out --kernel, or the others.' },
    );
  }
  if (kernel === undefined && asksForEnvironment) {
    return armKernel(notebook, choice, 'as asked for', options);
  }
  const search = await searchKernels(undefined, options.signal);
  if (kernel !== undefined) return specKernel(notebook, namedKernel(search, kernel), 'as asked for', search);
  const stated = statedKernel(notebook);
  const name = stated ?? DEFAULT_KERNEL;
  const isThere = search.kernels.some((each) => each.name === name.toLowerCase());
  if (stated !== null) {
    return isThere
      ? specKernel(notebook, namedKernel(search, name), 'which the notebook names', search)
      : armKernel(
          notebook,
          choice,
          `because the kernel ${name}, which the notebook names, is not found`,
          options,
        );
  }
  if (!isThere) {
    return armKernel(
      notebook,
      choice,
      `because the notebook names no kernel and there is no ${name}`,
      options,
    );
  }
  const found = namedKernel(search, name);
  assertLanguage(notebook, [found.spec.language], `it names no kernel; ${name}, the default, runs another`);
  return specKernel(notebook, found, 'because the notebook names no kernel', search);
}

async function armKernel(
  notebook: Notebook,
  { arm: spec, python, env, with: names = [], requirements = [] }: KernelChoice,
  why: string,
  options: Pick<ArmKernelOptions, 'onProgress' | 'signal'>,
): Promise<ChosenKernel> {
  assertLanguage(notebook, ['python'], 'the arms run ipykernel');
  const wanted = await readWantedPackages(names, requirements);
  const arm = withPackages(await loadArmSpec(spec ?? 'control'), wanted);
  const { overlay, environment, makeCommand } = await armKernelMaker({ python, env, ...options })(arm);
  const ipykernel = environment.facts.ipykernel?.version ?? 'unknown';
  const label = `ipykernel ${ipykernel}, arm ${arm.name}`;
  return {
    arm: arm.name,
    words: `${label}, ${why}`,
    makeCommand: inUserSession(makeCommand, environment.matplotlibConfigDir),
    python: environment.python,
    identify: () =>
      Promise.resolve({
        label,
        sha256: sha256(
          canonicalJson({ environment: environment.key, sources: overlay.protocolArm.treeSha256 }),
        ),
        python: `${environment.facts.implementation} ${environment.facts.python}`,
      }),
  };
}

async function specKernel(
  notebook: Notebook,
  kernel: UsableKernel,
  why: string,
  search: KernelSearch,
): Promise<ChosenKernel> {
  const asSpecified = kernelspecCommand(kernel, search.python);
  const makeCommand = isIpykernel(kernel) ? withoutHistory(asSpecified) : asSpecified;
  const cwd = dirname(resolve(notebook.path));
  return {
    arm: kernel.name,
    words: `kernel ${kernel.name} (${kernel.spec.displayName}), ${why}`,
    makeCommand,
    python: search.python?.executable ?? (await findInterpreter(undefined)).executable,
    async identify(context) {
      const info = await askKernel(kernel.name, makeCommand, cwd, context).catch((error: unknown) => {
        throw asNotStarted(error);
      });
      const what = [info.implementation, info.implementationVersion]
        .filter((word) => word !== null)
        .join(' ');
      return {
        label: `kernel ${kernel.name}${what === '' ? '' : ` (${what})`}`,
        sha256: sha256(canonicalJson({ kernelJson: kernel.sha256, info })),
        python: null,
      };
    },
  };
}

/** If the kernel does not start, that is how the notebook ended: it is not a fault of the environment. */
function asNotStarted(error: unknown): unknown {
  if (!(error instanceof SoakError) || error.code !== 'kernel-does-not-start') return error;
  const { code, message, remedy } = error;
  return new SoakError(code, message, { remedy, exitCode: EXEC_EXIT_CODES.endedOtherwise, cause: error });
}

/** As nbclient starts ipykernel: the notebook's cells stay out of the user's IPython history. */
function withoutHistory(makeCommand: KernelCommandMaker): KernelCommandMaker {
  return (folder, connectionFile) => {
    const command = makeCommand(folder, connectionFile);
    if (command.argv.some((word) => word.startsWith('--HistoryManager.hist_file'))) return command;
    return { ...command, argv: [...command.argv, '--HistoryManager.hist_file=:memory:'] };
  };
}

/** An arm's kernel for a user: without history, and with the user's own settings of matplotlib. */
function inUserSession(
  makeCommand: KernelCommandMaker,
  matplotlibConfigDir: string | null,
): KernelCommandMaker {
  const withoutIt = withoutHistory(makeCommand);
  return (folder, connectionFile) => {
    const command = withoutIt(folder, connectionFile);
    const variables = Object.entries(command.variables ?? {}).filter(
      ([name, value]) => name !== 'MPLCONFIGDIR' || value !== matplotlibConfigDir,
    );
    return { ...command, variables: Object.fromEntries(variables) };
  };
}

// A Jupyter sets these for its own kernels, not for ours, and PYTHONEXECUTABLE would break ours.
const NOT_PASSED = /^(JPY_|IPY_INTERRUPT_EVENT$|PYTHONEXECUTABLE$|KERNEL_SOAK_)/;

/**
 * The variables of a kernel that executes a notebook for its own sake: those of the session, as with `jupyter execute`.
 * An experiment's kernels get an allow-list instead.
 */
export function sessionVariables(session: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(session).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !NOT_PASSED.test(entry[0]),
    ),
  );
}
