import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { loadArm } from '../../harness/arms/arms.ts';
import { parseLatency } from '../../harness/frontend/latency.ts';
import { type Notebook, readNotebook } from '../../harness/frontend/notebook.ts';
import { PreciseTimer } from '../../harness/frontend/precise-timer.ts';
import { cacheFolder, ensureEnvironment, requirementsWith } from '../../harness/kernel/environment/index.ts';
import { armCommand, type KernelCommandMaker } from '../../harness/kernel/launch.ts';
import { makeOverlay } from '../../harness/kernel/overlay.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import type { Traffic } from '../../harness/model/traffic.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { LoopStallMeter } from '../../harness/run/loop-stall.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import type { RunResult } from '../../harness/run/run-record.ts';
import { slowNotebook } from './slow-notebook.ts';

/** What one part of the check did. */
export interface Part {
  readonly runs: number;
  /** Cells that were answered. */
  readonly cells: number;
  /** Requests that were silent for longer than the suspicion's wait. */
  readonly silent: number;
  /** Looks at the shell-channel loop. */
  readonly looks: number;
  /** Runs by kind of outcome. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Reasons of outcomes other than `completed`, each once. */
  readonly reasons: readonly string[];
  readonly seconds: number;
}

export interface FalseCertificates {
  readonly ipykernel: string;
  readonly python: string;
  readonly seed: number;
  readonly suspectAfterMs: number;
  readonly slow: Part;
  readonly clean: Part;
}

export interface FalseCertificatesOptions {
  readonly slowCells: number;
  readonly cleanRuns: number;
  readonly seed: number;
  /** Slow runs at once: most of their time they wait. */
  readonly slowAtOnce: number;
  readonly cleanAtOnce: number;
  /** Interpreter of an environment to use; `null`: one with ipykernel 7.4.0 is made and cached. */
  readonly env: string | null;
  readonly onProgress: (line: string) => void;
}

/** The release without the window: whatever is certified there is certified wrongly. */
const SOUND_IPYKERNEL = '7.4.0';
// Far below the default second, so that every slow cell is suspected and a slip of the oracle would show.
const SUSPECT_AFTER_MS = 50;
const CELLS_A_RUN = 100;
const SLOW_TRAFFIC: readonly Traffic[] = ['sequential', 'overlap', 'pipeline'];
const CLEAN_TRAFFIC: readonly Traffic[] = ['widgets', 'overlap', 'pipeline', 'sequential'];
const CLEAN_NOTEBOOKS = ['widgets.ipynb', 'plain.ipynb', 'plain.ipynb'] as const;

/** The number of wedges certified where there can be none. */
export function certificates({ slow, clean }: FalseCertificates): number {
  return (slow.kinds['wedged-stranded'] ?? 0) + (clean.kinds['wedged-stranded'] ?? 0);
}

/**
 * Run legitimately slow cells and clean notebooks on a kernel without the window, with a suspicion after
 * 50 ms, and count what the oracle makes of them.
 */
export async function falseCertificates(options: FalseCertificatesOptions): Promise<FalseCertificates> {
  const environment = await ensureEnvironment({
    ...(options.env === null
      ? { requirements: requirementsWith([`ipykernel==${SOUND_IPYKERNEL}`]) }
      : { env: options.env }),
    onProgress: options.onProgress,
  });
  const { ipykernel } = environment.facts;
  if (ipykernel === null) throw new Error('The environment has no ipykernel.');
  const overlay = await makeOverlay(await loadArm('control'), {
    python: environment.python,
    packageFolder: ipykernel.folder,
    version: ipykernel.version,
    environmentKey: environment.key,
    cacheDir: cacheFolder(),
  });
  const makeCommand = armCommand(environment, overlay);
  const folder = mkdtempSync(join(tmpdir(), 'soak-bench-'));
  const timer = new PreciseTimer();
  const stalls = new LoopStallMeter();
  const reaper = await Reaper.start(environment.python);
  const context: RunContext = {
    // A slow cell keeps its full deadline; queued behind others it may wait long.
    timeoutMs: 60_000,
    startTimeoutMs: 120_000,
    suspectAfterMs: SUSPECT_AFTER_MS,
    pipelineDepth: 4,
    latency: await parseLatency('uniform:0-20ms'),
    timer,
    stalls,
    reaper,
    variables:
      environment.matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: environment.matplotlibConfigDir },
  };
  try {
    const notebooks = await Promise.all(
      CLEAN_NOTEBOOKS.map((name) => readNotebook(join(packageRoot(), 'notebooks', name))),
    );
    const slowRuns = Math.ceil(options.slowCells / CELLS_A_RUN);
    const slowPart = part('slow cells', slowRuns, options.slowAtOnce, options, (index) => {
      const cells = Math.min(CELLS_A_RUN, options.slowCells - index * CELLS_A_RUN);
      const notebook = slowNotebook(cells, options.seed + index, process.platform);
      return launch(
        index,
        { ...notebook, path: join(folder, notebook.name) },
        SLOW_TRAFFIC,
        makeCommand,
        context,
      );
    });
    const cleanPart = part('clean runs', options.cleanRuns, options.cleanAtOnce, options, (index) => {
      const notebook = notebooks[index % notebooks.length] as Notebook;
      return launch(index, notebook, CLEAN_TRAFFIC, makeCommand, context);
    });
    // Together: slow cells leave the processor to the clean runs most of the time.
    const [slow, clean] = await Promise.all([slowPart, cleanPart]);
    return {
      ipykernel: ipykernel.version,
      python: `${environment.facts.implementation} ${environment.facts.python}`,
      seed: options.seed,
      suspectAfterMs: SUSPECT_AFTER_MS,
      slow,
      clean,
    };
  } finally {
    stalls.stop();
    await timer.close();
    await reaper.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function launch(
  index: number,
  notebook: Notebook,
  profiles: readonly Traffic[],
  makeCommand: KernelCommandMaker,
  context: RunContext,
): Promise<RunResult> {
  const result = await executeRun(
    {
      run: `r${index}`,
      block: index,
      position: 0,
      arm: 'control',
      notebookIndex: 0,
      traffic: profiles[index % profiles.length] ?? 'sequential',
      seed: index,
    },
    notebook,
    makeCommand,
    context,
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}

async function part(
  name: string,
  runs: number,
  atOnce: number,
  { onProgress }: FalseCertificatesOptions,
  run: (index: number) => Promise<RunResult>,
): Promise<Part> {
  const startedMs = performance.now();
  const limit = pLimit(atOnce);
  const kinds: Record<string, number> = {};
  const reasons = new Set<string>();
  const total = { done: 0, cells: 0, silent: 0, looks: 0 };
  await Promise.all(
    Array.from({ length: runs }, (_, index) =>
      limit(async () => {
        const { record, watch } = await run(index);
        const { kind, reason } = record.outcome;
        kinds[kind] = (kinds[kind] ?? 0) + 1;
        if (kind !== 'completed') reasons.add(`${kind}: ${reason}`);
        total.done += 1;
        total.cells += record.cellMs.length;
        total.silent += watch?.silent ?? 0;
        total.looks += watch?.looks ?? 0;
        if (total.done % Math.ceil(runs / 10) === 0) {
          onProgress(
            `${name}: ${total.done} of ${runs} runs, ${total.cells} cells, ${JSON.stringify(kinds)}`,
          );
        }
      }),
    ),
  );
  const { cells, silent, looks } = total;
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  return { runs, cells, silent, looks, kinds, reasons: [...reasons], seconds };
}
