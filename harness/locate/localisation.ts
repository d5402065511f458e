import { isClientPackage, type ProtocolArm } from '../model/arm.ts';
import { type Endpoint, type EndpointRule, endpointRule } from '../model/endpoint.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { isWedge } from '../model/outcome.ts';
import { runStatus } from '../model/run-status.ts';
import { referenceHashes } from '../oracle/reference-outputs.ts';
import { clopperPearson, upperBound } from '../stats/intervals.ts';

/** The ways to a kernel on which the same notebook is run. `rest`: a server executes the cells itself. */
export const PATHS = ['direct', 'server', 'rest', 'nbclient'] as const;
export type PathName = (typeof PATHS)[number];

/** Where a fault can be: in the kernel, in a server or another program on the way, in the client. */
export const PLACES = ['kernel', 'server', 'client'] as const;
export type Place = (typeof PLACES)[number];

/** Runs of one arm on one path, by where their faults were. A run may have faults in two places. */
export interface PathArm {
  readonly arm: string;
  /** Runs that could be observed: all except those that say nothing about any place. */
  readonly runs: number;
  readonly kernel: number;
  /** Faults of the kernel that have a certificate. */
  readonly certified: number;
  readonly server: number;
  readonly client: number;
  /** Runs that showed the endpoint's event, where nothing that was recorded says whose it was. */
  readonly unplaced: number;
  /** Excluded runs: they say nothing about any place. */
  readonly excluded: number;
}

/** One path of the matrix. */
export interface PathResult {
  readonly path: PathName;
  /** The experiment's protocol hash. */
  readonly protocolSha256: string;
  readonly ipykernel: string;
  /** Versions of the client or of the server, such as `nbclient 0.10.2`. */
  readonly versions: readonly string[];
  readonly notebooks: readonly string[];
  readonly arms: readonly PathArm[];
}

/** What is known about one place, over all paths that could show it and all arms that are not meant to cure it. */
export interface PlaceResult {
  readonly place: Place;
  readonly faults: number;
  readonly runs: number;
  /** Runs with an event that may have been of this place or of another: no interval holds then. */
  readonly unplaced: number;
  /** Clopper–Pearson, 95 %; `null` without a run that could show such a fault, or with an event that has no place. */
  readonly interval: readonly [number, number] | null;
  /** One-sided 95 %. */
  readonly upper: number | null;
  /** Paths on which faults of this place were seen. */
  readonly paths: readonly PathName[];
}

/** Where the fault is, by the matrix of paths and arms. */
export interface Localisation {
  readonly paths: readonly PathResult[];
  readonly places: readonly PlaceResult[];
  /** Places with a fault, the highest rate first; empty if nothing failed. */
  readonly found: readonly Place[];
  /** What is looked for. The default: wedges, stalls and lost messages together. */
  readonly rule: EndpointRule;
  /** Cells of which most of control's runs on one path show something else than on another (`--expect reference`). */
  readonly otherReferences: readonly NotebookCell[];
}

/** A code cell, 0-based among those of its notebook that are executed. */
export interface NotebookCell {
  readonly notebook: string;
  readonly cell: number;
}

/** What was recorded by one path. */
export interface LocatedJournal {
  readonly path: PathName;
  readonly journal: Journal;
}

/** Which path an experiment took. */
export function pathOf({ experiment }: Journal): PathName | null {
  const { client, transport } = experiment.protocol;
  if (client !== undefined) return client.name === 'nbclient' ? 'nbclient' : null;
  if (transport === undefined) return 'direct';
  return transport.via ?? 'server';
}

/** Endpoints whose event is the kernel's, whatever the path. */
const KERNELS: readonly (Endpoint | undefined)[] = ['hung', 'died', 'memory'];

/** Events that happen before a run ends: the source of its ending is not theirs. */
const ON_THE_WAY: readonly Endpoint[] = ['lost-output', 'slow', 'memory'];

/**
 * Where the event of a named endpoint was; `unplaced` if it was seen and nothing that was recorded says where; `null` if
 * the run says nothing about any place. On the direct path there is nothing but the harness beside the kernel.
 */
export function eventPlaces(
  run: RunRecord,
  rule: EndpointRule,
  path: PathName,
): ReadonlySet<Place> | 'unplaced' | null {
  const status = runStatus(run, rule);
  if (status === 'completed') return new Set();
  if (status !== 'wedged') return null;
  const place = PLACES.find((each) => each === run.outcome.source);
  const isEnding = rule.endpoint === undefined || !ON_THE_WAY.includes(rule.endpoint);
  if (isEnding && place !== undefined && run.outcome.kind !== 'completed') return new Set([place]);
  // A cell that raised is the notebook's own, unless it was seen otherwise.
  if (isEnding && run.outcome.source === 'notebook') return 'unplaced';
  return KERNELS.includes(rule.endpoint) || path === 'direct' ? new Set<Place>(['kernel']) : 'unplaced';
}

