import { isClientPackage, type ProtocolArm } from '../model/arm.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { isWedge } from '../model/outcome.ts';
import { clopperPearson, upperBound } from '../stats/intervals.ts';

/** The ways to a kernel on which the same notebook is run. */
export const PATHS = ['direct', 'server', 'nbclient'] as const;
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
  /** Clopper–Pearson, 95 %; `null` without a run that could show such a fault. */
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
  return transport === undefined ? 'direct' : 'server';
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

function pathArm(name: string, runs: readonly RunRecord[]): PathArm {
  const mine = runs.filter(({ arm }) => arm === name);
  const seen = mine.flatMap((run) => {
    const places = faultPlaces(run);
    return places === null ? [] : [{ run, places }];
  });
  const at = (place: Place) => seen.filter(({ places }) => places.has(place)).length;
  return {
    arm: name,
    runs: seen.length,
    kernel: at('kernel'),
    certified: seen.filter(({ run }) => run.outcome.kind === 'wedged-stranded').length,
    server: at('server'),
    client: at('client'),
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
    arms: protocol.arms.map(({ name }) => pathArm(name, runs)),
  };
}

/** The place that an arm is meant to cure; `null`: none. */
function treats({ role, package: changed }: ProtocolArm): Place | null {
  if (role !== 'treatment') return null;
  return changed !== undefined && isClientPackage(changed) ? 'client' : 'kernel';
}

/** Whether a fault of this place could have shown on this path. */
function couldShow(place: Place, path: PathName): boolean {
  return place === 'kernel' || (place === 'server' ? path === 'server' : path === 'nbclient');
}

/**
 * The same arms on several paths, and where their faults were. Faults are placed run by run, by what was seen of the
 * run. An arm that is meant to cure a place does not count for that place, but stays in the matrix.
 *
 * @param journals one for each path
 */
export function localisation(journals: readonly LocatedJournal[]): Localisation {
  const paths = journals.map(({ path, journal }) => pathResult(path, journal));
  const all = journals.flatMap(({ path, journal }) =>
    journal.experiment.protocol.arms.map((arm) => ({
      path,
      treated: treats(arm),
      arm: pathArm(arm.name, journal.runs),
    })),
  );
  const places = PLACES.map((place): PlaceResult => {
    const able = all.filter(({ path, treated }) => couldShow(place, path) && treated !== place);
    const faults = able.reduce((sum, { arm }) => sum + arm[place], 0);
    const runs = able.reduce((sum, { arm }) => sum + arm.runs, 0);
    const count = { wedged: faults, runs };
    return {
      place,
      faults,
      runs,
      interval: runs === 0 ? null : clopperPearson(count),
      upper: runs === 0 ? null : upperBound(count),
      paths: [...new Set(able.filter(({ arm }) => arm[place] > 0).map(({ path }) => path))],
    };
  });
  const found = places
    .filter(({ faults }) => faults > 0)
    .sort((a, b) => b.faults / b.runs - a.faults / a.runs)
    .map(({ place }) => place);
  return { paths, places, found };
}
