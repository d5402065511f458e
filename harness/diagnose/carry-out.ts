import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import {
  carryOutRuns,
  type OpenExperiment,
  openExperiment,
  writeDocuments,
} from '../experiment/carry-out.ts';
import { now } from '../experiment/session.ts';
import { journalState, recordedSeed } from '../journal/state.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import type { ClientName } from '../model/client.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { harnessVersion } from '../model/harness-version.ts';
import type { RunRecord } from '../model/journal.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import type { RawOptions } from '../options/table.ts';
import { kindWords } from '../report/words.ts';
import type { ExperimentEvents } from '../run/experiment.ts';
import type { ChosenKernel } from './chosen-kernel.ts';
import { diagnosisOf, sameEnding, type WayJournal, wasObserved } from './diagnosis.ts';
import type { Asked } from './next-command.ts';
import { type DiagnosisRecord, readDiagnosisRecord, readWays } from './record.ts';
import { keepRecord, writeDiagnosis } from './write-diagnosis.ts';

/** A diagnosis to carry out. */
export interface GivenDiagnosis {
  readonly folder: string;
  readonly notebookSha256: string;
  readonly kernel: ChosenKernel;
  readonly client: ClientName;
  /** Options that both ways share. */
  readonly shared: RawOptions<'run'>;
  /** `none`, or whole seconds. */
  readonly clientTimeout: string;
  readonly maxMs: number;
  /** As it can be published. */
  readonly asked: Asked;
}

/** Shows a diagnosis while it runs. */
export interface DiagnosisDisplay {
  readonly eventsOf: (way: string) => ExperimentEvents;
  readonly close: () => void;
}

/** What a display is told before the first run. */
export interface OpenWay {
  readonly name: string;
  readonly opened: OpenExperiment;
}

export type OpenDiagnosisDisplay = (
  ways: readonly OpenWay[],
  write: (text: string) => void,
  maxMs: number,
) => DiagnosisDisplay;

/** What came out. */
export interface CarriedOut {
  readonly record: DiagnosisRecord;
  readonly journals: readonly WayJournal[];
  /** Paths of the documents. */
  readonly written: readonly string[];
  readonly exitCode: ExitCode;
}

/**
 * Run the notebook directly and by the client, taking turns, and write what came out. With the folder of a diagnosis that
 * did not finish, the runs that it lacks are added.
 *
 * @param onReady called with the experiments of all ways, ready and frozen, before the first run
 */
export async function carryOutDiagnosis(
  given: GivenDiagnosis,
  surroundings: RunSurroundings,
  openDisplay: OpenDiagnosisDisplay,
  onReady: (ways: readonly OpenWay[]) => void,
): Promise<CarriedOut> {
  const { folder, kernel, client, asked } = given;
  const ways = kernel.hasClient ? ['direct', client] : ['direct'];
  const before = await readDiagnosisRecord(folder);
  const fresh: DiagnosisRecord = {
    schema: 1,
    at: now(),
    harness: await harnessVersion(),
    notebookSha256: given.notebookSha256,
    optionsSha256: optionsHash(given),
    ways,
    why: kernel.why,
    asked: { ...asked, given: [...asked.given], environment: [...asked.environment] },
  };
  await assertOwnFolder(folder, before, fresh);
  const record = before ?? fresh;
  const seed =
    given.shared.seed ??
    (await recordedSeed(ways.map((way) => join(folder, way)))) ??
    String(randomInt(2 ** 31));
  const open: OpenWay[] = [];
  try {
    for (const way of ways) {
      const state = await journalState(join(folder, way));
      if (state === 'finished') continue;
      const raw: RawOptions<'run'> =
        state === 'begun' ? { resume: join(folder, way) } : wayOptions(given, way, seed);
      open.push({
        name: way,
        opened: await openExperiment({ raw, said: async (work) => work() }, surroundings),
      });
    }
    if (before === null) await keepRecord(folder, record);
    onReady(open);
  } catch (error) {
    await Promise.all(open.map(({ opened }) => opened.session.writer.close()));
    throw error;
  }
  await runInTurn(open, given.maxMs, surroundings, openDisplay);
  await Promise.all(ways.map((way) => writeDocuments(join(folder, way))));
  const journals = await readWays(folder, record);
  const written = await writeDiagnosis(folder, journals, record);
  return {
    record,
    journals,
    written,
    exitCode: surroundings.signal.aborted
      ? EXIT_CODES.interrupted
      : wasObserved(diagnosisOf(journals))
        ? EXIT_CODES.done
        : EXIT_CODES.invalidExperiment,
  };
}

