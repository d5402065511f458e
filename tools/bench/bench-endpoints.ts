import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Notebook } from '../../harness/frontend/notebook.ts';
import { MIRRORED_CHARACTERS } from '../../harness/frontend/notebook-outputs.ts';
import type { KernelCommandMaker } from '../../harness/kernel/launch.ts';
import type { Endpoint, EndpointRule } from '../../harness/model/endpoint.ts';
import { harnessVersion } from '../../harness/model/harness-version.ts';
import { cellListings, OutputComparison } from '../../harness/run/compare-outputs.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { withSharedContext } from '../../harness/run/shared-context.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import { faultyKernelArgv } from '../testing/faulty-kernel.ts';
import { withBench } from './bench-surroundings.ts';
import { type EndpointCost, endpointsMarkdown } from './endpoints-document.ts';
import type { Pair } from './paired-ratio.ts';
import { pairedRatio } from './paired-ratio.ts';

/**
 * `npm run bench:endpoints [-- --out DIR] [--pairs N] [--real-pairs N]`: what an endpoint costs. A run under it and a run
 * that looks for wedges alone take turns, one of them first in one pair and the other in the next, on the test kernel
 * and on ipykernel.
 */

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join('reports', 'bench') },
    pairs: { type: 'string', default: '200' },
    'real-pairs': { type: 'string', default: '50' },
  },
});
const [pairs, realPairs] = [values.pairs, values['real-pairs']].map((text) => {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Error(`${text} is no number of pairs: give a whole number from 1 to 99999.`);
}) as [number, number];

// Limits that no run of the benchmark reaches.
const MEMORY_ABOVE = { memoryAboveBytes: 2 ** 40 };
const RULES: readonly (EndpointRule & { readonly endpoint: Endpoint })[] = [
  { endpoint: 'memory', ...MEMORY_ABOVE },
  { endpoint: 'any', ...MEMORY_ABOVE, slowAfterMs: 20_000 },
  { endpoint: 'lost-output' },
];
const CELLS = 20;

interface Measured {
  readonly name: string;
  readonly pairs: number;
  readonly notebook: Notebook;
  readonly makeCommand: KernelCommandMaker;
}

/** @param comparison what the run's outputs are compared with; `null`: they are not kept, as in an experiment that does not ask */
async function runMs(
  { notebook, makeCommand }: Measured,
  context: RunContext,
  comparison: OutputComparison | null,
): Promise<number> {
  const order = { run: 'b000-bench', block: 0, position: 0, arm: 'bench', notebookIndex: 0, seed: 1 };
  const startMs = performance.now();
  const { signal } = new AbortController();
  const result = await executeRun(
    { ...order, traffic: 'sequential' },
    notebook,
    makeCommand,
    comparison === null ? { ...context, keptCharacters: MIRRORED_CHARACTERS } : context,
    signal,
  );
  const compared =
    result === null || comparison === null
      ? null
      : comparison.compared(result.record, result.notebook, notebook).record;
  const ms = performance.now() - startMs;
  if (compared !== null && compared.outputs?.length !== notebook.codeCells.length) {
    throw new Error('A run of the benchmark was not compared in all its cells.');
  }
  if (result?.record.outcome.kind === 'completed') return ms;
  throw new Error(`A run of the benchmark did not complete: ${result?.record.outcome.reason}.`);
}

async function alternate(
  measured: Measured,
  { endpoint }: EndpointRule,
  watched: RunContext,
  plain: RunContext,
): Promise<Pair[]> {
  const found: Pair[] = [];
  const comparison =
    endpoint === 'lost-output'
      ? new OutputComparison({ rules: [], listings: [cellListings(measured.notebook, [])] }, [])
      : null;
  const watchedMs = () => runMs(measured, watched, comparison);
  const plainMs = () => runMs(measured, plain, null);
  await watchedMs(); // caches and byte code
  for (let pair = 0; pair < measured.pairs; pair += 1) {
    const isWatchedFirst = pair % 2 === 0;
    const first = await (isWatchedFirst ? watchedMs() : plainMs());
    const second = await (isWatchedFirst ? plainMs() : watchedMs());
    found.push(isWatchedFirst ? { withMs: first, withoutMs: second } : { withMs: second, withoutMs: first });
  }
  return found;
}

const loadBefore = loadavg()[0] ?? 0;
const costs = await withBench(async ({ context, makeCommand, python }): Promise<EndpointCost[]> => {
  const sources = Array.from({ length: CELLS }, (_, index) => `print:${index}`);
  const trivial = Array.from({ length: CELLS }, (_, index) => `print(${index})`);
  const kernels: Measured[] = [
    {
      name: 'test kernel',
      pairs,
      notebook: codeNotebook('trivial.ipynb', sources),
      makeCommand: (_folder, file) => ({
        argv: faultyKernelArgv({ name: 'normal' }, file, python) as [string, ...string[]],
        countersPath: null,
        identityPath: null,
      }),
    },
    {
      name: 'ipykernel',
      pairs: realPairs,
      notebook: codeNotebook('trivial.ipynb', trivial),
      makeCommand,
    },
  ];
  const found: EndpointCost[] = [];
  for (const rule of RULES) {
    const { timeoutMs, startTimeoutMs, suspectAfterMs, pipelineDepth, latency } = context;
    const kernelEnvironment = { python, matplotlibConfigDir: context.variables['MPLCONFIGDIR'] ?? null };
    const protocol = { ...rule, timeoutMs, startTimeoutMs, suspectAfterMs, pipelineDepth };
    await withSharedContext({ protocol, latency, kernelEnvironment }, async (watched) => {
      for (const kernel of kernels) {
        process.stderr.write(`${rule.endpoint} on ${kernel.name}\n`);
        const measured = await alternate(kernel, rule, watched, context);
        const ratio = pairedRatio(measured, seededUniform(1, `${rule.endpoint} ${kernel.name}`));
        found.push({ endpoint: rule.endpoint, kernel: kernel.name, ratio, pairs: measured });
      }
    });
  }
  return found;
});
const result = {
  at: new Date().toISOString(),
  harness: await harnessVersion(),
  node: process.versions.node,
  cpus: cpus().length,
  load: [loadBefore, loadavg()[0] ?? 0] as const,
  costs,
};
await mkdir(values.out, { recursive: true });
await writeFile(join(values.out, 'endpoints.json'), `${JSON.stringify(result)}\n`);
await writeFile(join(values.out, 'endpoints.md'), endpointsMarkdown(result));
process.stderr.write(`Written: ${join(values.out, 'endpoints.md')}\n`);
