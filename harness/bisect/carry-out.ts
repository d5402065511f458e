import { loadArmSpec } from '../arms/arm-spec.ts';
import { readWantedPackages, withPackages } from '../arms/wanted-packages.ts';
import { type Prepared, prepareExperiment } from '../experiment/prepare.ts';
import { describeArmEnvironment } from '../experiment/prepare-arms.ts';
import { beginComparison } from '../experiment/session.ts';
import { MIRRORED_CHARACTERS } from '../frontend/notebook-outputs.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import type { JournalWriter } from '../journal/write.ts';
import { type ArmKernels, armKernelMaker } from '../kernel/arm-kernels.ts';
import { canonicalJson } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import { publicText } from '../model/public-text.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import type { BisectOptions } from '../options/bisect-options.ts';
import { forgetOptions } from '../options/kept-options.ts';
import { comparedRecord } from '../run/compare-outputs.ts';
import { runSubject } from '../run/run-subject.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { type Choice, chosenReleases } from './chosen-releases.ts';
import {
  type BatchRecord,
  type BisectEntry,
  type BisectJournal,
  type BisectProtocol,
  bisectProtocolHash,
  readBisect,
} from './journal.ts';
import { frozenProtocol, openBisectJournal, sessionEntry } from './open-journal.ts';
import type { BisectState } from './results.ts';
import { type BisectEnd, bisect } from './session.ts';

/** Errors that rule out one release on this machine, whatever the user does. The bisect skips that release. */
const UNUSABLE = new Set(['package-not-found', 'installation', 'arm-does-not-apply', 'no-ipykernel']);

// An installer's last words can be pages.
const REASON_LENGTH = 300;

/** What shows a bisect while it runs. */
export interface BisectDisplay {
  readonly batch: (plan: BatchRecord) => void;
  readonly run: (record: RunRecord) => void;
  readonly state: (state: BisectState) => void;
  /** Stop, and clear what was drawn: the command writes the last state itself. */
  readonly close: () => void;
}

export type OpenBisectDisplay = (protocol: BisectProtocol, write: (text: string) => void) => BisectDisplay;

/** A bisect to carry out. */
export interface GivenBisect {
  readonly options: BisectOptions;
  readonly folder: string;
  /** The protocol of an interrupted bisect to continue; `null` for a new bisect. */
  readonly recorded: BisectProtocol | null;
}

/**
 * Carry out `soak bisect`, new or continued, on real kernels, and write its evidence.
 *
 * @throws SoakError what preparing, running and writing throw; `cannot-resume`
 */
export async function carryOutBisect(
  { options, folder, recorded }: GivenBisect,
  surroundings: RunSurroundings,
  openDisplay: OpenBisectDisplay,
): Promise<{ protocol: BisectProtocol; end: BisectEnd }> {
  const { signal, write } = surroundings;
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
  const { writer, journal } = await openBisectJournal(folder, options, protocol, prepared, recorded !== null);
  write(
    `${protocol.package}, ${protocol.releases.length} releases from ${protocol.releases[0]} to ${protocol.releases.at(-1)}, ${protocol.traffic} traffic, seed ${protocol.seed}\nProtocol ${bisectProtocolHash(protocol).slice(0, 16)}, evidence in ${folder}\n\n`,
  );
  let end: BisectEnd;
  try {
    const makeRelease = releaseMaker(options, choice, journal, writer, surroundings);
    end = await runSession(prepared, journal, writer, makeRelease, surroundings, openDisplay);
    await writer.append(sessionEntry(end.event, end.reason));
  } catch (error) {
    await writer.append(sessionEntry('stopped', error instanceof SoakError ? error.code : 'internal error'));
    throw error;
  } finally {
    await writer.close();
  }
  if (end.event === 'finished') await forgetOptions(folder);
  const { writeBisect } = await import('./write-bisect.ts');
  await writeBisect(folder, (await readBisect(folder)).journal, end.state);
  return { protocol, end };
}

interface ReleaseMaker {
  /** @returns why the release cannot be run, or `null` when it can */
  readonly make: (release: number) => Promise<string | null>;
  readonly kernels: ReadonlyMap<number, ArmKernels>;
}

/** Makes the kernels of a release when it is first asked for, and records what they are. */
function releaseMaker(
  options: BisectOptions,
  choice: Choice,
  journal: BisectJournal,
  writer: JournalWriter<BisectEntry>,
  { signal, write }: RunSurroundings,
): ReleaseMaker {
  const { protocol } = journal.bisect;
  const kernelsOf = armKernelMaker({
    python: options.run.python ?? undefined,
    onProgress: (line) => write(`${line}\n`),
    signal,
  });
  const kernels = new Map<number, ArmKernels>();
  let wanted: ReturnType<typeof readWantedPackages> | undefined;
  const known = new Map(journal.releases.map((record) => [record.release, record]));

  const make = async (release: number): Promise<string | null> => {
    if (kernels.has(release)) return null;
    let made: ArmKernels;
    try {
      wanted ??= readWantedPackages(options.run.withPackages ?? [], options.run.requirementFiles ?? []);
      made = await kernelsOf(withPackages(await loadArmSpec(choice.specOf(release)), await wanted));
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
          remedy: 'Its sources or its environment changed. Begin a new bisect.',
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
  return { make, kernels };
}

function runSession(
  prepared: Prepared,
  journal: BisectJournal,
  writer: JournalWriter<BisectEntry>,
  { make, kernels }: ReleaseMaker,
  { signal, write }: RunSurroundings,
  openDisplay: OpenBisectDisplay,
): Promise<BisectEnd> {
  const [notebook] = prepared.notebooks;
  if (notebook === undefined) throw new Error('A bisect was prepared without its notebook.');
  return withSharedContext(prepared, async (context) => {
    const append = (entry: BisectEntry) => writer.append(entry);
    const comparison = await beginComparison(append, prepared, journal.outputs.keys());
    const kept = comparison === null ? { ...context, keptCharacters: MIRRORED_CHARACTERS } : context;
    const display = openDisplay(journal.bisect.protocol, write);
    try {
      return await bisect({
        journal,
        append,
        makeRelease: make,
        run: async (release, order) => {
          const arm = kernels.get(release);
          if (arm === undefined) throw new Error('A release is run before it was made.');
          const result = await runSubject(order, notebook, arm, kept, signal);
          return result === null ? null : await comparedRecord(result, comparison, notebook, append);
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