/**
 * A folder is continued only by what began it: the answer would otherwise be about another notebook or kernel.
 *
 * @throws SoakError `cannot-resume`
 */
async function assertOwnFolder(
  folder: string,
  before: DiagnosisRecord | null,
  fresh: DiagnosisRecord,
): Promise<void> {
  const cannot = (why: string) =>
    new SoakError('cannot-resume', `${folder} ${why}.`, { remedy: 'Give another --out.' });
  if ((await journalState(folder)) !== 'absent') throw cannot('holds an experiment');
  if (before === null) return;
  if (before.notebookSha256 !== fresh.notebookSha256) {
    throw cannot('holds a diagnosis of another notebook, or of this one before it was changed');
  }
  if (before.optionsSha256 !== fresh.optionsSha256 || before.ways.join() !== fresh.ways.join()) {
    throw cannot('holds a diagnosis with other options, or of another environment');
  }
}

/** Everything that decides what is run, but for the notebook, which has a hash of its own, and the seed, which is kept. */
function optionsHash({ shared, kernel, client, clientTimeout }: GivenDiagnosis): string {
  const { notebook: _notebook, seed, ...own } = shared;
  return sha256(
    canonicalJson({
      ...own,
      ...kernel.options,
      seed: seed ?? null,
      environment: kernel.environmentSha256,
      client,
      clientTimeout,
    }),
  );
}

function wayOptions(
  { shared, kernel, client, clientTimeout, folder }: GivenDiagnosis,
  way: string,
  seed: string,
): RawOptions<'run'> {
  return {
    ...shared,
    ...kernel.options,
    endpoint: 'any',
    seed,
    out: join(folder, way),
    ...(way === 'direct'
      ? {}
      : {
          client,
          clientTimeout,
          ...(kernel.clientEnv === null ? {} : { clientEnv: kernel.clientEnv }),
        }),
  };
}

/**
 * The experiments of all ways at once, of which one runs at a time.
 *
 * @throws what the first of them throws that could not be carried out; the others are ended and recorded before
 */
async function runInTurn(
  ways: readonly OpenWay[],
  maxMs: number,
  { signal, write }: RunSurroundings,
  openDisplay: OpenDiagnosisDisplay,
): Promise<void> {
  const runs = new Map<string, RunRecord[]>(
    ways.map(({ name, opened }) => [name, [...opened.session.recorded]]),
  );
  let isBroken = false;
  const { Alternation, alternatingSequence } = await import('./turns.ts');
  const recorded = new Map([...runs].map(([name, own]) => [name, new Set(own.map(({ block }) => block))]));
  const blocks = Math.max(0, ...ways.map(({ opened }) => opened.prepared.protocol.blocks));
  const turns = new Alternation(alternatingSequence(recorded, blocks), () =>
    isBroken
      ? 'the other way could not be carried out'
      : sameReason([...runs].map(([name, own]) => ({ name, runs: own }))),
  );
  const display = openDisplay(ways, write, maxMs);
  const results = await Promise.allSettled(
    ways.map(async ({ name, opened }) => {
      const events = display.eventsOf(name);
      try {
        await carryOutRuns(
          opened,
          {
            signal,
            maxMs,
            turns: turns.turnsOf(name),
            events: {
              ...events,
              onRun: (run) => {
                runs.get(name)?.push(run);
                events.onRun?.(run);
              },
            },
          },
          write,
        );
      } catch (error) {
        isBroken = true;
        throw error;
      } finally {
        turns.leave(name);
      }
    }),
  );
  display.close();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Why no further run is worth its time; `null`: one is. */
function sameReason(ways: Parameters<typeof sameEnding>[0]): string | null {
  const same = sameEnding(ways);
  if (same === null) return null;
  const where = same.cell === null ? '' : ` at cell ${same.cell}`;
  return `each of ${same.runs} runs ended in the same way${where}: ${kindWords(same.kind)}`;
}
