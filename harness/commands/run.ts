import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { judgedExit } from '../experiment/judged-exit.ts';
import { type Prepared, prepareExperiment, publicPath } from '../experiment/prepare.ts';
import { folderStamp } from '../experiment/report-folders.ts';
import { tunedOptions } from '../experiment/tuned.ts';
import { unendedRuns } from '../experiment/unended-runs.ts';
import { assertWritable } from '../experiment/writable-folder.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { readJournal } from '../journal/read.ts';
import { JournalWriter } from '../journal/write.ts';
import { canonicalJson } from '../model/canonical.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { type ExperimentRecord, JOURNAL_SCHEMA, type RunRecord } from '../model/journal.ts';
import { packageRoot } from '../model/package-root.ts';
import { protocolHash } from '../model/protocol.ts';
import { protocolDifferences } from '../model/protocol-differences.ts';
import { type Shard, shardBlocks } from '../model/shard.ts';
import { shellWord } from '../model/shell-word.ts';
import { type RunInput, runInput } from '../options/experiment-file/run-input.ts';
import { assertResumedAlone, forgetOptions, keptOptions, RESUME_FILE } from '../options/kept-options.ts';
import { addRunOptions } from '../options/run-flags.ts';
import {
  numberOption,
  parsedRunOptions,
  type RawRunOptions,
  type RunOptions,
  reproduceCommand,
  runOptionsSchema,
} from '../options/run-options.ts';
import { terminalText } from '../report/escape.ts';
import { assertCanFail, failRules } from '../report/fail-on.ts';
import { buildReport } from '../report/report.ts';
import { kernelspecWords } from '../report/sections/arm-environments.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';
import { type ExperimentEnd, runExperiment } from '../run/experiment.ts';
import { withForks } from '../run/fork-context.ts';
import { Autopsies } from '../run/revival.ts';
import { withServer } from '../run/server-context.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { type Display, openDisplay } from './display.ts';

