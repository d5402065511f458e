import type { KernelCommandMaker } from '../launch.ts';
import type { UsableKernel } from './find.ts';
import { launchWords } from './launch-words.ts';
import type { PythonPlace } from './search-paths.ts';
import type { KernelSpec } from './spec.ts';

/**
 * A value of a kernelspec's `env` with `$NAME`, `${NAME}` and `$$` replaced as Python's
 * `string.Template.safe_substitute` does: a name that is not set stays as it is written.
 */
export function expandedVariable(value: string, env: NodeJS.ProcessEnv): string {
  return value.replace(
    /\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g,
    (whole, dollar: string | undefined, plain: string | undefined, braced: string | undefined) =>
      dollar !== undefined ? '$' : (env[plain ?? braced ?? ''] ?? whole),
  );
}

/**
 * Variables that language runtimes find their own files by, beyond the allow-list of every kernel. What else a
 * kernel needs of the session it names in its kernelspec: `"env": {"TOKEN": "${TOKEN}"}`.
 */
const RUNTIME_VARIABLES = [
  /^CONDA_PREFIX$/,
  /^VIRTUAL_ENV$/,
  /^JAVA_HOME$/,
  /^R_(HOME|LIBS|LIBS_USER|LIBS_SITE)$/,
  /^JULIA_(DEPOT_PATH|PROJECT|LOAD_PATH|NUM_THREADS)$/,
  /^NODE_PATH$/,
  /^(GOPATH|GOROOT|DOTNET_ROOT|RUSTUP_HOME|CARGO_HOME|GEM_HOME|GEM_PATH|XDG_[A-Z]+_HOME)$/,
];

/** What a kernelspec's kernel gets of the session, and what its kernelspec sets. */
export function kernelspecVariables(spec: KernelSpec, session: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(session)) {
    if (value !== undefined && RUNTIME_VARIABLES.some((pattern) => pattern.test(name)))
      variables[name] = value;
  }
  for (const [name, value] of Object.entries(spec.env)) variables[name] = expandedVariable(value, session);
  return variables;
}

/** Launches a kernelspec's kernel as its argv says: nothing injected, no counters. */
export function kernelspecCommand(
  kernel: UsableKernel,
  python: PythonPlace | null,
  session: NodeJS.ProcessEnv = process.env,
): KernelCommandMaker {
  return (_folder, connectionFile) => {
    const [, ...args] = launchWords(kernel.spec, { connectionFile, resourceFolder: kernel.folder, python });
    return {
      argv: [kernel.program, ...args],
      countersPath: null,
      identityPath: null,
      variables: kernelspecVariables(kernel.spec, session),
      interruptMode: kernel.spec.interruptMode,
      mayLackControl: true,
    };
  };
}
