import { canonicalJson } from '../model/canonical.ts';
import { type CellListing, cellOutputsRecord } from '../model/cell-outputs.ts';
import { SoakError } from '../model/errors.ts';
import type {
  Baseline,
  ExperimentRecord,
  Journal,
  JournalRecord,
  RunRecord,
  SessionRecord,
  Source,
} from '../model/journal.ts';
import { type ProtocolDifference, protocolDifferences } from '../model/protocol-differences.ts';
import { byBegin, sourceId } from '../model/source.ts';

/** A journal and what it is called in messages, such as its folder. */
export interface NamedJournal {
  readonly name: string;
  readonly journal: Journal;
}

/** Several journals as one. */
export interface MergedJournal {
  readonly experiment: ExperimentRecord;
  /** Every record after the experiment, in the order of the file. */
  readonly records: () => Iterable<JournalRecord>;
  readonly runs: number;
  /** Runs that more than one journal had, each counted once. */
  readonly duplicates: number;
}

/** What one `soak run` recorded, with run names as it gave them. */
interface Part {
  readonly name: string;
  readonly source: Source;
  readonly runs: ReadonlyMap<string, RunRecord>;
  readonly sessions: readonly SessionRecord[];
  readonly abandoned: ReadonlySet<string>;
}

/** Commands that a merged record repeats in full. */
const NAMED_COMMANDS = 12;

/**
 * Merge journals of shards, hosts and nights of one protocol. A run is known by its source (`sourceId`: one
 * `soak run`, resumed or not) and its name:
 *
 * - the same source and name in two journals is one run that was copied: counted once if both records are the
 *   same, refused if they differ;
 * - the same name of two sources is the same place of the schedule run twice, on two hosts or nights: both
 *   count, each in its stratum (`strataOf`), unless both records are one and the same, which no two runs are.
 *
 * The result depends on the set of runs alone: order and grouping of the merges change nothing, and merged
 * journals can be merged again.
 *
 * @throws SoakError `different-protocols`, `merge-conflict`, `bad-journal`
 */
export function mergedJournal(journals: readonly NamedJournal[]): MergedJournal {
  const [first] = journals;
  if (first === undefined) throw new Error('nothing to merge');
  assertOneProtocol(journals);
  const parts = new Map<string, Part>();
  let duplicates = 0;
  for (const part of journals.flatMap(partsOf)) {
    const known = parts.get(part.source.id);
    if (known === undefined) {
      parts.set(part.source.id, part);
      continue;
    }
    for (const run of part.runs.keys()) if (known.runs.has(run)) duplicates += 1;
    parts.set(part.source.id, united(known, part));
  }
  const ordered = [...parts.values()].sort((a, b) => byBegin(a.source, b.source));
  const areUnique = assertDistinct(ordered);
  return {
    experiment: { ...mergedExperiment(first.journal.experiment, ordered), ...patchesOf(journals) },
    records: () => mergedRecords(ordered, areUnique, outputsOf(journals)),
    runs: ordered.reduce((sum, { runs }) => sum + runs.size, 0),
    duplicates,
  };
}

/** Settings of the endpoint by the option that sets them, and what stands for its default. */
const ENDPOINT_OPTIONS: Readonly<Record<string, readonly [option: string, unset: string]>> = {
  endpoint: ['--endpoint', 'wedged'],
  slowAfterMs: ['--slow-after, ms', 'none'],
  memoryAboveBytes: ['--memory-above, bytes', 'none'],
  also: ['--also', 'none'],
};

function differenceWords({ what, first, second }: ProtocolDifference): string {
  const [name, unset] = ENDPOINT_OPTIONS[what] ?? [what, 'none'];
  const [a, b] = [first, second].map((value) => (value === 'none' ? unset : value));
  return `${name} (${a} and ${b})`;
}

