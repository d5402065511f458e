import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadArmSpec } from '../arms/arm-spec.ts';
import { commitsBetween } from '../arms/git-commits.ts';
import { candidates } from '../bisect/candidates.ts';
import {
  BISECT_JOURNAL,
  BISECT_JOURNAL_KIND,
  BISECT_SCHEMA,
  type BisectEntry,
  type BisectJournal,
  type BisectProtocol,
  type BisectText,
  bisectProtocolHash,
  readBisect,
} from '../bisect/journal.ts';
import { DEFAULT_MODEL } from '../bisect/model.ts';
import { hasValidRun } from '../bisect/results.ts';
import { type BisectEnd, bisect } from '../bisect/session.ts';
import { resultLine } from '../bisect/words.ts';
import { protocolNotebook } from '../experiment/freeze.ts';
import { type Prepared, prepareExperiment } from '../experiment/prepare.ts';
import { describeArmEnvironment } from '../experiment/prepare-arms.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { folderStamp } from '../journal/report-folders.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { JournalWriter } from '../journal/write.ts';
import { type ArmKernels, armKernelMaker } from '../kernel/arm-kernels.ts';
import { packageReleases } from '../kernel/environment/releases.ts';
import { canonicalJson } from '../model/canonical.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { publicText } from '../model/public-text.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import {
  BISECT_DEFAULTS,
  type BisectOptions,
  bisectCommandLine,
  bisectOptionsSchema,
  parsedBisectOptions,
  type RawBisectOptions,
} from '../options/bisect-options.ts';
import { assertResumedAlone, forgetOptions, keptOptions, RESUME_FILE } from '../options/kept-options.ts';
import { RUN_DEFAULTS } from '../options/run-options.ts';
import { plainLine } from '../report/document.ts';
import { checkedRun } from '../run/checked-run.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { openBisectDisplay, posteriorText } from './bisect-display.ts';

/** Reasons for which a release is passed over: it cannot be had here, whatever one does. */
const UNUSABLE = new Set(['package-not-found', 'installation', 'arm-does-not-apply', 'no-ipykernel']);

// An installer's last words can be pages.
const REASON_LENGTH = 300;

/** Add `soak bisect`. `surroundings` is asked for when it begins. */
export function registerBisect(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const d = BISECT_DEFAULTS;
  program
    .command('bisect')
    .description('Find the release or commit that brought a wedge, and the one that cured it')
    .option('--package <name>', 'package whose releases are bisected', d.package)
    .option('--clone <dir>', 'bisect the commits of a local clone instead, along first parents')
    .option('--good <release>', 'the last release known to be good (of a clone: a revision)')
    .option('--bad <release>', 'a later one with the wedge: the positive control of every batch')
    .option('--fixed <release>', 'a still later one without it: finds what cured it too')
    .option('--releases <list>', 'the releases to choose from, in order (default: those that pip lists)')
    .option('--pre', 'pre-releases too')
    .option('--confidence <p>', 'posterior probability of the whole claim to stop at', d.confidence)
    .option('--max-runs <n>', 'budget of runs, the control included', d.maxRuns)
    .option('--max-minutes <n>', 'budget of time of a session (default: none)')
    .option('--notebook <path>', `notebook (default: notebooks/${d.notebook})`)
    .option('--traffic <profile>', 'what the front end does', d.traffic)
    .option('--latency <spec>', `the front end's latency (default: ${RUN_DEFAULTS.latency})`)
    .option('--prefix <n>', 'only the first n code cells')
    .option('--timeout <seconds>', `deadline of a request (default: ${RUN_DEFAULTS.timeoutSeconds})`)
    .option(
      '--start-timeout <seconds>',
      `deadline of a kernel's start (default: ${RUN_DEFAULTS.startTimeoutSeconds})`,
    )
    .option('--suspect-after <seconds>', 'silence after which the oracle looks; 0: only at the deadline')
    .option('--pipeline-depth <n>', 'executes outstanding with pipeline traffic')
    .option('--seed <n>', 'seed of order, ties and latencies (default: drawn, and recorded)')
    .option('--out <dir>', 'folder of the evidence (default: soak-reports/<time>-bisect)')
    .option('--resume <dir>', 'go on with an interrupted bisect exactly where it stopped')
    .option('--python <exe>', 'interpreter to make the kernel environments from')
    .addHelpText('after', BISECT_EXAMPLES)
    .action(async (raw: RawBisectOptions, command: Command) => {
      onExit(await bisectCommand(raw, command, surroundings()));
    });
}

