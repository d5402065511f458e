import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../harness/model/package-root.ts';
import { type FaultName, faultyKernelArgv } from './faulty-kernel.ts';
import { runSoak, type Soaked } from './run-soak.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { testEnvironment } from './test-environment.ts';

/** One environment for both programs: its `python3`, kernels of the tests' own, and folders of nobody's. */
export interface ExecutePlace {
  readonly python: string;
  /** What both get of the session, beyond what this process has. */
  readonly variables: Readonly<Record<string, string>>;
  /** IPython's folder of the user that both are. */
  readonly ipython: string;
}

/** Kernels besides `python3`: one that does not execute some cells, and faulty ones under their faults' names. */
export async function executePlace(faults: readonly FaultName[] = []): Promise<ExecutePlace> {
  const { python } = await testEnvironment();
  const folder = temporaryFolder();
  const [ipython, data] = [join(folder, 'ipython'), join(folder, 'data')];
  const kernel = (name: string, argv: readonly string[]) => {
    const place = join(data, 'kernels', name);
    mkdirSync(place, { recursive: true });
    writeFileSync(
      join(place, 'kernel.json'),
      JSON.stringify({ argv, display_name: name, language: 'python' }),
    );
  };
  const script = join(packageRoot(), 'tools', 'testing', 'aborting_kernel.py');
  kernel('aborting', [python, script, '-f', '{connection_file}']);
  for (const name of faults) kernel(name, faultyKernelArgv({ name, at: 1 }, '{connection_file}', python));
  mkdirSync(ipython);
  return {
    python,
    ipython,
    variables: {
      PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`,
      JUPYTER_DATA_DIR: data,
      IPYTHONDIR: ipython,
    },
  };
}

/** nbclient 0.11's own command, in the place's environment; with `--inplace`, so that it writes what it executed. */
export async function jupyterExecute(
  { python, variables }: ExecutePlace,
  notebook: string,
  ...args: string[]
): Promise<Soaked> {
  const program = join(dirname(python), 'jupyter-execute');
  const options = { cwd: dirname(notebook), env: { ...process.env, ...variables } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [notebook, '--inplace', ...args], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Soaked;
    return { code, stdout, stderr };
  }
}

/** `soak exec` in the same place, which writes into the notebook as well. */
export function soakExec({ variables }: ExecutePlace, notebook: string, ...args: string[]): Promise<Soaked> {
  const journal = join(temporaryFolder(), 'exec.jsonl');
  const where = args.includes('--output') ? [] : ['--inplace'];
  return runSoak(['exec', notebook, ...where, '--journal', journal, ...args], variables);
}
