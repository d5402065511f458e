import { setMaxListeners } from 'node:events';
import { join, resolve } from 'node:path';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { readJournal } from '../journal/read.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import type { Shard } from '../model/shard.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import type { RunInput } from '../options/experiment-file/run-input.ts';
import { parsedOptions } from '../options/given.ts';
import { forgetOptions } from '../options/kept-options.ts';
import type { RunOptions } from '../options/run-options.ts';
import { assertCanFail, failRules } from '../report/fail-on.ts';
import { explainFailures } from '../report/failed-rules.ts';
import { judgedExit } from '../report/judged-exit.ts';
import { buildReport, type Report } from '../report/report.ts';
import { nextWay } from '../report/sections/other-ways.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';
import type { ExperimentEvents, Turns } from '../run/experiment.ts';
import { type ExperimentEnd, runExperiment } from '../run/experiment.ts';
import { withForks } from '../run/fork-context.ts';
import { Autopsies } from '../run/revival.ts';
import type { SameError } from '../run/same-error.ts';
import { withServer } from '../run/server-context.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { freshOptions, resumedOptions } from './given-options.ts';
import { defaultFolderName, plannedLine } from './planned-line.ts';
import { type Prepared, prepareExperiment } from './prepare.ts';
import { beginSession, now, resumeSession, type Session } from './session.ts';

/** Shows an experiment while it runs. */
export interface Display {
  readonly events: ExperimentEvents;
  /** Leave the last state on the screen and stop. */
  close(): void;
}

/**
 * Opens the display of an experiment. `shard`: the part of the experiment that runs here. `maxMs`: after that time no block
 * begins.
 */
export type OpenDisplay = (
  protocol: Protocol,
  recorded: readonly RunRecord[],
  write: (text: string) => void,
  part: { readonly shard: Shard | undefined; readonly maxMs: number | undefined },
) => Display;

/** An experiment with its journal open. Nothing has run yet in this session. */
export interface OpenExperiment {
  readonly folder: string;
  readonly options: RunOptions;
  readonly prepared: Prepared;
  readonly session: Session;
  readonly isResumed: boolean;
}

/**
 * Read, make and freeze a new experiment, or one that is resumed, and open its journal.
 *
 * @param accept may refuse the protocol before anything is written
 */
export async function openExperiment(
  { raw, said }: RunInput,
  { signal, write }: RunSurroundings,
  accept: (protocol: Protocol) => void = () => {},
): Promise<OpenExperiment> {
  const isResumed = raw.resume !== undefined;
  const options = await said(() => (isResumed ? resumedOptions(raw) : freshOptions(raw)));
  if (raw.out !== undefined) await assertWritable(resolve(raw.out));
  const begun = raw.resume === undefined ? null : (await readJournal(raw.resume)).journal.experiment;
  const prepared = await said(() => prepareExperiment(options, (text) => write(`${text}\n`), signal, begun));
  await said(() => accept(prepared.protocol));
  const folder = resolve(
    raw.resume ?? raw.out ?? join('soak-reports', defaultFolderName(prepared, options.shard)),
  );
  const session = isResumed
    ? await resumeSession(folder, prepared)
    : await beginSession(folder, options, prepared);
  return { folder, options, prepared, session, isResumed };
}

/** How the runs of an open experiment are carried out. */
export interface RunsOfSession {
  readonly signal: AbortSignal;
  readonly maxMs?: number | undefined;
  readonly turns?: Turns | undefined;
  readonly events: ExperimentEvents;
}

/** Carry out the runs that an open experiment lacks, and close its journal. */
export async function carryOutRuns(
  opened: OpenExperiment,
  how: RunsOfSession,
  write: (text: string) => void,
): Promise<ExperimentEnd> {
  const { folder, session } = opened;
  const { writer } = session;
  let end: ExperimentEnd;
  try {
    end = await soak(opened, how, (why) =>
      write(`Kernels are spawned that were to be forked: ${terminalText(why, 300)}.\n`),
    );
    await writer.append({ type: 'session', at: now(), event: end.event, reason: end.reason, abandoned: [] });
  } catch (error) {
    const reason = error instanceof SoakError ? error.code : 'internal error';
    await writer.append({ type: 'session', at: now(), event: 'stopped', reason, abandoned: [] });
    throw error;
  } finally {
    await writer.close();
  }
  if (end.event === 'finished') await forgetOptions(folder);
  return end;
}