const BISECT_EXAMPLES = `
Examples:
  soak bisect --good 6.31.0 --bad 7.3.0 --fixed 7.4.0    what brought the ipykernel wedge, and what cured it
  soak bisect --package pyzmq --good 26.0.0 --bad 27.1.0
  soak bisect --clone ../ipykernel --good v6.31.0 --bad v7.0.0

Each look is a coin toss, so nothing is crossed out for good: every release has a posterior probability.
Each batch is the bad release (positive control) and the release whose runs teach most. The labels are
tested too. soak report and soak verify read its folder.

Exit codes: 0 named, 1 not named (budget, or the bad release never wedged), 2 bad input, 3 the bad release
has no valid run, 4 environment, 130 interrupted.`;

/** Releases by name, and the arm that each is. */
interface Choice {
  readonly releases: readonly string[];
  readonly bad: number;
  readonly specOf: (release: number) => string;
}

async function chosenReleases(options: BisectOptions, signal: AbortSignal): Promise<Choice> {
  const { clone, good, bad, fixed, pre } = options;
  if (clone !== null) {
    const before = await commitsBetween(
      clone,
      { flag: '--good', revision: good },
      { flag: '--bad', revision: bad },
    );
    const after =
      fixed === null
        ? []
        : await commitsBetween(clone, { flag: '--bad', revision: bad }, { flag: '--fixed', revision: fixed });
    const commits = [...before, ...after.slice(1)];
    return {
      releases: commits.map(({ short }) => short),
      bad: before.length - 1,
      specOf: (release) =>
        `${commits[release]?.short ?? ''}=git:${resolve(clone)}@${commits[release]?.hash ?? ''}`,
    };
  }
  const names =
    options.releases ??
    (await packageReleases(options.package, { python: options.run.python ?? undefined, pre, signal }));
  const choice = candidates(names, { good, bad, fixed });
  return {
    ...choice,
    specOf: (release) => `${choice.releases[release]}=${options.package}==${choice.releases[release]}`,
  };
}

