import { randomInt } from 'node:crypto';
import { loadavg } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadArmSpecs } from '../arms/arm-spec.ts';
import { protocolNotebook } from '../experiment/freeze.ts';
import { type Prepared, prepareExperiment } from '../experiment/prepare.ts';
import { assertWritable } from '../experiment/writable-folder.ts';
import { type Latency, parseLatency } from '../frontend/latency.ts';
import { leadingCells } from '../frontend/notebook.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { TRAFFIC_PROFILES } from '../model/protocol.ts';
import { publicPath } from '../model/public-path.ts';
import { shellWord } from '../model/shell-word.ts';
import { LEVEL, parseNumber } from '../options/parse-number.ts';
import { parsedRunOptions, type RunOptions } from '../options/run-options.ts';
import { checkedRun } from '../run/checked-run.ts';
import type { RunContext } from '../run/run-context.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { candidateGrid, DEFAULT_LATENCIES, halfLengths } from '../tune/candidates.ts';
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

export interface RawTuneOptions {
  readonly arm: string;
  readonly minutes: string;
  readonly notebook?: string[];
  readonly traffic: string;
  readonly latencies: string;
  readonly prefix?: string;
  readonly alpha: string;
  readonly timeout?: string;
  readonly startTimeout?: string;
  readonly pipelineDepth?: string;
  readonly seed?: string;
  readonly out?: string;
  readonly render?: string;
  readonly python?: string;
  readonly env?: string;
}

const MINUTES = { min: 0.1, max: 10_000, example: '3' } as const;
const CELLS = { min: 1, max: 1_000_000, whole: true, example: '10,20' } as const;

/** Add `soak tune`. `surroundings` is asked for when it begins. */
export function registerTune(
  program: Command,
  surroundings: () => TuneSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  program
    .command('tune')
    .description(
      'Find, on the control arm alone, the traffic, latency and length that reach a verdict soonest',
    )
    .option('--minutes <n>', 'budget of time, once the environment is there', '3')
    .option('--arm <name>', 'the control arm to tune on; no other role is accepted', 'control')
    .option(
      '--notebook <path>',
      'notebook; repeatable (default: the ipywidgets notebook)',
      (value: string, all: string[] = []) => [...all, value],
    )
    .option('--traffic <list>', 'traffic profiles to try', TRAFFIC_PROFILES.join(','))
    .option('--latencies <list>', 'front-end latencies to try', DEFAULT_LATENCIES.join(','))
    .option(
      '--prefix <n,…>',
      'also try the first n code cells, where more cells wedge in most runs (default: half)',
    )
    .option('--alpha <level>', 'level of the verdict to reach', '0.001')
    .option('--timeout <seconds>', 'deadline of a request')
    .option('--start-timeout <seconds>', "deadline of a kernel's start")
    .option('--pipeline-depth <n>', 'executes outstanding with pipeline traffic')
    .option('--seed <n>', 'seed of order, search and latencies (default: drawn, and recorded)')
    .option('--out <dir>', 'folder of the record (default: soak-reports/<time>-tune)')
    .option('--render <dir>', 'make tuning.md and its figure again from the record in this folder')
    .option('--python <exe>', 'interpreter to make the kernel environment from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .addHelpText('after', TUNE_EXAMPLES)
    .action(async (raw: RawTuneOptions) => {
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

function parts(text: string): string[] {
  return [...new Set(text.split(',').map((part) => part.trim()))].filter((part) => part !== '');
}

async function parsedLatencies(text: string): Promise<Latency[]> {
  const latencies: Latency[] = [];
  for (const spec of parts(text)) {
    if (spec.startsWith('file:')) {
      throw new SoakError('bad-option', `--latencies ${spec} names a file that a record cannot carry.`, {
        remedy: 'Tune on latencies that have a name of their own, and give the file to the experiment.',
      });
    }
    const latency = await parseLatency(spec);
    if (!latencies.some((known) => known.spec === latency.spec)) latencies.push(latency);
  }
  if (latencies.length > 0) return latencies;
  throw new SoakError('bad-option', '--latencies names no latency.', {
    remedy: `Give for example ${DEFAULT_LATENCIES.join(',')}.`,
  });
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

function experimentOptions(raw: RawTuneOptions): RunOptions {
  const { timeout, startTimeout, pipelineDepth, seed, notebook, python, env } = raw;
  return parsedRunOptions(
    {
      arm: [raw.arm],
      runs: '1',
      traffic: raw.traffic,
      latency: 'none',
      ...(notebook === undefined ? {} : { notebook }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(startTimeout === undefined ? {} : { startTimeout }),
      ...(pipelineDepth === undefined ? {} : { pipelineDepth }),
      ...(seed === undefined ? {} : { seed }),
      ...(python === undefined ? {} : { python }),
      ...(env === undefined ? {} : { env }),
    },
    join(packageRoot(), 'notebooks', 'widgets.ipynb'),
    () => randomInt(2 ** 31),
  );
}

async function tuneCommand(raw: RawTuneOptions, { signal, write }: TuneSurroundings): Promise<ExitCode> {
  const budgetMinutes = parseNumber(raw.minutes, '--minutes', MINUTES);
  const alpha = parseNumber(raw.alpha, '--alpha', LEVEL);
  const latencies = await parsedLatencies(raw.latencies);
  const prefixes =
    raw.prefix === undefined ? null : parts(raw.prefix).map((text) => parseNumber(text, '--prefix', CELLS));
  const options = experimentOptions(raw);
  await assertControl(raw.arm);
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
      command: tuneCommandLine(raw, options),
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

/** The command that tunes again: every option that was given, the seed always. */
export function tuneCommandLine(raw: RawTuneOptions, options: Pick<RunOptions, 'seed'>): string {
  const words = ['npm run soak -- tune'];
  const add = (flag: string, value: string) => words.push(flag, shellWord(value));
  add('--minutes', raw.minutes);
  if (raw.arm !== 'control') add('--arm', publicPath(raw.arm));
  for (const notebook of raw.notebook ?? []) add('--notebook', publicPath(notebook));
  if (raw.traffic !== TRAFFIC_PROFILES.join(',')) add('--traffic', raw.traffic);
  if (raw.latencies !== DEFAULT_LATENCIES.join(',')) add('--latencies', raw.latencies);
  const optional = [
    ['--prefix', raw.prefix],
    ['--timeout', raw.timeout],
    ['--start-timeout', raw.startTimeout],
    ['--pipeline-depth', raw.pipelineDepth],
    ['--alpha', raw.alpha === '0.001' ? undefined : raw.alpha],
    ['--env', raw.env === undefined ? undefined : '<your environment>'],
  ] as const;
  for (const [flag, value] of optional) if (value !== undefined) add(flag, value);
  add('--seed', String(options.seed));
  return words.join(' ');
}
