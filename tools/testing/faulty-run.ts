import { parseLatency } from '../../harness/frontend/latency.ts';
import { PreciseTimer } from '../../harness/frontend/precise-timer.ts';
import type { KernelCommand, KernelCommandMaker } from '../../harness/kernel/launch.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import { type RunRecord, runRecordSchema } from '../../harness/model/journal.ts';
import type { Traffic } from '../../harness/model/traffic.ts';
import { executeRun } from '../../harness/run/execute-run.ts';
import { LoopStallMeter } from '../../harness/run/loop-stall.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import type { RunResult } from '../../harness/run/run-record.ts';
import { codeNotebook } from './code-notebook.ts';
import { type FaultyBehaviour, faultyKernelArgv } from './faulty-kernel.ts';
import { testPython } from './test-python.ts';

export const FAULTY_CELLS = 5;
/** Counted from 1. */
export const FAULTY_CELL = 3;
export const FAULTY_TIMEOUT_MS = 1_000;

/** What a run of the test kernel left. */
export interface FaultyRun {
  /** As the journal would keep it, and a reader would read it back. */
  readonly record: RunRecord;
  readonly result: RunResult;
  /** The run's private folder. */
  readonly folder: string;
}

/** What runs of the test kernel share; to be closed at the end. */
export interface FaultyRuns {
  readonly context: RunContext;
  provoked(
    behaviour: FaultyBehaviour,
    overrides?: Partial<RunContext>,
    traffic?: Traffic,
    command?: Partial<KernelCommand>,
    sources?: readonly string[],
  ): Promise<FaultyRun>;
  close(): Promise<void>;
}

const FIVE_CELLS = Array.from({ length: FAULTY_CELLS }, (_, index) => `print:cell ${index}`);

/** Runs of the test kernel through the real run path, each on a notebook of five cells unless others are given. */
export async function faultyRuns(): Promise<FaultyRuns> {
  const python = await testPython();
  const reaper = await Reaper.start(python);
  const timer = new PreciseTimer();
  const stalls = new LoopStallMeter();
  const context: RunContext = {
    timeoutMs: FAULTY_TIMEOUT_MS,
    startTimeoutMs: 20_000,
    suspectAfterMs: 300,
    pipelineDepth: 3,
    latency: await parseLatency('none'),
    timer,
    stalls,
    reaper,
    variables: {},
  };
  const results: RunResult[] = [];
  return {
    context,
    async provoked(behaviour, overrides = {}, traffic = 'sequential', command = {}, sources = FIVE_CELLS) {
      let folder = '';
      const makeCommand: KernelCommandMaker = (made, connectionFile) => {
        folder = made;
        const argv = faultyKernelArgv({ at: FAULTY_CELL, ...behaviour }, connectionFile, python);
        return { argv: argv as [string, ...string[]], countersPath: null, identityPath: null, ...command };
      };
      const result = await executeRun(
        { run: 'b000-faulty', block: 0, position: 0, arm: 'faulty', notebookIndex: 0, traffic, seed: 1 },
        codeNotebook('cells.ipynb', sources),
        makeCommand,
        { ...context, ...overrides },
        new AbortController().signal,
      );
      if (result === null) throw new Error('The run was interrupted.');
      results.push(result);
      return { record: runRecordSchema.parse(JSON.parse(JSON.stringify(result.record))), result, folder };
    },
    async close() {
      // While this process has their files open, the reaper cannot remove their folders on Windows.
      for (const result of results) await result.discard();
      stalls.stop();
      await timer.close();
      await reaper.stop();
    },
  };
}
