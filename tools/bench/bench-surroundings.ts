import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadArm } from '../../harness/arms/arms.ts';
import { parseLatency } from '../../harness/frontend/latency.ts';
import { type Notebook, readNotebook } from '../../harness/frontend/notebook.ts';
import { armKernelMaker } from '../../harness/kernel/arm-kernels.ts';
import type { KernelCommandMaker } from '../../harness/kernel/launch.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { withSharedContext } from '../../harness/run/shared-context.ts';
import { codeNotebookText, PYTHON_METADATA } from '../testing/code-notebook.ts';

/** What the parts of the benchmark share. */
export interface BenchSurroundings {
  readonly context: RunContext;
  /** Of an arm of ipykernel without the fault: nothing is measured of a wedge by accident. */
  readonly makeCommand: KernelCommandMaker;
  /** Of the environment, which has the peers too. */
  readonly python: string;
  /** For what is written on the way. */
  readonly folder: string;
}

/** Have all that the benchmark needs while `work` goes on. */
export async function withBench<Result>(
  work: (surroundings: BenchSurroundings) => Promise<Result>,
): Promise<Result> {
  const { environment, makeCommand } = await armKernelMaker({
    onProgress: (line) => console.error(line),
  })(await loadArm('stream'));
  const folder = await mkdtemp(join(tmpdir(), 'soak-bench-'));
  try {
    return await withSharedContext(
      {
        protocol: { timeoutMs: 30_000, startTimeoutMs: 60_000, suspectAfterMs: 1_000, pipelineDepth: 4 },
        latency: await parseLatency('none'),
        kernelEnvironment: environment,
      },
      (context) => work({ context, makeCommand, python: environment.python, folder }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Environment variables of the peers: this one's, with folders of their own and the environment's kernels. */
export function quietVariables({ folder }: Pick<BenchSurroundings, 'folder'>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    IPYTHONDIR: join(folder, 'ipython'),
    JUPYTER_CONFIG_DIR: join(folder, 'config'),
    JUPYTER_DATA_DIR: join(folder, 'data'),
    JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
    JUPYTER_PREFER_ENV_PATH: '1',
    PYDEVD_DISABLE_FILE_VALIDATION: '1',
  };
}

/** A notebook of trivial cells, in a file, since the peers read files. */
export async function trivialNotebook(folder: string, cells: number): Promise<Notebook> {
  const path = join(folder, `trivial-${cells}.ipynb`);
  const sources = Array.from({ length: cells }, (_, index) => `x = ${index}`);
  await writeFile(path, codeNotebookText(sources, PYTHON_METADATA));
  return readNotebook(path);
}
