import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { OutcomeKind } from '../../harness/model/outcome.ts';
import type { TrafficProfile } from '../../harness/model/traffic.ts';
import { probeKernel } from '../../harness/probe/probe-kernel.ts';
import type { ProbeResult } from '../../harness/probe/probe-result.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import { faultyRuns } from '../testing/faulty-run.ts';
import { installKernel } from './install-kernel.ts';
import { REGISTRY_KERNELS } from './registry-kernels.ts';
import { type KernelSeen, kernelTable, TABLE_TRAFFICS } from './table-document.ts';

// npm run kernel-table -- [--runs 2] [--kernels a,b] [--out reports/kernels]: install each kernel of the list, probe it,
// and take its notebook through it under each traffic. What is in the folder is kept, so that it can be gone on with.

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2' },
    kernels: { type: 'string' },
    out: { type: 'string', default: 'reports/kernels' },
  },
});
const runsOfEach = Number(values.runs);
const folder = resolve(values.out);
const file = join(folder, 'kernels.json');
const wanted = values.kernels?.split(',');

const seen = new Map<string, KernelSeen>(
  (JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as KernelSeen[]).map((each) => [
    each.name,
    each,
  ]),
);
const runs = await faultyRuns();
try {
  for (const kernel of REGISTRY_KERNELS) {
    if (wanted === undefined ? seen.has(kernel.name) : !wanted.includes(kernel.name)) continue;
    const { name, title, registry, language } = kernel;
    const installed = await installKernel(kernel);
    let probe: ProbeResult | null = null;
    let reason: string | null = null;
    const outcomes: Partial<Record<TrafficProfile, OutcomeKind[]>> = {};
    const reasons = new Set<string>();
    if (!installed.ok) reason = installed.reason;
    else {
      probe = await probeKernel(name, installed.makeCommand, process.cwd(), runs.context).catch(
        (error: unknown) => {
          reason = `its program does not start: ${(error as Error).message}`;
          return null;
        },
      );
      for (const traffic of reason === null ? TABLE_TRAFFICS : []) {
        for (let at = 0; at < runsOfEach; at += 1) {
          const result = await executeRun(
            {
              run: `b00${at}-${name}`,
              block: at,
              position: 0,
              arm: name,
              notebookIndex: 0,
              traffic,
              seed: at + 1,
            },
            codeNotebook('table.ipynb', [...kernel.cells]),
            installed.makeCommand,
            { ...runs.context, timeoutMs: 30_000, startTimeoutMs: 60_000, pipelineDepth: 4 },
            new AbortController().signal,
          );
          if (result === null) continue;
          const { outcome } = result.record;
          outcomes[traffic] = [...(outcomes[traffic] ?? []), outcome.kind];
          // Without the folders of this machine.
          const last = (outcome.stderrTail?.trim().split('\n').at(-1) ?? '').replace(/\S*\/(?=[^/\s])/g, '');
          const words = last === '' ? outcome.reason : `${outcome.reason}; its last line: ${last}`;
          if (outcome.kind !== 'completed') reasons.add(`${traffic}: ${words}`);
        }
        process.stdout.write(`${name} ${traffic}: ${outcomes[traffic]?.join(', ')}\n`);
      }
    }
    if (reason !== null) process.stdout.write(`${name}: ${reason}\n`);
    seen.set(name, { name, title, registry, language, reason, outcomes, reasons: [...reasons], probe });
    const rows = REGISTRY_KERNELS.flatMap((each) => seen.get(each.name) ?? []);
    await writeFile(file, `${JSON.stringify(rows, null, 1)}\n`);
    await writeFile(join(folder, 'README.md'), kernelTable(rows));
  }
} finally {
  await runs.close();
}