/** Where a run's faults were; `null` if it says nothing about any place. */
export function faultPlaces({ outcome, stalls }: RunRecord): ReadonlySet<Place> | null {
  const places = new Set<Place>();
  // A client that stalled and then found the reply by its own time-out has completed the run.
  if (stalls !== undefined && stalls.length > 0) places.add('client');
  const { kind, source } = outcome;
  const isLost = kind === 'lost-reply' || kind === 'lost-request' || kind === 'lost-idle';
  if (kind === 'completed') return places;
  if (isWedge(kind)) return places.add('kernel');
  if (kind === 'stalled') return places.add('client');
  if (isLost && (source === 'kernel' || source === 'server' || source === 'client'))
    return places.add(source);
  return places.size > 0 ? places : null;
}

function pathArm(name: string, runs: readonly RunRecord[], rule: EndpointRule, path: PathName): PathArm {
  const mine = runs.filter(({ arm }) => arm === name);
  const seen = mine.flatMap((run) => {
    const found = rule.endpoint === undefined ? faultPlaces(run) : eventPlaces(run, rule, path);
    if (found === null) return [];
    return [
      { run, isUnplaced: found === 'unplaced', places: found === 'unplaced' ? new Set<Place>() : found },
    ];
  });
  const at = (place: Place) => seen.filter(({ places }) => places.has(place)).length;
  return {
    arm: name,
    runs: seen.length,
    kernel: at('kernel'),
    certified: seen.filter(({ run }) => run.outcome.kind === 'wedged-stranded').length,
    server: at('server'),
    client: at('client'),
    unplaced: seen.filter(({ isUnplaced }) => isUnplaced).length,
    excluded: mine.length - seen.length,
  };
}

function pathResult(path: PathName, { experiment, runs }: Journal): PathResult {
  const { protocol, protocolSha256, environment } = experiment;
  const versions = (protocol.client ?? protocol.transport)?.versions ?? {};
  return {
    path,
    protocolSha256,
    ipykernel: environment.ipykernel,
    versions: Object.entries(versions).map(([name, version]) => `${name} ${version}`),
    notebooks: protocol.notebooks.map(({ name }) => name),
    arms: protocol.arms.map(({ name }) => pathArm(name, runs, endpointRule(protocol), path)),
  };
}

/** The place that an arm is meant to cure; `null`: none. */
function treats({ role, package: changed }: ProtocolArm): Place | null {
  if (role !== 'treatment') return null;
  return changed !== undefined && isClientPackage(changed) ? 'client' : 'kernel';
}

export function isThroughServer(path: PathName): boolean {
  return path === 'server' || path === 'rest';
}

/** Whether a fault of this place could have shown on this path. */
function couldShow(place: Place, path: PathName): boolean {
  return place === 'kernel' || (place === 'server' ? isThroughServer(path) : path === 'nbclient');
}

/**
 * The same arms on several paths, and where their faults were. Faults are placed run by run, by what was seen of the
 * run. An arm that is meant to cure a place does not count for that place, but stays in the matrix.
 *
 * @param journals one for each path
 */
export function localisation(journals: readonly LocatedJournal[]): Localisation {
  const rule = endpointRule(journals[0]?.journal.experiment.protocol ?? {});
  const paths = journals.map(({ path, journal }) => pathResult(path, journal));
  const all = journals.flatMap(({ path, journal }) =>
    journal.experiment.protocol.arms.map((arm) => ({
      path,
      treated: treats(arm),
      arm: pathArm(arm.name, journal.runs, rule, path),
    })),
  );
  const places = PLACES.map((place): PlaceResult => {
    const able = all.filter(({ path, treated }) => couldShow(place, path) && treated !== place);
    const faults = able.reduce((sum, { arm }) => sum + arm[place], 0);
    const runs = able.reduce((sum, { arm }) => sum + arm.runs, 0);
    const unplaced = able.reduce((sum, { arm }) => sum + arm.unplaced, 0);
    const isKnown = runs > 0 && unplaced === 0;
    const count = { wedged: faults, runs };
    return {
      place,
      faults,
      runs,
      unplaced,
      interval: isKnown ? clopperPearson(count) : null,
      upper: isKnown ? upperBound(count) : null,
      paths: [...new Set(able.filter(({ arm }) => arm[place] > 0).map(({ path }) => path))],
    };
  });
  const found = places
    .filter(({ faults }) => faults > 0)
    .sort((a, b) => b.faults / b.runs - a.faults / a.runs)
    .map(({ place }) => place);
  return { paths, places, found, rule, otherReferences: otherReferences(journals) };
}

/** Cells whose expected output is not the same on all paths, where each path's own control says what is expected. */
export function otherReferences(journals: readonly Pick<LocatedJournal, 'journal'>[]): NotebookCell[] {
  const [first] = journals;
  const { expected, notebooks = [] } = first?.journal.experiment.protocol ?? {};
  if (expected?.kind !== 'reference') return [];
  return notebooks.flatMap(({ name, codeCells }, notebook) => {
    const references = journals.map(({ journal }) =>
      referenceHashes(journal.experiment, journal.runs, notebook),
    );
    return codeCells.flatMap((_, cell): NotebookCell[] => {
      const known = new Set(references.flatMap((hashes) => hashes[cell] ?? []));
      return known.size > 1 ? [{ notebook: name, cell }] : [];
    });
  });
}