/** Write the documents of an experiment from its journal. */
export async function writeDocuments(folder: string): Promise<Report> {
  const { journal } = await readJournal(folder);
  const report = buildReport(journal);
  // Imported only now: the code that draws figures would take 30 MiB of memory during all the runs.
  const { writeReport } = await import('../report/write-report.ts');
  await writeReport(folder, journal, report);
  return report;
}

/** Carry out `soak run`: start a new experiment or resume one. */
export async function carryOutExperiment(
  input: RunInput,
  surroundings: RunSurroundings,
  openDisplay: OpenDisplay,
): Promise<ExitCode> {
  const { raw, said } = input;
  const { signal, write } = surroundings;
  const { maxMinutes: minutes, failOn } = await said(() => parsedOptions('run', raw));
  const rules = failOn === null ? [] : await said(() => failRules(failOn));
  const opened = await openExperiment(input, surroundings, (protocol) => assertCanFail(rules, protocol));
  const { folder, options, prepared, session, isResumed } = opened;
  const { recorded, experiment, unended } = session;
  if (unended !== null) write(`${terminalText(unended, 2_000)}\n\n`);
  write(
    `${plannedLine(prepared, recorded.length, experiment.shard)}\nProtocol ${experiment.protocolSha256.slice(0, 16)}, report in ${folder}\n\n`,
  );
  if (!isResumed && options.kernels.length > 0 && options.serverUrl === null) {
    const { keepProbes } = await import('../experiment/probe-kernels.ts');
    const kernels = [...prepared.arms].map(([name, { makeCommand }]) => ({ name, makeCommand }));
    await keepProbes(folder, kernels, options, write);
  }
  const maxMs = minutes === null ? undefined : minutes * 60_000;
  const display = openDisplay(prepared.protocol, recorded, write, { shard: experiment.shard, maxMs });
  let end: ExperimentEnd;
  try {
    end = await carryOutRuns(opened, { signal, maxMs, events: display.events }, write);
  } finally {
    display.close();
  }
  const report = await writeDocuments(folder);
  const { reportToGithub } = await import('../report/github.ts');
  await reportToGithub(report, process.env, write);
  write(
    `${verdictParagraph(report)}\n\n${summaryLine(report)}\n\nEvidence: ${join(folder, 'evidence.md')}\n`,
  );
  const next = nextWay(report);
  if (next !== null) write(`${next}\n`);
  if (end.event !== 'finished' && end.event !== 'same-error')
    write(`Go on with: npm run soak -- --resume ${shellWord(folder)}\n`);
  if (end.event === 'interrupted') return EXIT_CODES.interrupted;
  if (end.error !== undefined) {
    write(`${sameErrorWords(end.error, folder)}\n`);
    return EXIT_CODES.invalidExperiment;
  }
  const code = judgedExit(report, rules, write);
  await explainFailures(report, rules, { folder, environment: process.env }, write);
  return code;
}

/** What every arm raised, and what to do about an experiment of which nothing can come. */
function sameErrorWords({ cell, ename, evalue }: SameError, folder: string): string {
  return [
    `The error, at cell ${cell} (counted from 0): ${terminalText(`${ename}: ${evalue}`, 300)}`,
    'Mend the notebook, or add the packages that it needs (--with PACKAGE), and start again.',
    'To count the error itself, give --endpoint cell-error.',
    `To go on all the same: npm run soak -- --resume ${shellWord(folder)}`,
  ].join('\n');
}

async function soak(
  { folder, options, prepared, session }: OpenExperiment,
  { signal, maxMs, turns, events }: RunsOfSession,
  onSpawned: (why: string) => void,
): Promise<ExperimentEnd> {
  const { writer, recorded, experiment, comparison } = session;
  const notebookFolder = options.saveNotebooks ? join(folder, 'notebooks') : null;
  // Each run in progress adds one listener.
  setMaxListeners(0, signal);
  const keepsOutputs = notebookFolder !== null || comparison !== null;
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
            comparison,
            notebookFolder,
            shard: experiment.shard,
            signal,
            maxMs,
            turns,
            context: keepsOutputs ? context : { ...context, keptCharacters: MIRRORED_CHARACTERS },
          },
          events,
        ),
      ),
    ),
  );
}
