import { loadArmSpec } from '../../harness/arms/arm-spec.ts';
import { type ArmKernelMaker, armKernelMaker } from '../../harness/kernel/arm-kernels.ts';
import type { KernelCommandMaker } from '../../harness/kernel/launch.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import type { Traffic } from '../../harness/model/traffic.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { codeNotebook } from './code-notebook.ts';

let kernels: ArmKernelMaker | undefined;

/**
 * How kernels of an arm start, such as `control`, `ipykernel==7.4.0`. `bare`: the same packages with nothing injected.
 */
export async function releasedKernel(spec: string, bare = false): Promise<KernelCommandMaker> {
  kernels ??= armKernelMaker();
  const { makeCommand, environment } = await kernels(await loadArmSpec(spec));
  if (!bare) return makeCommand;
  return (_folder, file) => ({
    argv: [environment.python, '-m', 'ipykernel_launcher', '-f', file],
    countersPath: null,
    identityPath: null,
  });
}

/** A run of a notebook of these cells on such a kernel. */
export async function runOfCells(
  makeCommand: KernelCommandMaker,
  sources: readonly string[],
  context: RunContext,
  traffic: Traffic = 'widgets',
): Promise<RunRecord> {
  const result = await executeRun(
    { run: 'b000-cells', block: 0, position: 0, arm: 'cells', notebookIndex: 0, traffic, seed: 1 },
    codeNotebook('cells.ipynb', sources),
    makeCommand,
    context,
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result.record;
}
