import { loadavg } from 'node:os';
import { protocolNotebook } from '../experiment/freeze.ts';
import { type Prepared, prepareExperiment } from '../experiment/prepare.ts';
import { beginComparison } from '../experiment/session.ts';
import type { Latency } from '../frontend/latency.ts';
import { leadingCells } from '../frontend/notebook.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import type { ProtocolExpected } from '../model/cell-outputs.ts';
import { endpointRule } from '../model/endpoint.ts';
import { publicPath } from '../model/public-path.ts';
import { runStatus } from '../model/run-status.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import type { RunOptions } from '../options/run-options.ts';
import { comparedRecord } from '../run/compare-outputs.ts';
import type { RunContext } from '../run/run-context.ts';
import { runSubject } from '../run/run-subject.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { candidateGrid, halfLengths } from '../tune/candidates.ts';
import { sealedRecord, TUNING_SCHEMA, type TuningBody, type TuningRecord } from '../tune/record.ts';
import { type TryCandidate, tune } from '../tune/session.ts';
import { openTuneDisplay } from './tune-display.ts';

/** A tuning to carry out. */
export interface GivenTuning {
  /** Of the experiment that each run belongs to: the control arm, its notebooks and its deadlines. */
  readonly options: RunOptions;
  readonly latencies: readonly Latency[];
  /** Numbers of leading cells to try; `null`: half of each notebook. */
  readonly prefixes: readonly number[] | null;
  readonly budgetMinutes: number;
  /** Level of the verdict to reach. */
  readonly alpha: number;
  /** Folder of the record. */
  readonly folder: string;
  /** The command that repeats the tuning. */
  readonly command: string;
}

/**
 * Carry out `soak tune` on real kernels, and write its record after each run. It stays among the commands: an
 * experiment reads the records of the room `tune`, so that room cannot import `experiment`.
 */
export async function carryOutTuning(
  { options, latencies, prefixes, budgetMinutes, alpha, folder, command }: GivenTuning,
  { signal, write }: RunSurroundings,
): Promise<TuningRecord> {
  const prepared = await prepareExperiment(options, (text) => write(`${text}\n`), signal);
  const { protocol, environment, notebooks } = prepared;
  const [arm] = protocol.arms;
  if (arm === undefined) throw new Error('An experiment was prepared without its arm.');
  const candidates = candidateGrid(
    [...new Set(options.traffic)],
    latencies,
    notebooks,
    prefixes ?? halfLengths(notebooks),
  );
  const at = new Date().toISOString();
  const recordOf = (result: Pick<TuningBody, 'runs' | 'chosen' | 'end'>): TuningRecord =>
    sealedRecord({
      schema: TUNING_SCHEMA,
      at,
      harness: protocol.harness,
      runtimeSha256: protocol.runtimeSha256,
      command: command,
      environment,
      arm,
      notebooks: notebooks.map((notebook) => ({
        ...protocolNotebook(notebook),
        path: publicPath(notebook.path),
      })),
      seed: options.seed,
      budgetMinutes,
      alpha,
      timeoutMs: protocol.timeoutMs,
      startTimeoutMs: protocol.startTimeoutMs,
      suspectAfterMs: protocol.suspectAfterMs,
      pipelineDepth: protocol.pipelineDepth,
      ...endpointRule(protocol),
      ...recordExpected(protocol.expected, options),
      candidates,
      ...result,
    });
  write(
    `ipykernel ${environment.ipykernel} on ${environment.python}: ${arm.name} alone, ${candidates.length} settings, ${budgetMinutes} min, seed ${options.seed}\n\n`,
  );
  const { writeRecord, writeTuningFiles } = await import('../tune/write-tuning.ts');
  await writeRecord(folder, recordOf({ runs: [], chosen: null, end: 'interrupted' }));
  const result = await withSharedContext(prepared, async (context) => {
    const tryCandidate = await candidateTrier(prepared, latencies, signal, context);
    const display = openTuneDisplay(candidates, budgetMinutes * 60_000, write);
    try {
      return await tune({
        candidates,
        seed: options.seed,
        alpha,
        budgetMs: budgetMinutes * 60_000,
        tryCandidate,
        signal,
        nowMs: monotonicMs,
        onStart: display.start,
        onRun: async (runs, chosen) => {
          display.finish(runs);
          await writeRecord(folder, recordOf({ runs: [...runs], chosen, end: 'interrupted' }));
        },
      });
    } finally {
      display.close();
    }
  });
  const record = recordOf(result);
  await writeRecord(folder, record);
  await writeTuningFiles(folder, record);
  return record;
}

/** What a record says of the outputs that are expected. */
function recordExpected(
  expected: ProtocolExpected | undefined,
  { expect, sanitize }: Pick<RunOptions, 'expect' | 'sanitize'>,
): Pick<TuningBody, 'expected'> {
  if (expected === undefined) return {};
  return {
    expected: {
      ...expected,
      expect: publicPath(expect ?? 'saved'),
      sanitize: sanitize === null ? null : publicPath(sanitize),
    },
  };
}

async function candidateTrier(
  prepared: Prepared,
  latencies: readonly Latency[],
  signal: AbortSignal,
  context: Omit<RunContext, 'latency'>,
): Promise<TryCandidate> {
  const { arms, notebooks, protocol } = prepared;
  // A record has the losses of a run and the hashes of what was expected, and no outputs.
  const append = async () => {};
  const comparison = await beginComparison(append, prepared, []);
  const kept = comparison === null ? { ...context, keptCharacters: MIRRORED_CHARACTERS } : context;
  const [[name, arm] = []] = [...arms];
  if (name === undefined || arm === undefined) throw new Error('An experiment was prepared without its arm.');
  return async (candidate, seed, number) => {
    const notebook = notebooks[candidate.notebook];
    const latency = latencies.find(({ spec }) => spec === candidate.latency.spec);
    if (notebook === undefined || latency === undefined)
      throw new Error('A candidate is not of this tuning.');
    const order = {
      run: `t${String(number).padStart(3, '0')}`,
      block: number,
      position: 0,
      arm: name,
      notebookIndex: candidate.notebook,
      traffic: candidate.traffic,
      seed,
    };
    const executed = leadingCells(notebook, candidate.cells);
    const startedMs = monotonicMs();
    const result = await runSubject(order, executed, arm, { ...kept, latency }, signal);
    if (result === null) return null;
    const record = await comparedRecord(result, comparison, executed, append);
    return {
      kind: record.outcome.kind,
      status: runStatus(record, protocol),
      reason: record.outcome.reason,
      cell: record.outcome.cell,
      ...(record.losses === undefined ? {} : { losses: record.losses }),
      replies: record.client.replies,
      startMs: record.startMs,
      notebookMs: record.notebookMs,
      seconds: Math.max(1, Math.round(monotonicMs() - startedMs)) / 1000,
      loopStallMs: record.loopStallMs,
      load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    };
  };
}