async function bisectCommand(
  raw: RawBisectOptions,
  command: Command,
  { signal, write }: RunSurroundings,
): Promise<ExitCode> {
  const resumed = raw.resume === undefined ? null : await resumedOptions(raw.resume, command);
  const options = resumed?.options ?? parsedBisectOptions(raw);
  const recorded = resumed?.text.journal.bisect.protocol ?? null;
  if (resumed === null && raw.out !== undefined) await assertWritable(resolve(raw.out));
  const choice = await chosenReleases(
    // What an index lists may have grown since: the releases are those of the protocol.
    recorded === null || options.clone !== null ? options : { ...options, releases: recorded.releases },
    signal,
  );
  const prepared = await prepareExperiment(
    { ...options.run, arms: [choice.specOf(choice.bad)] },
    (text) => write(`${text}\n`),
    signal,
  );
  const protocol = frozenProtocol(options, choice, prepared);
  const folder = resolve(raw.resume ?? raw.out ?? join('soak-reports', `${folderStamp()}-bisect`));
  const { writer, journal } = await opened(folder, options, protocol, prepared, resumed !== null);
  write(
    `${protocol.package}, ${protocol.releases.length} releases from ${protocol.releases[0]} to ${protocol.releases.at(-1)}, ${protocol.traffic} traffic, seed ${protocol.seed}\nProtocol ${bisectProtocolHash(protocol).slice(0, 16)}, evidence in ${folder}\n\n`,
  );
  let end: BisectEnd;
  try {
    end = await carriedOut(options, choice, prepared, journal, writer, { signal, write });
    await writer.append(session(end.event, end.reason));
  } catch (error) {
    await writer.append(session('stopped', error instanceof SoakError ? error.code : 'internal error'));
    throw error;
  } finally {
    await writer.close();
  }
  if (end.event === 'finished') {
    await forgetOptions(folder);
  }
  const read = (await readBisect(folder)).journal;
  const { writeBisect } = await import('../bisect/write-bisect.ts');
  await writeBisect(folder, read, end.state);
  const reason = end.event === 'finished' ? end.reason : null;
  write(
    `${posteriorText(protocol, end.state)}\n\n${plainLine(resultLine(protocol, end.state, reason))}\n\nEvidence: ${join(folder, 'bisect.md')}\n`,
  );
  if (end.event === 'interrupted') {
    write(`Go on with: npm run soak -- bisect --resume ${shellWord(folder)}\n`);
    return EXIT_CODES.interrupted;
  }
  if (!hasValidRun(end.state)) return EXIT_CODES.invalidExperiment;
  return end.reason === 'found' ? EXIT_CODES.done : EXIT_CODES.failed;
}

function session(
  event: 'resumed' | 'interrupted' | 'stopped' | 'finished',
  reason: string,
  abandoned: readonly string[] = [],
): BisectEntry {
  return { type: 'session', at: new Date().toISOString(), event, reason, abandoned: [...abandoned] };
}

function frozenProtocol(options: BisectOptions, choice: Choice, prepared: Prepared): BisectProtocol {
  const { protocol, notebooks } = prepared;
  const [notebook] = notebooks;
  const [traffic] = protocol.traffic;
  if (notebook === undefined || traffic === undefined)
    throw new Error('A bisect without notebook or traffic.');
  return {
    package: options.clone === null ? options.package : 'the clone',
    source: options.clone === null ? 'releases' : 'commits',
    releases: [...choice.releases],
    bad: choice.bad,
    model: DEFAULT_MODEL,
    confidence: options.confidence,
    maxRuns: options.maxRuns,
    maxMinutes: options.maxMinutes,
    notebook: protocolNotebook(notebook),
    traffic,
    latency: protocol.latency,
    pipelineDepth: protocol.pipelineDepth,
    seed: protocol.seed,
    timeoutMs: protocol.timeoutMs,
    startTimeoutMs: protocol.startTimeoutMs,
    suspectAfterMs: protocol.suspectAfterMs,
    launch: 'spawn',
    harness: protocol.harness,
    runtimeSha256: protocol.runtimeSha256,
  };
}

/** The journal, new or gone on with. */
async function opened(
  folder: string,
  options: BisectOptions,
  protocol: BisectProtocol,
  { environment }: Prepared,
  isResumed: boolean,
): Promise<{ writer: JournalWriter<BisectEntry>; journal: BisectJournal }> {
  if (!isResumed) {
    const first: BisectEntry = {
      type: 'bisect',
      schema: BISECT_SCHEMA,
      at: new Date().toISOString(),
      protocol,
      protocolSha256: bisectProtocolHash(protocol),
      environment,
      command: bisectCommandLine(options),
    };
    const writer = await JournalWriter.createAs<BisectEntry>(BISECT_JOURNAL, folder, first, {
      [RESUME_FILE]: JSON.stringify(options),
    });
    return { writer, journal: (await readBisect(folder)).journal };
  }
  const { writer, text } = await JournalWriter.resumeAs<BisectEntry, BisectText>(BISECT_JOURNAL_KIND, folder);
  const { journal } = text;
  const before = journal.bisect;
  const changed = Object.keys({ ...before.protocol, ...protocol }).filter(
    (key) =>
      canonicalJson(before.protocol[key as keyof BisectProtocol]) !==
      canonicalJson(protocol[key as keyof BisectProtocol]),
  );
  if (before.environment.key !== environment.key) changed.push('kernel environment');
  if (changed.length > 0) {
    await writer.close();
    throw new SoakError(
      'cannot-resume',
      `The bisect in ${folder} cannot go on: ${changed.join(', ')} changed since it began.`,
      { remedy: 'Put back what changed, or begin a new bisect.' },
    );
  }
  const recorded = journal.batches.reduce((sum, { runs }) => sum + runs.length, 0);
  await writer.append(session('resumed', `${recorded} runs recorded`, journal.abandoned));
  return { writer, journal };
}