function assertOneProtocol(journals: readonly NamedJournal[]): void {
  const groups = new Map<string, NamedJournal[]>();
  for (const each of journals) {
    const hash = each.journal.experiment.protocolSha256;
    groups.set(hash, [...(groups.get(hash) ?? []), each]);
  }
  const [[main] = [], ...others] = [...groups.values()].sort((a, b) => b.length - a.length);
  const [other] = others[0] ?? [];
  if (main === undefined || other === undefined) return;
  const differences = protocolDifferences(
    main.journal.experiment.protocol,
    other.journal.experiment.protocol,
  ).map(differenceWords);
  throw new SoakError(
    'different-protocols',
    `${main.name} and ${other.name} have different protocols and cannot be merged: ${differences.join(', ')}.`,
    {
      remedy:
        'Merge experiments with the same options, --seed, arms, notebooks, environment and kernel-soak. To see two protocols side by side, use soak compare. For many nights, use soak history.',
    },
  );
}

function partsOf({ name, journal }: NamedJournal): Part[] {
  const { experiment, sha256, torn } = journal;
  const {
    sources,
    patches: _patches,
    protocol: _protocol,
    protocolSha256,
    type: _type,
    schema: _schema,
    ...own
  } = experiment;
  if (sources === undefined) {
    const source: Source = { ...own, id: sourceId(experiment), journals: [sha256], torn };
    return [
      {
        name,
        source,
        runs: new Map(recordedRuns(journal).map((run) => [run.run, run])),
        sessions: journal.sessions,
        abandoned: new Set(journal.abandoned),
      },
    ];
  }
  return sources.map((source) => {
    if (sourceId({ ...source, protocolSha256 }) !== source.id) {
      throw new SoakError(
        'bad-journal',
        `The journal of ${name} was changed: the id of its source ${source.id} does not match the source's description.`,
        { remedy: 'Merge again from the journals that soak run wrote.' },
      );
    }
    const suffix = `@${source.id}`;
    const bare = (run: string) => (run.endsWith(suffix) ? run.slice(0, -suffix.length) : run);
    const of = <T extends { readonly source?: string | undefined }>(records: readonly T[]) =>
      records.filter((record) => record.source === source.id).map(({ source: _, ...record }) => record);
    return {
      name,
      source,
      runs: new Map(
        of(recordedRuns(journal)).map((run) => [bare(run.run), { ...run, run: bare(run.run) } as RunRecord]),
      ),
      sessions: of(journal.sessions) as SessionRecord[],
      abandoned: new Set(journal.abandoned.filter((run) => run.endsWith(suffix)).map(bare)),
    };
  });
}

/** The runs as they were recorded: without the losses that follow from all of a journal's runs together. */
function recordedRuns({ experiment, runs }: Journal): readonly RunRecord[] {
  if (experiment.protocol.expected?.kind !== 'reference') return runs;
  return runs.map(({ losses: _, ...run }) => run);
}