/** Everything that `soak run` needs to know of its surroundings. */
export interface RunSurroundings {
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

interface RawRunCommand extends RawRunOptions {
  readonly out?: string;
  readonly resume?: string;
  readonly failOn?: string;
  readonly maxMinutes?: string;
}

/** Add `soak run`, the default command. `surroundings` is asked for when it begins. */
export function registerRun(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const run = program
    .command('run', { isDefault: true })
    .description('Run an experiment on real kernels and write its evidence (the default command)')
    .argument(
      '[experiment]',
      'file with the options below (YAML or JSON); those given here go before its own',
    )
    .action(async (experiment: string | undefined, flags: RawRunCommand, command: Command) => {
      const input = await runInput(experiment, flags, command);
      onExit(await runCommand(input, surroundings()));
    });
  addRunOptions(run);
}

/** Carry out `soak run`: a new experiment, or one that is gone on with. */
export async function runCommand(
  { raw, said }: RunInput<RawRunCommand>,
  { signal, write }: RunSurroundings,
): Promise<ExitCode> {
  const resumed = raw.resume !== undefined;
  const rules = raw.failOn === undefined ? [] : await said(() => failRules(raw.failOn ?? ''));
  const minutes =
    raw.maxMinutes === undefined
      ? null
      : await said(() =>
          numberOption('--max-minutes', raw.maxMinutes, 0, { min: 0.01, max: 100_000, unit: 'minutes' }),
        );
  const options = await said(() => (resumed ? resumedOptions(raw) : freshOptions(raw)));
  if (raw.out !== undefined) await assertWritable(resolve(raw.out));
  const prepared = await said(() => prepareExperiment(options, (text) => write(`${text}\n`), signal));
  assertCanFail(rules, prepared.protocol);
  const folder = resolve(
    raw.resume ?? raw.out ?? join('soak-reports', defaultFolderName(prepared, options.shard)),
  );
  const session = resumed
    ? await resumeSession(folder, prepared)
    : await newSession(folder, options, prepared);
  const { writer, recorded, experiment, unended } = session;
  if (unended !== null) write(`${terminalText(unended, 2_000)}\n\n`);
  write(
    `${plannedLine(prepared, recorded.length, experiment.shard)}\nProtocol ${experiment.protocolSha256.slice(0, 16)}, report in ${folder}\n\n`,
  );
  if (!resumed && options.kernels.length > 0 && options.serverUrl === null) {
    const { keepProbes } = await import('./probe-kernels.ts');
    const kernels = [...prepared.arms].map(([name, { makeCommand }]) => ({ name, makeCommand }));
    await keepProbes(folder, kernels, options, write);
  }
  const display = openDisplay(prepared.protocol, recorded, write, { shard: experiment.shard });
  let end: ExperimentEnd;
  try {
    end = await soak(
      prepared,
      session,
      options.saveNotebooks ? join(folder, 'notebooks') : null,
      { signal, ...(minutes === null ? {} : { maxMs: minutes * 60_000 }) },
      display,
      (why) => write(`Kernels are spawned that were to be forked: ${terminalText(why, 300)}.\n`),
    );
    await writer.append({ type: 'session', at: now(), event: end.event, reason: end.reason, abandoned: [] });
  } catch (error) {
    const reason = error instanceof SoakError ? error.code : 'internal error';
    await writer.append({ type: 'session', at: now(), event: 'stopped', reason, abandoned: [] });
    throw error;
  } finally {
    display.close();
    await writer.close();
  }
  if (end.event === 'finished') {
    await forgetOptions(folder);
  }
  const { journal } = await readJournal(folder);
  const report = buildReport(journal);
  // Only now: what draws figures would take 30 MiB of memory all through the runs.
  const { writeReport } = await import('../report/write-report.ts');
  const { githubAnnotations, writeGithubSummary } = await import('../report/github.ts');
  await writeReport(folder, journal, report);
  await writeGithubSummary(report, process.env);
  if (process.env['GITHUB_ACTIONS'] === 'true') write(`${githubAnnotations(report).join('\n')}\n`);
  write(
    `${verdictParagraph(report)}\n\n${summaryLine(report)}\n\nEvidence: ${join(folder, 'evidence.md')}\n`,
  );
  if (end.event !== 'finished') write(`Go on with: npm run soak -- --resume ${shellWord(folder)}\n`);
  if (end.event === 'interrupted') return EXIT_CODES.interrupted;
  return judgedExit(report, rules, write);
}

async function soak(
  prepared: Prepared,
  { writer, recorded, experiment }: Session,
  notebookFolder: string | null,
  { signal, maxMs }: { readonly signal: AbortSignal; readonly maxMs?: number },
  display: Display,
  onSpawned: (why: string) => void,
): Promise<ExperimentEnd> {
  // One listener for each run that is going on.
  setMaxListeners(0, signal);
  const autopsies = new Autopsies(
    prepared.protocol.autopsy,
    recorded.filter(({ outcome }) => (outcome.observations?.revival ?? null) !== null).length,
  );
  return withSharedContext({ ...prepared, autopsies }, (shared) =>
    withServer(prepared.server, shared, (through) =>
      withForks(prepared.protocol.launch, through, onSpawned, (context) =>
        runExperiment(
          {
            protocol: prepared.protocol,
            arms: prepared.arms,
            notebooks: prepared.notebooks,
            writer,
            recorded,
            notebookFolder,
            shard: experiment.shard,
            signal,
            maxMs,
            context: notebookFolder === null ? { ...context, keptCharacters: MIRRORED_CHARACTERS } : context,
          },
          display.events,
        ),
      ),
    ),
  );
}

function now(): string {
  return new Date().toISOString();
}

async function freshOptions(raw: RawRunOptions): Promise<RunOptions> {
  const notebook = join(packageRoot(), 'notebooks', 'widgets.ipynb');
  const options = parsedRunOptions(raw, notebook, () => randomInt(2 ** 31));
  return options.tuned === null ? options : tunedOptions(options, options.tuned, raw.notebook?.[0] ?? null);
}

async function resumedOptions(raw: RawRunCommand): Promise<RunOptions> {
  const folder = raw.resume ?? '';
  const beside = ['resume', 'failOn', 'maxMinutes'];
  assertResumedAlone(
    Object.keys(raw).filter((key) => !beside.includes(key)),
    'experiment',
  );
  const { journal } = await readJournal(folder);
  return keptOptions(runOptionsSchema, {
    name: 'experiment',
    folder,
    hasFinished: journal.sessions.at(-1)?.event === 'finished',
    remedy: `Read its evidence.md (soak report ${folder} writes it anew), or begin a new experiment.`,
  });
}

interface Session {
  readonly writer: JournalWriter;
  readonly recorded: readonly RunRecord[];
  readonly experiment: ExperimentRecord;
  /** Words on runs during which the harness ended without one; `null`: there are none. */
  readonly unended: string | null;
}

async function newSession(folder: string, options: RunOptions, prepared: Prepared): Promise<Session> {
  const experiment: ExperimentRecord = {
    type: 'experiment',
    schema: JOURNAL_SCHEMA,
    at: now(),
    protocol: prepared.protocol,
    protocolSha256: protocolHash(prepared.protocol),
    environment: prepared.environment,
    ...(prepared.armEnvironments.size === 0
      ? {}
      : { armEnvironments: Object.fromEntries(prepared.armEnvironments) }),
    ...(prepared.clientEnvironment === null ? {} : { clientEnvironment: prepared.clientEnvironment }),
    ...((prepared.server?.environment ?? null) === null
      ? {}
      : { serverEnvironment: prepared.server?.environment ?? undefined }),
    command: reproduceCommand(options, publicPath),
    baseline: prepared.baseline,
    ...(options.shard === null ? {} : { shard: options.shard }),
  };
  const writer = await JournalWriter.create(folder, experiment, { [RESUME_FILE]: JSON.stringify(options) });
  return { writer, recorded: [], experiment, unended: null };
}

async function resumeSession(folder: string, prepared: Prepared): Promise<Session> {
  const { writer, text } = await JournalWriter.resume(folder);
  const { experiment, runs, abandoned } = text.journal;
  const changed = protocolDifferences(experiment.protocol, prepared.protocol).map(({ what }) => what);
  if (experiment.environment.key !== prepared.environment.key) changed.push('kernel environment');
  for (const [name, environment] of Object.entries(experiment.armEnvironments ?? {})) {
    const now = prepared.armEnvironments.get(name);
    if (canonicalJson(now ?? null) !== canonicalJson(environment)) changed.push(`environment of ${name}`);
  }
  if (changed.length > 0) {
    await writer.close();
    throw new SoakError(
      'cannot-resume',
      `The experiment in ${folder} cannot go on: ${changed.join(', ')} changed since it began.`,
      {
        remedy: 'Put back what changed, or begin a new experiment.',
      },
    );
  }
  await writer.append({
    type: 'session',
    at: now(),
    event: 'resumed',
    reason: `${runs.length} runs recorded`,
    abandoned: [...abandoned],
  });
  return { writer, recorded: runs, experiment, unended: unendedRuns(text.journal) };
}

function defaultFolderName({ protocol }: Prepared, shard: Shard | null): string {
  const part = shard === null ? '' : `-shard-${shard.index}-of-${shard.count}`;
  return `${`${folderStamp()}-${protocol.arms.map(({ name }) => name).join('-')}`.slice(0, 80)}${part}`;
}

function plannedLine(
  { protocol, environment, armEnvironments }: Prepared,
  recorded: number,
  shard: Shard | undefined,
): string {
  const isOfKernels = protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  const arms = protocol.arms
    .map(({ name, kernelspec }) => {
      if (kernelspec !== undefined) return `${name} (${terminalText(kernelspecWords(kernelspec), 120)})`;
      const own = armEnvironments.get(name);
      if (own === undefined) return name;
      const python = own.python === environment.python ? '' : ` on ${own.python}`;
      return `${name} (ipykernel ${own.ipykernel}, pyzmq ${own.packages['pyzmq'] ?? 'unknown'}${python})`;
    })
    .join(', ');
  const control = protocol.arms.find(({ role }) => role === 'control')?.name;
  const reference =
    armEnvironments.size === 0 || isOfKernels || control === undefined ? '' : `; the reference is ${control}`;
  const size =
    protocol.decision.stopping === 'fixed'
      ? `${protocol.blocks} runs each`
      : `at most ${protocol.blocks} runs each, until decided at ${protocol.decision.alpha}`;
  const more = recorded > 0 ? `; ${recorded} recorded before` : '';
  const { first, end } = shardBlocks(protocol.blocks, shard);
  const part =
    shard === undefined
      ? ''
      : `, of which shard ${shard.index}/${shard.count} does blocks ${first + 1} to ${end}`;
  const what = isOfKernels ? 'kernels' : `ipykernel ${environment.ipykernel} on ${environment.python}`;
  const { transport, encryption } = protocol.sockets ?? {};
  const sockets = `${encryption === undefined ? '' : ', encrypted'}${transport === undefined ? '' : ', over Unix sockets'}`;
  return `${what}: ${arms}, ${size}${part}, ${protocol.traffic.join('/')} traffic${sockets}, seed ${protocol.seed}${reference}${more}`;
}
