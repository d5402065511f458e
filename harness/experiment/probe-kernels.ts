import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseLatency } from '../frontend/latency.ts';
import { findInterpreter } from '../kernel/environment/interpreter.ts';
import { type KernelSearch, kernelspecCommand, namedKernel } from '../kernel/kernelspec/index.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { RunOptions } from '../options/run-options.ts';
import { probeKernel } from '../probe/probe-kernel.ts';
import type { ProbeResult } from '../probe/probe-result.ts';
import { probeMarkdown } from '../probe/probe-text.ts';
import type { RunContext } from '../run/run-context.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { withAskingContext } from './asking-context.ts';

/**
 * Probe a kernel by the name of its kernelspec.
 *
 * @throws SoakError `unknown-kernel`, `broken-kernel`, `kernel-does-not-start`
 */
export async function probedKernel(search: KernelSearch, name: string, cwd: string): Promise<ProbeResult> {
  const kernel = namedKernel(search, name);
  const python = search.python?.executable ?? (await findInterpreter(undefined)).executable;
  return withSharedContext(
    {
      protocol: { timeoutMs: 60_000, startTimeoutMs: 60_000, suspectAfterMs: null, pipelineDepth: 1 },
      latency: await parseLatency('none'),
      kernelEnvironment: { python, matplotlibConfigDir: null },
    },
    (context) => probed(kernel.name, kernelspecCommand(kernel, search.python), cwd, context),
  );
}

async function probed(
  name: string,
  makeCommand: KernelCommandMaker,
  cwd: string,
  context: RunContext,
): Promise<ProbeResult> {
  try {
    return await probeKernel(name, makeCommand, cwd, context);
  } catch (error) {
    if (error instanceof SoakError) throw error;
    throw new SoakError(
      'kernel-does-not-start',
      `The kernel ${name} does not start: ${(error as Error).message}.`,
      {
        remedy: 'Try it in Jupyter, or see `soak kernels`.',
        exitCode: EXIT_CODES.environment,
        cause: error,
      },
    );
  }
}

/**
 * Probe the kernels that an experiment names, and keep the results with its evidence, as `probe-NAME.json`
 * and `probe-NAME.md`. If a kernel cannot be probed, this is reported and the experiment goes on: its runs
 * will show the cause.
 */
export async function keepProbes(
  folder: string,
  kernels: readonly { readonly name: string; readonly makeCommand: KernelCommandMaker }[],
  options: RunOptions,
  write: (text: string) => void,
): Promise<void> {
  const python = (await findInterpreter(undefined)).executable;
  await withAskingContext(options, { python, matplotlibConfigDir: null }, async (context) => {
    for (const { name, makeCommand } of kernels) {
      try {
        const found = await probed(name, makeCommand, dirname(resolve(options.notebooks[0] ?? '.')), context);
        const file = join(folder, `probe-${name}`);
        await writeFile(`${file}.json`, `${JSON.stringify(found, null, 2)}\n`);
        await writeFile(`${file}.md`, probeMarkdown(found));
      } catch (error) {
        if (!(error instanceof SoakError)) throw error;
        write(`${terminalText(name)} was not probed: ${terminalText(error.message, 500)}\n`);
      }
    }
  });
}
