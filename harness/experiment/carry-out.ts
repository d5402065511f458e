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
import { assertCanFail, failRules } from '../report/fail-on.ts';
import { explainFailures } from '../report/failed-rules.ts';
import { judgedExit } from '../report/judged-exit.ts';
import { buildReport } from '../report/report.ts';
import { nextWay } from '../report/sections/other-ways.ts';
import { summaryLine, verdictParagraph } from '../report/summary.ts';
import type { ExperimentEvents } from '../run/experiment.ts';
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

/** Opens the display of an experiment. `shard`: the part of the experiment that runs here. */
export type OpenDisplay = (
  protocol: Protocol,
  recorded: readonly RunRecord[],
  write: (text: string) => void,
  part: { readonly shard: Shard | undefined },
) => Display;

/** Carry out `soak run`: start a new experiment or resume one. */
export async function carryOutExperiment(
  { raw, said }: RunInput,
  { signal, write }: RunSurroundings,
  openDisplay: OpenDisplay,
): Promise<ExitCode> {
  const resumed = raw.resume !== undefined;
  const { maxMinutes: minutes, failOn } = await said(() => parsedOptions('run', raw));
  const rules = failOn === null ? [] : await said(() => failRules(failOn));
  const options = await said(() => (resumed ? resumedOptions(raw) : freshOptions(raw)));
  if (raw.out !== undefined) await assertWritable(resolve(raw.out));
  const begun = raw.resume === undefined ? null : (await readJournal(raw.resume)).journal.experiment;
  const prepared = await said(() => prepareExperiment(options, (text) => write(`${text}\n`), signal, begun));
  await said(() => assertCanFail(rules, prepared.protocol));
  const folder = resolve(
    raw.resume ?? raw.out ?? join('soak-reports', defaultFolderName(prepared, options.shard)),
  );
  const session = resumed
    ? await resumeSession(folder, prepared)
    : await beginSession(folder, options, prepared);
  const { writer, recorded, experiment, unended } = session;
  if (unended !== null) write(`${terminalText(unended, 2_000)}\n\n`);
  write(
    `${plannedLine(prepared, recorded.length, experiment.shard)}\nProtocol ${experiment.protocolSha256.slice(0, 16)}, report in ${folder}\n\n`,
  );
  if (!resumed && options.kernels.length > 0 && options.serverUrl === null) {
    const { keepProbes } = await import('../experiment/probe-kernels.ts');
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
  // Imported only now: the code that draws figures would take 30 MiB of memory during all the runs.
  const { writeReport } = await import('../report/write-report.ts');
  const { reportToGithub } = await import('../report/github.ts');
  await writeReport(folder, journal, report);
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
  prepared: Prepared,
  { writer, recorded, experiment, comparison }: Session,
  notebookFolder: string | null,
  { signal, maxMs }: { readonly signal: AbortSignal; readonly maxMs?: number },
  display: Display,
  onSpawned: (why: string) => void,
): Promise<ExperimentEnd> {
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
            context: keepsOutputs ? context : { ...context, keptCharacters: MIRRORED_CHARACTERS },
          },
          display.events,
        ),
      ),
    ),
  );
}
