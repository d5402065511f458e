import { randomInt } from 'node:crypto';
import { loadavg } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadArmSpecs } from '../arms/arm-spec.ts';
import { protocolNotebook } from '../experiment/freeze.ts';
import { type Prepared, prepareExperiment } from '../experiment/prepare.ts';
import { type Latency, parseLatency } from '../frontend/latency.ts';
import { leadingCells } from '../frontend/notebook.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicPath } from '../model/public-path.ts';
import { addOptions } from '../options/add-options.ts';
import { about, parsedOptions, sharedOptions } from '../options/given.ts';
import { repeatingCommand } from '../options/repeat.ts';
import { parsedRunOptions, type RunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { checkedRun } from '../run/checked-run.ts';
import type { RunContext } from '../run/execute-run.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { candidateGrid, halfLengths } from '../tune/candidates.ts';
import {
  readRecord,
  sealedRecord,
  TUNING_SCHEMA,
  type TuningBody,
  type TuningRecord,
} from '../tune/record.ts';
import { tuningResults } from '../tune/results.ts';
import { type TryCandidate, tune } from '../tune/session.ts';
import { openTuneDisplay } from './tune-display.ts';

/** Everything that `soak tune` needs to know of its surroundings. */
export interface TuneSurroundings {
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

/** Add `soak tune`. `surroundings` is asked for when it begins. */
export function registerTune(
  program: Command,
  surroundings: () => TuneSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('tune')
      .description(
        'Find, on the control arm alone, the traffic, latency and length that reach a verdict soonest',
      ),
    'tune',
  )
    .addHelpText('after', TUNE_EXAMPLES)
    .action(async (raw: RawOptions<'tune'>) => {
      onExit(await (raw.render === undefined ? tuneCommand(raw, surroundings()) : renderCommand(raw.render)));
    });
}

const TUNE_EXAMPLES = `
Examples:
  soak tune                                    three minutes, all traffic profiles and latencies
  soak tune --minutes 10 --notebook my.ipynb --prefix 10,20,40
  soak run --tuned soak-reports/…/tuning.json --until-decided

Only a control is run, so that the choice cannot favour a treatment. Ctrl-C keeps what is recorded.

Exit codes: 0 a setting was chosen, 1 nothing wedged, 2 bad input, 3 no valid run, 4 environment,
130 interrupted.`;

async function renderCommand(folder: string): Promise<ExitCode> {
  const { RECORD_FILE, writeTuningFiles } = await import('../tune/write-tuning.ts');
  const record = await readRecord(join(folder, RECORD_FILE));
  await writeTuningFiles(folder, record);
  return tuningResults(record).total.runs === 0 ? EXIT_CODES.invalidExperiment : EXIT_CODES.done;
}

async function parsedLatencies(specs: readonly string[]): Promise<Latency[]> {
  const latencies: Latency[] = [];
  for (const spec of new Set(specs)) {
    const option = { name: 'latencies', value: spec };
    if (spec.startsWith('file:')) {
      throw new SoakError('bad-option', `--latencies ${spec} names a file, which a record cannot carry.`, {
        remedy: 'Tune on latencies that have a name of their own, and give the file to the experiment.',
        option,
      });
    }
    const latency = await about(option, () => parseLatency(spec));
    if (!latencies.some((known) => known.spec === latency.spec)) latencies.push(latency);
  }
  return latencies;
}

/** Refuses what is no control before anything is made or run: tuning on a treatment would favour it or its rival. */
async function assertControl(spec: string): Promise<void> {
  const [arm] = await loadArmSpecs([spec]);
  if (arm === undefined || arm.manifest.role === 'control') return;
  const { name, manifest } = arm;
  throw new SoakError('not-control', `--arm ${name}: its role is ${manifest.role}.`, {
    remedy: 'Tune on a control: settings that were chosen by what a treatment does would favour or harm it.',
  });
}

function experimentOptions(raw: RawOptions<'tune'>): RunOptions {
  const { arm, traffic } = parsedOptions('tune', raw);
  const { alpha: _alpha, out: _out, ...given } = sharedOptions('tune', 'run', raw);
  return parsedRunOptions(
    { ...given, arm: [arm], runs: '1', traffic: traffic.join(','), latency: 'none' },
    join(packageRoot(), 'notebooks', 'widgets.ipynb'),
    () => randomInt(2 ** 31),
  );
}

async function tuneCommand(raw: RawOptions<'tune'>, { signal, write }: TuneSurroundings): Promise<ExitCode> {
  const { minutes: budgetMinutes, alpha, prefix: prefixes, ...given } = parsedOptions('tune', raw);
  const latencies = await parsedLatencies(given.latencies);
  const options = experimentOptions(raw);
  await assertControl(given.arm);
  if (raw.out !== undefined) await assertWritable(resolve(raw.out));
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
  const folder = resolve(raw.out ?? join('soak-reports', `${at.slice(0, 19).replaceAll(':', '-')}-tune`));
  const recordOf = (result: Pick<TuningBody, 'runs' | 'chosen' | 'end'>): TuningRecord =>
    sealedRecord({
      schema: TUNING_SCHEMA,
      at,
      harness: protocol.harness,
      runtimeSha256: protocol.runtimeSha256,
      command: repeatingCommand('tune', givenAgain(raw, budgetMinutes, options.seed), publicPath),
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
      candidates,
      ...result,
    });
  write(
    `ipykernel ${environment.ipykernel} on ${environment.python}: ${arm.name} alone, ${candidates.length} settings, ${budgetMinutes} min, seed ${options.seed}\n\n`,
  );
  const { RECORD_FILE, writeRecord, writeTuningFiles } = await import('../tune/write-tuning.ts');
  await writeRecord(folder, recordOf({ runs: [], chosen: null, end: 'interrupted' }));
  const result = await withSharedContext(prepared, async (context) => {
    const tryCandidate = candidateTrier(prepared, latencies, signal, context);
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
  const results = tuningResults(record);
  const { tuningText } = await import('../tune/tuning-text.ts');
  write(
    `${tuningText(record, results, relative(process.cwd(), join(folder, RECORD_FILE)))}\n\nRecord: ${join(folder, 'tuning.md')}\n`,
  );
  if (record.end === 'interrupted') return EXIT_CODES.interrupted;
  if (results.total.runs === 0) return EXIT_CODES.invalidExperiment;
  return record.chosen === null ? EXIT_CODES.failed : EXIT_CODES.done;
}

function candidateTrier(
  { arms, notebooks }: Prepared,
  latencies: readonly Latency[],
  signal: AbortSignal,
  context: Omit<RunContext, 'latency'>,
): TryCandidate {
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
    const startedMs = monotonicMs();
    const result = await checkedRun(
      order,
      leadingCells(notebook, candidate.cells),
      arm,
      { ...context, latency, keptCharacters: MIRRORED_CHARACTERS },
      signal,
    );
    if (result === null) return null;
    const { record } = result;
    return {
      kind: record.outcome.kind,
      reason: record.outcome.reason,
      cell: record.outcome.cell,
      replies: record.client.replies,
      startMs: record.startMs,
      notebookMs: record.notebookMs,
      seconds: Math.max(1, Math.round(monotonicMs() - startedMs)) / 1000,
      loopStallMs: record.loopStallMs,
      load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    };
  };
}

/** The options that tune again: those of the call left out, the seed always. */
function givenAgain(
  { out: _out, render: _render, ...given }: RawOptions<'tune'>,
  minutes: number,
  seed: number,
): RawOptions<'tune'> {
  return { ...given, minutes: String(minutes), seed: String(seed) };
}