/** Two copies of one source's journal, either of which may have grown longer. */
function united(a: Part, b: Part): Part {
  const facts = ({ journals: _journals, torn: _torn, ...rest }: Source) => canonicalJson(rest);
  if (facts(a.source) !== facts(b.source)) {
    throw conflict(`${a.name} and ${b.name} say different things of their source ${a.source.id}`);
  }
  const runs = new Map(a.runs);
  for (const [name, run] of b.runs) {
    const known = runs.get(name);
    if (known !== undefined && canonicalJson(known) !== canonicalJson(run)) {
      throw conflict(`${a.name} and ${b.name} record the run ${name} of ${a.source.id} differently`);
    }
    runs.set(name, run);
  }
  const sessions = new Map([...a.sessions, ...b.sessions].map((each) => [canonicalJson(each), each]));
  return {
    name: a.name,
    source: {
      ...a.source,
      journals: [...new Set([...a.source.journals, ...b.source.journals])].sort(),
      torn: a.source.torn || b.source.torn,
    },
    runs,
    sessions: [...sessions]
      .sort(([x, { at: i }], [y, { at: j }]) => compare(i, j) || compare(x, y))
      .map(([, each]) => each),
    abandoned: new Set([...a.abandoned, ...b.abandoned].filter((run) => !runs.has(run))),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Whether every run's name is of one source alone.
 *
 * @throws SoakError `merge-conflict` when two sources hold the very same record
 */
function assertDistinct(parts: readonly Part[]): boolean {
  const seen = new Map<string, { readonly part: Part; readonly run: RunRecord }[]>();
  let areUnique = true;
  for (const part of parts) {
    for (const [name, run] of part.runs) {
      const others = seen.get(name) ?? [];
      if (others.length > 0) areUnique = false;
      const copy = others.find(
        (other) => other.run.at === run.at && canonicalJson(other.run) === canonicalJson(run),
      );
      if (copy !== undefined) {
        throw conflict(
          `${copy.part.name} and ${part.name} hold the very same record of the run ${name}, as of two sources (${copy.part.source.id} and ${part.source.id})`,
        );
      }
      seen.set(name, [...others, { part, run }]);
    }
  }
  return areUnique;
}

function conflict(reason: string): SoakError {
  return new SoakError('merge-conflict', `These journals contradict each other: ${reason}.`, {
    remedy:
      'Either a journal was changed, or an experiment was resumed in two copies. Leave out the journal that you do not trust.',
  });
}

function mergedExperiment(record: ExperimentRecord, parts: readonly Part[]): ExperimentRecord {
  const sources = parts.map(({ source }) => source);
  const [first] = sources;
  if (first === undefined) throw new Error('nothing to merge');
  const commands = [...new Set(sources.map(({ command }) => command))];
  const { type, schema, protocol, protocolSha256 } = record;
  return {
    type,
    schema,
    at: first.at,
    protocol,
    protocolSha256,
    environment: first.environment,
    ...(first.armEnvironments === undefined ? {} : { armEnvironments: first.armEnvironments }),
    command: [
      ...commands.slice(0, NAMED_COMMANDS),
      ...(commands.length > NAMED_COMMANDS ? [`# and ${commands.length - NAMED_COMMANDS} more`] : []),
      'npm run soak -- merge DIR… --out DIR',
    ].join('\n'),
    baseline: mergedBaseline(sources.map(({ baseline }) => baseline)),
    sources,
  };
}

/**
 * Counts of another experiment are no part of the protocol: a baseline that the sources do not share is left out. What
 * differs from it may be another thing on each machine, and all of it is kept.
 */
function mergedBaseline(baselines: readonly (Baseline | null)[]): Baseline | null {
  const [first] = baselines;
  if (first === undefined || first === null) return null;
  const counts = (baseline: Baseline | null) => canonicalJson({ ...baseline, differences: undefined });
  if (baselines.some((each) => each === null || counts(each) !== counts(first))) return null;
  if (baselines.some((each) => each?.differences === undefined)) {
    const { differences: _unknown, ...rest } = first;
    return rest;
  }
  const all = baselines.flatMap((each) => each?.differences ?? []);
  return { ...first, differences: [...new Map(all.map((each) => [canonicalJson(each), each])).values()] };
}

/** The patches that any of the journals holds; all are of one protocol, which names them by their hashes. */
function patchesOf(journals: readonly NamedJournal[]): Pick<ExperimentRecord, 'patches'> {
  const all = journals.flatMap(({ journal }) => Object.entries(journal.experiment.patches ?? {}));
  if (all.length === 0) return {};
  return { patches: Object.fromEntries([...all].sort(([a], [b]) => compare(a, b))) };
}

/** What cells showed in any of the journals, in an order that depends on nothing else. */
function outputsOf(journals: readonly NamedJournal[]): CellListing[] {
  const all = new Map(journals.flatMap(({ journal }) => [...journal.outputs]));
  return [...all].sort(([a], [b]) => compare(a, b)).map(([, listing]) => listing);
}

function* mergedRecords(
  parts: readonly Part[],
  areUnique: boolean,
  outputs: readonly CellListing[],
): Iterable<JournalRecord> {
  for (const listing of outputs) yield cellOutputsRecord(listing);
  for (const { source, runs, sessions, abandoned } of parts) {
    const { id } = source;
    const ordered = [...runs.values()].sort((a, b) => a.block - b.block || a.position - b.position);
    for (const record of ordered) {
      const run = areUnique ? record.run : `${record.run}@${id}`;
      yield { type: 'begin', run, at: record.at, source: id };
      const { type, run: _run, ...rest } = record;
      yield { type, run, source: id, ...rest };
    }
    // With the source, always: by the plain name another source's run would pass for this one.
    for (const run of [...abandoned].sort()) {
      yield { type: 'begin', run: `${run}@${id}`, at: source.at, source: id };
    }
    for (const session of sessions) yield { ...session, source: id };
  }
}