async function resumedOptions(
  folder: string,
  command: Command,
): Promise<{ options: BisectOptions; text: BisectText }> {
  const given = command.options
    .map((option) => option.attributeName())
    .filter((name) => name !== 'resume' && command.getOptionValueSource(name) === 'cli');
  assertResumedAlone(given, 'bisect');
  const text = await readBisect(folder);
  const options = await keptOptions(bisectOptionsSchema, {
    name: 'bisect',
    folder,
    hasFinished: text.journal.sessions.at(-1)?.event === 'finished',
    remedy: 'Read its bisect.md, or begin a new one.',
  });
  return { options, text };
}

async function carriedOut(
  options: BisectOptions,
  choice: Choice,
  prepared: Prepared,
  journal: BisectJournal,
  writer: JournalWriter<BisectEntry>,
  { signal, write }: RunSurroundings,
): Promise<BisectEnd> {
  const { protocol } = journal.bisect;
  const [notebook] = prepared.notebooks;
  if (notebook === undefined) throw new Error('A bisect was prepared without its notebook.');
  const kernelsOf = armKernelMaker({
    python: options.run.python ?? undefined,
    onProgress: (line) => write(`${line}\n`),
    signal,
  });
  const kernels = new Map<number, ArmKernels>();
  const known = new Map(journal.releases.map((record) => [record.release, record]));

  /** Its kernels, and a record of what they are when it is the first time. */
  const make = async (release: number): Promise<string | null> => {
    if (kernels.has(release)) return null;
    let made: ArmKernels;
    try {
      made = await kernelsOf(await loadArmSpec(choice.specOf(release)));
    } catch (error) {
      if (!(error instanceof SoakError) || !UNUSABLE.has(error.code)) throw error;
      return publicText(error.message).slice(0, REASON_LENGTH);
    }
    const record = known.get(release);
    const arm = made.overlay.protocolArm;
    if (record !== undefined && canonicalJson(record.arm) !== canonicalJson(arm)) {
      throw new SoakError(
        'cannot-resume',
        `${protocol.releases[release]} is not what it was when the bisect began.`,
        {
          remedy: 'Its sources or its environment changed: begin a new bisect.',
          exitCode: EXIT_CODES.invalidExperiment,
        },
      );
    }
    kernels.set(release, made);
    if (record === undefined) {
      await writer.append({
        type: 'release',
        release,
        at: new Date().toISOString(),
        arm,
        environment: describeArmEnvironment(made.environment),
      });
    }
    return null;
  };

  return withSharedContext(prepared, async (context) => {
    const display = openBisectDisplay(protocol, write);
    try {
      return await bisect({
        journal,
        append: (entry) => writer.append(entry),
        makeRelease: make,
        run: async (release, order) => {
          const arm = kernels.get(release);
          if (arm === undefined) throw new Error('A release is run before it was made.');
          const kept = { ...context, keptCharacters: MIRRORED_CHARACTERS };
          const result = await checkedRun(order, notebook, arm, kept, signal);
          return result?.record ?? null;
        },
        signal,
        nowMs: monotonicMs,
        onBatch: display.batch,
        onRun: display.run,
        onState: display.state,
      });
    } finally {
      display.close();
    }
  });
}
